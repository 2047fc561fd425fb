"""What the commands that load models do, as functions on values; a command is one of these calls and a print."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from registry.watch import Watch
    from transfer.backbone import Backbone
    from transfer.data.dataset import Dataset, Samples
    from transfer.data.reading import Reading
    from transfer.data.records import Broken
    from transfer.data.target import Target
    from transfer.evaluate import Score
    from transfer.plan.plan import Plan
    from transfer.plan.selection import Selection
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
    from transfer.plan.selection import Selection, choose

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
    from transfer.plan.plan import AUTO
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
    from transfer.data.duplicates import shared_samples
    from transfer.plan.selection import choose

    selection = choose(model.card.layers, reuse, freeze)
    _check_phases(plan, selection)
    samples = read_data(where, plan.reading)
    samples = replace(samples, remarks=(*samples.remarks, *shared_samples(samples)))
    start = time.perf_counter()
    source = open_model(shelf, model)
    seconds = time.perf_counter() - start
    from transfer.presented import to_train

    return Prepared(plan, to_train(source, samples.train.samples, plan.imaging), samples, selection, seconds)


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
        data: a path, `MODEL:FILE` or a hub's data set (`transfer.data.kinds`); the default that the card names.
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


def evaluate(ref: str, data: str | None = None, *, split: str = "test", **options: Any) -> Evaluation:
    """Score a model on one split of labelled data whose labels it knows.

    The data are read and split as in the run that made the model, so that its test samples are the same; data that
    cannot be read so, since they have no such group or column, as they are. `options` (`zoo.plans.DataOptions`) say
    what is to be otherwise.
    """
    from zoo.opening import find_data, open_model
    from zoo.plans import data_options, read_before

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
    from transfer.presented import feed_of, fitted

    backbone, chosen = fitted(backbone, samples.splits[split].samples, imaging), samples.splits[split]
    found = outputs(backbone.model, feed_of(backbone, backbone.inputs, chosen.samples, where.name))
    if found.ndim != 2 or found.shape[1] != samples.target.width:
        raise ZooError(
            f"{model.name} gives outputs of shape {found.shape[1:]}; the data have {samples.target.width} classes"
        )
    return Evaluation(scored(found, chosen.y, samples.target), samples.target, where.name, samples.broken, notes)


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
