"""Which of two finished runs is better on the same test samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry.errors import ZooError, first_few
from registry.home import home
from transfer.controls.paired import Difference, over_samples
from transfer.data.target import Target
from transfer.predicted import Predictions, read
from transfer.result import Result
from transfer.runs import RunFolder, Runs
from zoo.output import count


@dataclass(frozen=True)
class TwoRuns:
    """Two runs, what each reached on the test samples that they share, and the difference."""

    first: str
    second: str
    accuracies: tuple[float, float]
    measure: str
    difference: Difference


@dataclass(frozen=True)
class Side:
    """One of two runs: its folder, its result, and what its model says of the test samples."""

    folder: RunFolder
    result: Result
    said: Predictions

    def __str__(self) -> str:
        said, result = self.said, self.result
        known = f"samples {said.samples[:12]}" if said.samples else f"data {result.fingerprint[:12]}"
        tested = f"{count(len(said.labels), 'test sample')} of {result.data} ({known})"
        return f"{self.folder.id}: {tested}, {result.target} {first_few(result.classes)}"


def check_same(first: Side, second: Side) -> None:
    """Refuse two runs that were not tested on the same samples with the same labels.

    Raises:
        ZooError: they were not, or it is not known; both are named.
    """
    same = _same_samples(first, second)
    alike = (first.result.target, first.result.classes) == (second.result.target, second.result.classes)
    if same and alike and np.array_equal(first.said.labels, second.said.labels):
        return
    if alike and same is None:
        old = next(side.folder.id for side in (first, second) if not side.said.samples)
        raise ZooError(
            f"it is not known whether both runs were tested on the same samples: {first}; {second}",
            f"{old} is of an earlier version: zoo replay {old} does it again",
        )
    raise ZooError(
        f"the runs were not tested {'with the same labels' if same else 'on the same samples'}: {first}; {second}",
        "compare runs on the same --data, --target, --classes and --split",
    )


def _same_samples(first: Side, second: Side) -> bool | None:
    """Tell whether both runs' test samples are the same; None where one of them, of an earlier version, cannot say."""
    if first.said.samples and second.said.samples:
        return first.said.samples == second.said.samples
    return True if first.result.fingerprint == second.result.fingerprint else None


def compare_runs(first: str, second: str) -> TwoRuns:
    """Compare two runs, sample by sample.

    Args:
        first, second: the runs, or beginnings of their names; `last` is the newest.

    Raises:
        ZooError: one is not done, or they have no test samples in common.
    """
    runs = Runs(home().runs)
    folders = [runs.find(name) for name in (first, second)]
    sides = tuple(Side(folder, folder.result, _predictions(folder)) for folder in folders)
    check_same(*sides)
    labels, results = sides[0].said.labels, [side.result for side in sides]
    target = Target(results[0].target, results[0].classes)
    difference = over_samples(sides[0].said.outputs, sides[1].said.outputs, labels, target)
    if difference is None:
        raise ZooError(f"{folders[0].id} has {len(labels)} test samples: too few to compare")
    accuracies = (results[0].accuracy, results[1].accuracy)
    return TwoRuns(folders[0].id, folders[1].id, accuracies, results[0].measure, difference)


def _predictions(folder: RunFolder) -> Predictions:
    said = read(folder.path)
    if said is None or said.split != "test":
        why = "no test data" if said else "no predictions of its test samples"
        raise ZooError(f"the run {folder.id} has {why}", f"zoo replay {folder.id} does it again")
    return said
