"""What the commands that load models do, as functions on values; a command is one of these calls and a print."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    from transfer.data.dataset import Dataset, Samples
    from transfer.data.reading import Reading
    from transfer.data.records import Broken
    from transfer.data.target import Target
    from transfer.evaluate import Score
    from transfer.lr_range import Range
    from transfer.plan.selection import Selection
    from zoo.exporting import Exported
    from zoo.opening import DataRef


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


def _scored(
    where: DataRef, as_before: Reading, as_asked: Reading, classes: tuple[str, ...]
) -> tuple[Dataset, tuple[str, ...]]:
    """Read data as the model's run did, or where that fails as the user asked; of two errors the first is raised."""
    from zoo.opening import read_data

    try:
        return read_data(where, as_before, classes=classes), ()
    except ZooError as error:
        try:
            found = read_data(where, replace(as_asked, target_type=as_before.target_type), classes=classes)
            return found, (f"not read and split as in the model's run: {error.message}",)
        except ZooError:
            raise error from None


@dataclass(frozen=True)
class Evaluation:
    """How a model did on a split, what it was scored by, what the data are called, what of them is left out, and what
    a person should know of them.
    """  # fmt: skip

    score: Score
    target: Target
    data: str
    broken: tuple[Broken, ...]
    notes: tuple[str, ...] = ()


def evaluate(
    ref: str, data: str | None = None, *, split: str = "test", backend: str = "auto", **options: Any
) -> Evaluation:
    """Score a model on one split of labelled data whose labels it knows.

    The data are read and split as in the run that made the model, so that its test samples are the same; data that
    cannot be read so, since they have no such group or column, as they are. A model may give logits or probabilities,
    and of two classes one output, the second's. `options` (`zoo.plans.DataOptions`) say what is to be otherwise.
    `backend` names what computes; of many samples that is the fastest on the first batch.
    """
    from zoo.opening import find_data, open_model
    from zoo.plans import data_options, read_before
    from zoo.running import check_backend, running

    check_backend(backend)
    shelf = Shelf()
    model = shelf.find(ref)
    where = find_data(shelf, model, data)
    reading, imaging = data_options({**read_before(model.card, where), **options})
    samples, notes = _scored(where, reading, data_options(options)[0], model.card.classes)
    made_of = model.card.lineage.fingerprint if model.card.lineage else ""
    if made_of and made_of != samples.fingerprint:
        notes += ("these are other data than the model's run had; samples that they share may have been trained on",)
    if split not in samples.splits or not len(samples.splits[split]):
        raise ZooError(f"{where.name} has no {split} split", "pass --split train, valid or test")
    backbone = open_model(shelf, model)
    from transfer.evaluate import scored
    from transfer.extract import outputs
    from transfer.logits import gives_probabilities, logits
    from transfer.presented import feed_of, fitted

    backbone, chosen = fitted(backbone, samples.splits[split].samples, imaging), samples.splits[split]
    feed = feed_of(backbone, backbone.inputs, chosen.samples, where.name)
    found = outputs(backbone.model, feed, running(shelf, model, backend))
    target, shape = samples.target, found.shape[1:]
    if found.ndim == 2:
        found = logits(found, target.kind, squashed=gives_probabilities(backbone.model))
    if found.shape[1:] != (target.width,):
        raise ZooError(
            f"{model.name} gives outputs of shape {shape}; the data have {target.asked}",
            f"new outputs for them: zoo transfer {model.name} --data {where.name} --reuse REGEX",
        )
    return Evaluation(scored(found, chosen.y, target), target, where.name, samples.broken, notes)


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

    given = feed(x, backbone.inputs, backbone.preprocessing, "the input")
    found = named_outputs(backbone.model, given, running(shelf, model, backend))
    return found if len(found) > 1 else next(iter(found.values()))
