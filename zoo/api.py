"""What the commands that load models do, as functions on values; a command is one of these calls and a print."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from registry.watch import Watch
    from transfer.backbone import Backbone
    from transfer.data.dataset import Samples
    from transfer.evaluate import Score
    from transfer.plan import Plan, Selection
    from transfer.result import Result
    from transfer.runs import RunFolder
    from zoo.exporting import Exported
    from zoo.opening import DataRef
    from zoo.plans import Options


@dataclass(frozen=True)
class Run:
    """A finished transfer: its result, and the folder with its model and report."""

    result: Result
    folder: RunFolder


def layers(ref: str, reuse: str | None = None, freeze: str | None = None) -> Selection:
    """Return a model's layers, and what regexes would reuse and freeze of them; from its card alone."""
    from transfer.plan import Selection, choose

    card = Shelf().find(ref).card
    return Selection(card.layers, (), ()) if reuse is None else choose(card.layers, reuse, freeze)


def load(ref: str) -> Backbone:
    """Load a model by reference as a backbone, whose `model` is a `keras.Model`."""
    from zoo.opening import open_model

    shelf = Shelf()
    return open_model(shelf, shelf.find(ref))


def import_model(path: str, name: str, **options: Any) -> Model:
    """Turn a foreign checkpoint into a Keras model in the local catalogue; see `zoo.importing.Request` for options."""
    from zoo.importing import Request

    return Request(path, name, **options).read().commit()


def export(ref: str, to: str, path: str | None = None, *, force: bool = False) -> Exported:
    """Write a model in another format, compared with it first; see `zoo.exporting.prepare` for the arguments."""
    from zoo.exporting import prepare as prepared

    return prepared(ref, to, path, force=force).run()


def _check_phases(plan: Plan, selection: Selection) -> None:
    """Find a regex of a later phase that selects nothing before anything is trained."""
    from transfer.plan import AUTO
    from transfer.scope import compiled, select

    for pattern in () if plan.unfreeze == AUTO else plan.unfreeze:
        compiled(pattern)
        if plan.top.units is None:
            select(pattern, [layer.name for layer in selection.layers if layer.parameters])


@dataclass(frozen=True)
class Prepared:
    """A transfer that has everything it needs, and has not begun."""

    plan: Plan
    source: Backbone
    data: Any
    selection: Selection
    import_seconds: float

    def run(self, watch: Watch | None = None) -> Run:
        """Carry the plan out; the run is recorded below `$ZOO_HOME/runs`."""
        from registry.watch import silent
        from transfer.cache import FeatureCache
        from transfer.run import Job
        from transfer.runs import Runs
        from zoo.report import write_report

        home = Shelf().home
        with Runs(home.runs).new(self.plan) as folder:
            job = Job(self.plan, self.source, self.data, folder, FeatureCache(home.cache), watch or silent)
            result = job.run(self.import_seconds)
            write_report(folder, self.plan, result)
        return Run(result, folder)


def prepare(
    ref: str,
    data: str | None = None,
    *,
    reuse: str,
    freeze: str | None = None,
    unfreeze: str | Sequence[str] = "auto",
    seed: int = 0,
    **options: Unpack[Options],
) -> Prepared:
    """Check a transfer's every choice, then load its model and data; the arguments are those of `transfer`."""
    from zoo.opening import find_data, open_model, read_data
    from zoo.plans import make_plan

    shelf = Shelf()
    model = shelf.find(ref)
    if not model.card.layers:
        raise ZooError(
            f"{model.name} is kept as it came, in the format {model.card.format}, which cannot be opened yet",
            "zoo show lists its files; zoo list shows the models that can be opened with their parameters",
        )
    where = find_data(shelf, model, data)
    plan = make_plan(model.ref, where.name, reuse, freeze, unfreeze, seed, dict(options))
    from transfer.plan import choose

    selection = choose(model.card.layers, reuse, freeze)
    _check_phases(plan, selection)
    samples = read_data(where)
    start = time.perf_counter()
    source = open_model(shelf, model)
    return Prepared(plan, source, samples, selection, time.perf_counter() - start)


def transfer(
    ref: str,
    data: str | None = None,
    *,
    reuse: str,
    freeze: str | None = None,
    unfreeze: str | Sequence[str] = "auto",
    seed: int = 0,
    watch: Watch | None = None,
    **options: Unpack[Options],
) -> Run:
    """Reuse a model's lower layers on other data.

    Args:
        ref: the model, such as `mnist-dnn`.
        data: a path to an `.npz`, or `MODEL:FILE`; the default that the model's card names.
        reuse: a regex of the layers whose weights are kept.
        freeze: a regex of those of them that stay fixed at first; all of them.
        unfreeze: `auto`, `none`, or one regex a further phase.
        seed: of everything random.
        watch: called with progress.
        options: see `zoo.plans.Options`.

    Raises:
        ZooError: something does not fit; nothing has been changed.
    """
    return prepare(ref, data, reuse=reuse, freeze=freeze, unfreeze=unfreeze, seed=seed, **options).run(watch)


def evaluate(ref: str, data: str | None = None, *, split: str = "test") -> tuple[Score, DataRef]:
    """Score a model on one split of labelled data whose labels it knows."""
    from zoo.opening import find_data, open_model, read_data

    shelf = Shelf()
    model = shelf.find(ref)
    where = find_data(shelf, model, data)
    classes = model.card.classes or None
    samples = read_data(where, classes=classes)
    backbone = open_model(shelf, model)
    from transfer.evaluate import score
    from transfer.extract import outputs
    from transfer.inputs import feed

    if split not in samples.splits or not len(samples.splits[split]):
        raise ZooError(f"{where.name} has no {split} split", "pass --split train, valid or test")
    chosen = samples.splits[split]
    logits = outputs(backbone.model, feed(chosen.x, backbone.inputs, backbone.preprocessing, where.name))
    if logits.ndim != 2 or logits.shape[1] != len(samples.classes):
        raise ZooError(
            f"{model.name} gives outputs of shape {logits.shape[1:]}; the data have {len(samples.classes)} classes"
        )
    return score(logits, chosen.y, samples.classes), where


def predict(ref: str, x: Samples) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Return a model's outputs for samples `(n, ...)`: its own input, or raw numbers that its card prepares.

    Args:
        ref: the model.
        x: one array, or a mapping with one for each input by name where there are several.

    Returns:
        One array, or one by output name where the model has several outputs.

    Raises:
        ZooError: the samples do not fit the model.
    """
    from zoo.opening import open_model

    shelf = Shelf()
    backbone = open_model(shelf, shelf.find(ref))
    from transfer.extract import named_outputs
    from transfer.inputs import feed

    found = named_outputs(backbone.model, feed(x, backbone.inputs, backbone.preprocessing, "the input"))
    return found if len(found) > 1 else next(iter(found.values()))
