"""Is reuse better than training from scratch, and than a linear model? The same seeds and data for all three."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.controls.flat import flattening
from transfer.controls.linear import fit_linear
from transfer.controls.paired import Difference, limit, over_samples, over_seeds
from transfer.data.dataset import Dataset
from transfer.plan.hyperparameters import Training
from transfer.result import Result, Scratch
from zoo.comparison import Comparison, Contest, Figures, figures, fixed
from zoo.several_seeds import repeated
from zoo.transferring import Bars, Prepared, Run


@dataclass(frozen=True)
class Linear:
    """A linear model's outputs for the test samples; None with the reason where there is none."""

    outputs: NDArray[np.float32] | None
    seconds: float = 0.0
    remarks: tuple[str, ...] = field(default=())


def compare(prepare: Callable[..., Prepared], seeds: int, labels: Sequence[int], bars: Bars) -> Comparison:
    """Hold the contest on all labels, then with fewer; features are extracted once.

    Args:
        prepare: makes the transfer ready, and takes `limit_per_class`.
        seeds: how many, from the plan's own.
        labels: how many labels a class, one contest each.
        bars: gives what draws progress.

    Raises:
        ZooError: there are no test data, a number of labels does not fit, or a transfer fails.
    """
    prepared = prepare()
    check(prepared.data, labels, prepared.plan.training)
    whole = contest(prepared, seeds, bars)
    curve = tuple(_fewer(prepare, prepared, whole, count, seeds, bars) for count in labels)
    plan, data = prepared.plan, prepared.data
    numbers = tuple(range(plan.seed, plan.seed + seeds))
    return Comparison(plan.model, plan.data, plan.reuse, numbers, _measure(data), len(data.test), whole, curve)


def check(data: Dataset, labels: Sequence[int], how: Training) -> None:
    """Refuse what cannot be compared, before anything trains.

    Raises:
        ZooError: there are no test data, or a number of labels is 0, comes twice, is more than a class has, or
            gives fewer samples than a batch has.
    """
    if not len(data.test):
        raise ZooError(
            f"{data.ref} has no test data, and what chose the model cannot say how good it is",
            "divide the samples: --split 70/15/15",
        )
    if labels and data.target.kind != "class":
        raise ZooError(f"--label-curve wants one class a sample; the labels of {data.ref} are {data.target.kind}s")
    counts = np.bincount(data.train.y, minlength=data.target.width) if labels else np.zeros(1, np.int64)
    for count in labels:
        if count > counts.max():
            raise ZooError(
                f"--label-curve {count} is more than {data.ref} has: {counts.max()} training samples a class at most",
                f"such as --label-curve {_fitting(int(counts.max()))}",
            )
        how.check_samples(int(np.minimum(counts, count).sum()), f"{data.ref} with --label-curve {count}")


def parse_labels(text: str) -> tuple[int, ...]:
    """Read numbers of labels a class.

    Raises:
        ZooError: they are none, or not in order.

    >>> parse_labels("10,30,100")
    (10, 30, 100)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) < 10**9 for part in parts):
        raise ZooError(f"--label-curve {text!r} is no list of numbers above 0", "such as --label-curve 10,30,100")
    counts = tuple(map(int, parts))
    if list(counts) != sorted(set(counts)):
        raise ZooError(f"--label-curve {text} must rise from one number to the next", "such as --label-curve 10,30,100")
    return counts


def _fitting(most: int) -> str:
    return ",".join(str(count) for count in sorted({max(1, most // 10), max(1, most // 3), most}))


def _measure(data: Dataset) -> str:
    from transfer.evaluate import MEASURES

    return MEASURES[data.target.kind]


def _fewer(
    prepare: Callable[..., Prepared], full: Prepared, whole: Contest, count: int, seeds: int, bars: Bars
) -> Contest:
    """Hold the contest with fewer labels; where these are all that there are, it has been held."""
    prepared = prepare(limit_per_class=count)
    if prepared.data.fingerprint == full.data.fingerprint:
        return replace(whole, labels=count)
    return replace(contest(prepared, seeds, bars), labels=count)


def contest(prepared: Prepared, seeds: int, bars: Bars) -> Contest:
    """Train all three models with each seed, and compare them."""
    with_control = replace(prepared, plan=replace(prepared.plan, compare_scratch=True))
    return _judged(prepared, repeated(with_control, seeds, bars), _linear(prepared))


def _judged(prepared: Prepared, runs: Sequence[Run], linear: Linear) -> Contest:
    from transfer.evaluate import scored

    data, results = prepared.data, [run.result for run in runs]
    most = limit(data.target.kind)
    reused = _reached(results, sum(one.seconds.extract + one.seconds.train for one in results), most)
    controls = [one.scratch for one in results if one.scratch and one.scratch.test_accuracy is not None]
    complete = len(controls) == len(results)
    scratch = _reached(controls, sum(one.seconds for one in controls), most) if complete else None
    found = linear.outputs
    straight = None
    if found is not None:
        score = scored(found, data.test.y, data.target)
        straight = fixed(score.accuracy, len(runs), linear.seconds, score.ci95)
    differences: dict[str, Difference | None] = {}
    once = {
        "scratch": (one.scratch.difference if one.scratch else None for one in results),
        "linear": (_once(run, found, data) for run in runs),
    }
    for name, rival in (("scratch", scratch), ("linear", straight)):
        if len(runs) == 1:
            differences[name] = next(once[name])
        elif rival is not None:
            differences[name] = over_seeds(reused.each, rival.each, once[name], most)
    lost = () if complete else ("training from scratch diverged with some seed: there is nothing to compare with",)
    known = {name: one for name, one in differences.items() if one is not None}
    ids, remarks = tuple(run.folder.id for run in runs), (*data.remarks, *lost, *linear.remarks)
    return Contest(None, len(data.train), reused, scratch, straight, known, ids, remarks)


def _once(run: Run, linear: NDArray[np.float32] | None, data: Dataset) -> Difference | None:
    """Compare a single run with the linear model, where its predictions are those of the reused model."""
    from transfer.predicted import read

    said = read(run.folder.path) if run.result.kept == "reused" else None
    if said is None or said.split != "test" or linear is None:
        return None
    return over_samples(said.outputs, linear, data.test.y, data.target)


def _reached(models: Sequence[Result | Scratch], seconds: float, most: float) -> Figures:
    each = [one.test_accuracy for one in models if one.test_accuracy is not None]
    return figures(each, seconds, models[0].test_accuracy_ci95, least=1 - most)


def _linear(prepared: Prepared) -> Linear:
    """Fit the linear model to the samples as the source takes them."""
    from transfer.presented import feed_of

    source, data = prepared.source, prepared.data
    if any(one.whole or one.indices is not None for one in source.inputs):
        return Linear(None, remarks=("no linear model: the model's inputs are positions in a table, not numbers",))
    start = time.perf_counter()
    feeds = {
        name: feed_of(source, source.inputs, split.samples, f"{data.ref}: {name}")
        for name, split in data.splits.items()
    }
    try:
        flat = flattening(feeds["train"], max(map(len, feeds.values())))
    except ZooError as error:
        return Linear(None, remarks=(f"no linear model: {error.message}",))
    rows = {name: flat.rows(feed) for name, feed in feeds.items()}
    model = fit_linear(rows["train"], data.train.y, rows["valid"], data.valid.y, data.target)
    averaged = (f"the linear model sees images averaged over {flat.pool}x{flat.pool} pixels",) if flat.pool > 1 else ()
    return Linear(model.outputs(rows["test"]), time.perf_counter() - start, averaged)
