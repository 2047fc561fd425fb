"""A phase that the workers of a cluster train together, as `transfer.fitting.fit` drives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from registry.errors import ZooError
from transfer.cluster.parallel_crew import Crew, LostError
from transfer.cluster.parallel_work import Parcel
from transfer.cluster.parallel_worker import Progress
from transfer.fitting.fitted import Epoch, Fitted
from transfer.fitting.loop import ended
from transfer.fitting.work import Work

T = TypeVar("T")
LOSSES = 3  # that a phase survives


class ParallelLoop:
    """The state of a phase that is spread over workers, each of which holds all of it.

    It is fetched now and then, as it would be saved. Where a worker is lost, all begin anew from the last state that
    was fetched, and come to the same result.
    """

    def __init__(self, crew: Crew, folder: Path, work: Work, least: float) -> None:
        self._crew, self._work, self._least = crew, work, least
        self._parcel = crew.shared(Parcel.of(work, least, folder))
        self._state: Mapping[str, Any] | None = None
        self._lost = 0
        self.stopped, self.epochs, self.ahead = False, tuple[Epoch, ...](), 1
        self._begun = False

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from the values of an earlier time."""
        self._state = saved

    def advance(self, many: int) -> None:
        """Run some epochs, or fewer where the phase ends, or where workers are lost.

        Raises:
            ZooError: workers are lost again and again.
        """
        self._told(self._surviving(lambda: self._crew.ask("advance", many)[0]))

    def values(self) -> dict[str, Any]:
        """Return all that going on after an interruption needs."""
        found: dict[str, Any] = self._surviving(lambda: self._crew.first("values"))
        self._state = found
        return found

    def finish(self, seconds: float) -> Fitted:
        """Put the best weights, and what the phase left of random numbers, into the tail; account for the phase.

        Raises:
            DivergenceError: no epoch was good.
        """
        state, tail = self.values(), self._work.tail
        while not self.stopped:  # a worker was lost at the last moment, and all began anew
            self.advance(self.ahead)
            state = self.values()
        for group, variables in (("tail", tail.variables), ("best", tail.weights)):
            for place, variable in enumerate(variables):
                variable.assign(state[f"{group}/{place}"])
        return ended(self._work, self._least, self.epochs, int(state["best_epoch"]) >= 0, seconds)

    def _surviving(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                if not self._begun:
                    self._begin()
                return ask()
            except LostError as error:
                self._crew.end()
                self._begun, self._lost = False, self._lost + 1
                if self._lost > LOSSES:
                    raise ZooError(
                        f"workers were lost {self._lost} times in one phase, the last time: {_line(error)}",
                        "see whether their memory suffices (ray status, ray logs), or take fewer: --workers N",
                    ) from error

    def _begin(self) -> None:
        self._crew.start()
        self.ahead = self._crew.ask("begin", self._parcel, self._state)[0]
        self.epochs = ()
        self._told(self._crew.ask("progress")[0])
        self._begun = True

    def _told(self, progress: Progress) -> None:
        self.stopped, self.epochs = progress.stopped, self.epochs + progress.epochs


def _line(error: LostError) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
