"""What the commands that load models do, as functions on values; a command is one of these calls and a print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf
from zoo.transferring import Prepared, Run, prepare, replay, resume, transfer

__all__ = [
    "Evaluation", "Prepared", "Run", "evaluate", "export", "import_model", "layers", "load", "lr_find", "predict",
    "prepare", "replay", "resume", "transfer",
]  # fmt: skip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from transfer.backbone import Backbone
    from transfer.data import records
    from transfer.data.dataset import Samples
    from transfer.data.records import Broken
    from transfer.data.target import Target
    from transfer.evaluate import Score
    from transfer.extract import Forward
    from transfer.lr_range import Range
    from transfer.plan.imaging import Imaging
    from transfer.plan.selection import Selection
    from zoo.exporting import Exported


def layers(ref: str, reuse: str | None = None, freeze: str | None = None) -> Selection:
    """Return a model's layers, and what regexes would reuse and freeze of them; from its card alone."""
    from transfer.plan.selection import Selection, choose

    card = Shelf().find(ref).card
    return Selection(card.layers, (), ()) if reuse is None else choose(card.layers, reuse, freeze)


def load(ref: str) -> Backbone:
    """Load a model by reference as a backbone, whose `model` is a `keras.Model`."""
    from zoo.opening import open_model

    shelf = Shelf()
    return open_model(shelf, shelf.find(ref))


def lr_find(ref: str, data: str | None = None, **options: Any) -> Range:
    """Find a learning rate for a transfer's first phase; the arguments are those of `transfer`.

    Returns:
        The rates that were tried, the loss at each, and the rate that is suggested. Nothing is trained or recorded.

    Raises:
        ZooError: something does not fit, or no rate lowers the loss.
    """
    from registry.watch import silent
    from zoo.rate_finding import find_rate

    watch = options.pop("watch", None) or silent
    return find_rate(prepare(ref, data, **options), watch)


def import_model(path: str, name: str, **options: Any) -> Model:
    """Turn a foreign checkpoint into a Keras model in the local catalogue; see `zoo.importing.Request` for options."""
    from zoo.importing import Request

    return Request(path, name, **options).read().commit()


def export(ref: str, to: str, path: str | None = None, *, force: bool = False) -> Exported:
    """Write a model in another format, compared with it first; see `zoo.exporting.prepare` for the arguments."""
    from zoo.exporting import prepare as prepared

    return prepared(ref, to, path, force=force).run()


@dataclass(frozen=True)
class Evaluation:
    """How a model did on a split, what it was scored by, what the data are called, what of them is left out, what a
    person should know of them, and which split it was.
    """  # fmt: skip

    score: Score
    target: Target
    data: str
    broken: tuple[Broken, ...]
    notes: tuple[str, ...] = ()
    split: str = "test"


def evaluate(
    ref: str, data: str | None = None, *, split: str | None = None, backend: str = "auto", **options: Any
) -> Evaluation:
    """Score a model on labelled data whose labels it knows: on one split, or with the split `all` on every sample.

    Where none is named that is the test split, or the validation of data that hold nothing else. The data are read and
    split as in the run that made the model, so that its test samples are the same; data that cannot be read so, since
    they have no such group or column, as they are. A model may give logits or probabilities, and of two classes one
    output, the second's. `options` (`zoo.plans.DataOptions`) say what is to be otherwise. `backend` names what
    computes; of many samples that is the fastest on the first batch.
    """
    from zoo.opening import find_data, open_model
    from zoo.plans import data_options
    from zoo.running import check_backend, running
    from zoo.scoring import check_split, choose

    check_backend(backend)
    check_split(split)
    shelf = Shelf()
    model = shelf.find(ref)
    where = find_data(shelf, model, data)
    chosen, imaging = choose(where, model.card, options, split), data_options(options)[1]
    backbone, target = open_model(shelf, model), chosen.data.target
    import numpy as np

    from transfer.evaluate import scored
    from transfer.logits import gives_probabilities, logits

    run = running(shelf, model, backend)
    found = np.concatenate([_outputs(backbone, part.samples, imaging, where.name, run) for part in chosen.parts])
    shape = found.shape[1:]
    if found.ndim == 2:
        found = logits(found, target.kind, squashed=gives_probabilities(backbone.model))
    if found.shape[1:] != (target.width,):
        raise ZooError(
            f"{model.name} gives outputs of shape {shape}; the data have {target.asked}",
            f"new outputs for them: zoo transfer {model.name} --data {where.name} --reuse REGEX",
        )
    score = scored(found, np.concatenate([part.y for part in chosen.parts]), target)
    return Evaluation(score, target, where.name, chosen.data.broken, chosen.notes, chosen.split)


def _outputs(backbone: Backbone, samples: records.Samples, imaging: Imaging, where: str, run: Forward) -> NDArray[Any]:
    from transfer.extract import outputs
    from transfer.presented import feed_of, fitted

    backbone = fitted(backbone, samples, imaging)
    return outputs(backbone.model, feed_of(backbone, backbone.inputs, samples, where), run)


def predict(ref: str, x: Samples, backend: str = "auto") -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Return a model's outputs for samples `(n, ...)`: its own input, or raw numbers that its card prepares.

    Args:
        ref: the model.
        x: one array, or a mapping with one for each input by name where there are several.
        backend: what computes; of many samples the fastest on the first batch.

    Returns:
        One array, or one by output name where the model has several outputs.

    Raises:
        ZooError: the samples do not fit the model.
    """
    from zoo.opening import open_model
    from zoo.running import check_backend, running

    check_backend(backend)
    shelf = Shelf()
    model = shelf.find(ref)
    backbone = open_model(shelf, model)
    from transfer.extract import named_outputs
    from transfer.inputs import feed

    given = feed(x, backbone.inputs, backbone.preprocessing, "the samples")
    found = named_outputs(backbone.model, given, running(shelf, model, backend))
    return found if len(found) > 1 else next(iter(found.values()))
