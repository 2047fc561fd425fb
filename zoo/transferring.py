"""A transfer from its options to its result; and the same again: resumed, or repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf

if TYPE_CHECKING:
    from registry.watch import Watch
    from transfer.backbone import Backbone
    from transfer.plan.plan import Plan
    from transfer.plan.selection import Selection
    from transfer.result import Result
    from transfer.runs import RunFolder
    from zoo.opening import DataRef
    from zoo.plans import Options

Bars = Callable[[], AbstractContextManager["Watch"]]


@dataclass(frozen=True)
class Run:
    """A finished transfer: its result, and the folder with its model and report."""

    result: Result
    folder: RunFolder


def _check_phases(plan: Plan, selection: Selection) -> None:
    """Find a regex of a later phase that selects nothing before anything is trained."""
    from transfer.plan.plan import AUTO, GRADUAL
    from transfer.scope import compiled, select

    for pattern in () if plan.unfreeze in (AUTO, GRADUAL) else plan.unfreeze:
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

    def run(self, watch: Watch | None = None, *, again: RunFolder | None = None) -> Run:
        """Carry the plan out; the run is recorded below `$ZOO_HOME/runs`, or in the folder that it goes on in."""
        from registry.watch import silent
        from transfer.cache import FeatureCache
        from transfer.run import Job
        from transfer.runs import Runs
        from zoo.report import write_report

        home = Shelf().home
        runs = Runs(home.runs)
        with runs.new(self.plan, self.data.fingerprint) if again is None else runs.again(again) as folder:
            job = Job(self.plan, self.source, self.data, folder, FeatureCache(home.cache), watch or silent)
            result = job.run(self.import_seconds)
            write_report(folder, self.plan, result)
        return Run(result, folder)


def repeated(prepared: Prepared, seeds: int, bars: Bars) -> list[Run]:
    """Carry a transfer out with several seeds, from its plan's own upwards; each gets progress of its own."""
    runs = []
    for number in range(seeds):
        plan = replace(prepared.plan, seed=prepared.plan.seed + number)
        with bars() as watch:
            runs.append(replace(prepared, plan=plan).run(watch))
    return runs


def prepare(
    ref: str,
    data: str | None = None,
    *,
    reuse: str,
    freeze: str | None = None,
    unfreeze: str | Sequence[str] | None = None,
    seed: int = 0,
    **options: Unpack[Options],
) -> Prepared:
    """Check a transfer's every choice, then load its model and data; the arguments are those of `transfer`."""
    from zoo.opening import find_data
    from zoo.plans import make_plan

    shelf = Shelf()
    model = shelf.find(ref)
    where = find_data(shelf, model, data)
    return _ready(shelf, model, where, make_plan(model.ref, where.name, reuse, freeze, unfreeze, seed, dict(options)))


def _ready(shelf: Shelf, model: Model, where: DataRef, plan: Plan) -> Prepared:
    if not model.card.layers:
        raise ZooError(
            f"{model.name} is kept as it came, in the format {model.card.format}, which cannot be opened yet",
            "zoo show lists its files; zoo list shows the models that can be opened with their parameters",
        )
    from transfer.data.duplicates import shared_samples
    from transfer.plan.dropping import dropped
    from transfer.plan.selection import choose
    from zoo.opening import open_model, read_data

    selection = choose(model.card.layers, plan.reuse, plan.freeze)
    dropped(selection.layers, plan.top.drop, selection.reused)
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
    unfreeze: str | Sequence[str] | None = None,
    seed: int = 0,
    watch: Watch | None = None,
    **options: Unpack[Options],
) -> Run:
    """Reuse a model's lower layers on other data.

    Args:
        ref: the model, such as `mnist-dnn`.
        data: a path, `MODEL:FILE` or a hub's data set (`transfer.data.kinds`); the default that the card names.
        reuse: a regex of the layers whose weights are kept.
        freeze: a regex of those of them that stay fixed at first, all of them; `none` for no one.
        unfreeze: `auto` (the default), `gradual`, `none`, or one regex a further phase.
        seed: of everything random.
        watch: called with progress.
        options: see `zoo.plans.Options`.

    Raises:
        ZooError: something does not fit; nothing has been changed.
    """
    return prepare(ref, data, reuse=reuse, freeze=freeze, unfreeze=unfreeze, seed=seed, **options).run(watch)


def resume(name: str, watch: Watch | None = None) -> Run:
    """Go on with an interrupted or failed run, where it stopped; it ends as if it had never stopped.

    Args:
        name: the run, or the beginning of its name; `last` is the newest.
        watch: called with progress.

    Raises:
        ZooError: there is no such run, it is done or still running, or its data have changed.
    """
    folder = _find(name)
    status = folder.status
    if status.state in ("done", "running"):
        hint = "zoo replay does it all again" if status.state == "done" else f"it is process {status.process}"
        raise ZooError(f"the run {folder.id} is {status.state}: there is nothing to resume", hint)
    prepared = _prepared_again(folder)
    if status.fingerprint and status.fingerprint != prepared.data.fingerprint:
        raise ZooError(
            f"the data {prepared.plan.data} have changed since the run {folder.id} began",
            f"begin anew with what they are now: zoo replay {folder.id}",
        )
    return prepared.run(watch, again=folder)


def replay(name: str, watch: Watch | None = None) -> tuple[Run, tuple[str, ...]]:
    """Do a finished run again, as a new run, and compare.

    Args:
        name: as for `resume`.
        watch: called with progress.

    Returns:
        The new run, and what came out otherwise, one text a difference; empty where all is the same to the last bit.
    """
    folder = _find(name)
    run = _prepared_again(folder).run(watch)
    if folder.status.state != "done":
        return run, (f"{folder.id} is {folder.status.state}: it has no result to compare with",)
    from transfer.repeated import differences

    return run, differences(folder, run.folder)


def _find(name: str) -> RunFolder:
    from transfer.runs import Runs

    return Runs(Shelf().home.runs).find(name)


def _prepared_again(folder: RunFolder) -> Prepared:
    from zoo.opening import find_data

    shelf, plan = Shelf(), folder.plan
    model = shelf.find(plan.model)
    return _ready(shelf, model, find_data(shelf, model, plan.data), plan)
