"""Which of two finished runs is better on the same test samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry.errors import ZooError
from registry.home import home
from transfer.controls.paired import Difference, over_samples
from transfer.data.target import Target
from transfer.predicted import Predictions, read
from transfer.runs import RunFolder, Runs


@dataclass(frozen=True)
class TwoRuns:
    """Two runs, what each reached on the test samples that they share, and the difference."""

    first: str
    second: str
    accuracies: tuple[float, float]
    measure: str
    difference: Difference


def compare_runs(first: str, second: str) -> TwoRuns:
    """Compare two runs, sample by sample.

    Args:
        first, second: the runs, or beginnings of their names; `last` is the newest.

    Raises:
        ZooError: one is not done, or they have no test samples in common.
    """
    runs = Runs(home().runs)
    folders = [runs.find(name) for name in (first, second)]
    results = [folder.result for folder in folders]
    said = [_predictions(folder) for folder in folders]
    labels = [one.labels for one in said]
    same = results[0].classes == results[1].classes and results[0].target == results[1].target
    if not same or labels[0].shape != labels[1].shape or not np.array_equal(labels[0], labels[1]):
        raise ZooError(
            f"{folders[0].id} and {folders[1].id} were not tested on the same samples",
            "compare runs on the same --data, --classes and --split",
        )
    target = Target(results[0].target, results[0].classes)
    difference = over_samples(said[0].outputs, said[1].outputs, labels[0], target)
    if difference is None:
        raise ZooError(f"{folders[0].id} has {len(labels[0])} test samples: too few to compare")
    accuracies = (results[0].accuracy, results[1].accuracy)
    return TwoRuns(folders[0].id, folders[1].id, accuracies, results[0].measure, difference)


def _predictions(folder: RunFolder) -> Predictions:
    said = read(folder.path)
    if said is None or said.split != "test":
        why = "no test data" if said else "no predictions of its test samples"
        raise ZooError(f"the run {folder.id} has {why}", f"zoo replay {folder.id} does it again")
    return said
