"""All that a run's folder tells, read at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.card import Card
from registry.errors import ZooError
from transfer.environment import Environment
from transfer.plan.plan import Plan
from transfer.predicted import PREDICTIONS, Predictions, read
from transfer.result import PhaseResult, Result
from transfer.run_status import Status
from transfer.runs import CARD, METRICS, RESULT, EpochRow, RunFolder
from zoo.depth_record import RECORD, DepthRecord
from zoo.depth_record import read as read_depths

SCRATCH = 0  # the phase that stands for it in the metrics


@dataclass(frozen=True)
class Told:
    """What is known of a run; of one that did not end, and of one of an earlier version, not all.

    Attributes:
        folder, plan, status: of the run.
        epochs: of all phases.
        result, card, predictions, environment, depths: None where the folder has none.
    """

    folder: RunFolder
    plan: Plan
    status: Status
    epochs: Sequence[EpochRow]
    result: Result | None = None
    card: Card | None = None
    predictions: Predictions | None = None
    environment: Environment | None = None
    depths: DepthRecord | None = None

    @property
    def phases(self) -> tuple[PhaseResult, ...]:
        """Those that are done, without training from scratch."""
        return self.result.phases if self.result else ()

    @property
    def numbers(self) -> list[int]:
        """The phases of which there are epochs, in order, without training from scratch."""
        return sorted({row.phase for row in self.epochs} - {SCRATCH})

    def of(self, phase: int) -> list[EpochRow]:
        """Return a phase's epochs."""
        return [row for row in self.epochs if row.phase == phase]


def told(folder: RunFolder) -> Told:
    """Read a run's folder.

    Raises:
        ZooError: one of its files is broken; it is named.
    """
    result = folder.result if (folder.path / RESULT).exists() else None
    card = folder.card if result and (folder.path / CARD).exists() else None
    said = read(folder.path)
    if said and result and not _fits(said, result):
        raise ZooError(
            f"{folder.path / PREDICTIONS} does not fit {RESULT}: outputs {said.outputs.shape} and labels "
            f"{said.labels.shape} for {len(result.classes)} labels",
            "remove it: the report is then made without it",
        )
    depths = read_depths(folder.path / RECORD) if (folder.path / RECORD).exists() else None
    return Told(folder, folder.plan, folder.status, _epochs(folder), result, card, said, folder.environment, depths)


def _epochs(folder: RunFolder) -> list[EpochRow]:
    try:
        return folder.epochs()
    except OSError as error:
        raise ZooError(f"{folder.path / METRICS} cannot be read: {error.strerror}") from error


def _fits(said: Predictions, result: Result) -> bool:
    n, k = said.outputs.shape
    if n == 0 or k != len(result.classes) or said.outputs.dtype.kind != "f":
        return False
    if result.target == "class":
        whole = said.labels.shape == (n,) and said.labels.dtype.kind == "i"
        return whole and bool((said.labels >= 0).all() and (said.labels < k).all())
    return said.labels.shape == (n, k) and said.labels.dtype.kind == "f"
