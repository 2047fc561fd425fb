"""A transfer from its options to its result; and the same again: resumed, or repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from registry.errors import ChoiceError, ZooError
from registry.model import Model
from registry.shelf import Shelf
from transfer.cluster.cluster import cluster_of

if TYPE_CHECKING:
    from registry.watch import Watch
    from transfer.backbone import Backbone
    from transfer.cluster.cluster import Cluster
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


@dataclass(frozen=True)
class Prepared:
    """A transfer that has everything it needs, and has not begun.

    Attributes:
        plan: its choices.
        source: the model, as it takes the data.
        data: the samples.
        selection: what is reused and frozen.
        import_seconds: that the model took to load.
        board: the folder that TensorBoard's event files go to; None for none.
        cluster: where it is carried out; None for this process.
    """

    plan: Plan
    source: Backbone
    data: Any
    selection: Selection
    import_seconds: float
    board: Path | None = None
    cluster: Cluster | None = None

    def run(self, watch: Watch | None = None, *, again: RunFolder | None = None) -> Run:
        """Carry the plan out; the run is recorded below `$ZOO_HOME/runs`, or in the folder that it goes on in."""
        from registry.watch import silent
        from transfer.board import note_board
        from transfer.cluster.connecting import used
        from transfer.run import Job
        from transfer.runs import Runs
        from zoo.cache_limit import within_limit
        from zoo.depth_record import RECORD, kept
        from zoo.feature_cache import feature_cache
        from zoo.report import write_report

        home = Shelf().home
        runs = Runs(home.runs)
        cache = feature_cache(home, self.plan.backend, self.plan.cache_dtype, self.cluster)
        searched = kept(home.depths, self.plan.model, self.data.fingerprint) if again is None else None
        begun = runs.new(self.plan, self.data.fingerprint) if again is None else runs.again(again)
        with within_limit(home), used(self.cluster), begun as folder:
            if self.board is not None:
                note_board(folder, self.board)
            if searched is not None:
                folder.write(RECORD, searched)
            job = Job(self.plan, self.source, self.data, folder, cache, watch or silent, self.cluster)
            result = job.run(self.import_seconds)
            write_report(folder, self.plan, result)
        return Run(result, folder)


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
    from transfer.plan.answers import check_answers, kept_outputs
    from transfer.plan.dropping import dropped
    from transfer.plan.selection import choose
    from transfer.plan.unfreezing import check_unfreezing
    from zoo.adapting import adapted
    from zoo.opening import open_model, read_data

    selection = choose(model.card.layers, plan.reuse, plan.freeze)
    dropped(selection.layers, plan.top.drop, selection.reused)
    check_unfreezing(plan, selection)
    samples = read_data(where, plan.reading)
    plan, left = adapted(plan, selection, samples)
    plan.training.check_target(samples.target.kind)
    plan.training.check_samples(len(samples.train), samples.ref)
    check_answers(model.card.target, kept_outputs(plan.top, selection), samples.target, samples.ref)
    samples = replace(samples, remarks=(*samples.remarks, *shared_samples(samples), *left))
    start = time.perf_counter()
    source = open_model(shelf, model)
    seconds = time.perf_counter() - start
    from transfer.changing import changes
    from transfer.presented import to_train
    from transfer.student import Student

    taking = to_train(source, samples.train.samples, plan.imaging)
    Student(taking.model, selection, plan.top, samples.target).check()
    if len(taking.inputs) == 1:  # of several, those that the student reads are known when it is made
        changes(plan, taking, taking.inputs, samples.target)
    return Prepared(plan, taking, samples, selection, seconds)


def transfer(
    ref: str,
    data: str | None = None,
    *,
    reuse: str,
    freeze: str | None = None,
    unfreeze: str | Sequence[str] | None = None,
    seed: int = 0,
    watch: Watch | None = None,
    tensorboard: str | Path | None = None,
    engine: str | None = None,
    address: str | None = None,
    workers: int | None = None,
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
        tensorboard: a folder for TensorBoard's event files; None writes none.
        engine, address, workers: where it is carried out, as `transfer.cluster.cluster.cluster_of` takes them.
        options: see `zoo.plans.Options`.

    Raises:
        ZooError: something does not fit; nothing has been changed.
    """
    cluster = cluster_of(engine, address, workers)
    prepared = prepare(ref, data, reuse=reuse, freeze=freeze, unfreeze=unfreeze, seed=seed, **options)
    return replace(prepared, board=board_folder(tensorboard), cluster=cluster).run(watch)


def board_folder(given: str | Path | None) -> Path | None:
    """Return the folder that event files go to.

    Raises:
        ChoiceError: it is a file.
    """
    path = None if given is None else Path(given)
    if path is not None and path.exists() and not path.is_dir():
        raise ChoiceError(f"--tensorboard takes a folder; {path} is a file", "name another, or a new one")
    return path


def resume(name: str, watch: Watch | None = None, cluster: Cluster | None = None) -> Run:
    """Go on with an interrupted or failed run, where it stopped; it ends as if it had never stopped.

    Args:
        name: the run, or the beginning of its name; `last` is the newest.
        watch, cluster: called with progress; where it is carried out, None for this process.

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
    return replace(prepared, cluster=cluster).run(watch, again=folder)


def replay(name: str, watch: Watch | None = None, cluster: Cluster | None = None) -> tuple[Run, tuple[str, ...]]:
    """Do a finished run again, as a new run, and compare.

    Args:
        name, watch, cluster: as for `resume`.

    Returns:
        The new run, and what came out otherwise, one text a difference; empty where all is the same to the last bit.
    """
    folder = _find(name)
    run = replace(_prepared_again(folder), cluster=cluster).run(watch)
    if folder.status.state != "done":
        return run, (f"{folder.id} is {folder.status.state}: it has no result to compare with",)
    from transfer.repeated import differences

    return run, differences(folder, run.folder)


def _find(name: str) -> RunFolder:
    from transfer.runs import Runs

    return Runs(Shelf().home.runs).find(name)


def _prepared_again(folder: RunFolder) -> Prepared:
    from transfer.known_plan import check_known
    from zoo.opening import find_data

    check_known(folder)
    shelf, plan = Shelf(), folder.plan
    model = shelf.find(plan.model)
    return _ready(shelf, model, find_data(shelf, model, plan.data), plan)
