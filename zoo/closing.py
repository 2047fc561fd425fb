"""What is printed of finished runs. Text only."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transfer.result import Result, Spread
    from zoo.transferring import Run


def closing(runs: list[Run], published: str | None, told: Collection[str] = ()) -> str:
    """Return what `transfer` and `resume` end with: the phases and the verdict, where it lies, what to type next.

    Remarks that have been `told` before training are not said again.
    """
    from transfer.board import board_of
    from zoo import report
    from zoo.seeds_page import seeds_page

    board = board_of(best(runs).folder)
    results = [run.result for run in runs]
    last = best(runs)
    if len(runs) == 1:
        body = f"{report.phases_table(last.result)}\n\n{report.verdict(last.result)}"
    else:
        body = seeds_page(results, *spreads(results))
    after = f"zoo show {published}" if published else f"zoo publish {last.folder.id} --as NAME"
    lies = [
        f"run     {last.folder.path}",
        f"report  {last.folder.report}",
        f"page    zoo report {last.folder.id}",
        *([f"board   tensorboard --logdir {shlex.quote(str(board))}"] if board else []),
        *([f"published  {published}"] if published else []),
        f"next    {after}",
    ]
    remarks = dict.fromkeys(remark for one in results for remark in one.remarks if remark not in told)
    notes = [f"note: {remark}" for remark in remarks]
    return "\n".join(["", body, "", *notes, *([""] if notes else []), *lies])


def spreads(results: list[Result]) -> tuple[Spread, Spread | None]:
    """Return the spread over seeds of the reused models' accuracy, and of that from scratch where all have it."""
    from transfer.result import spread

    reused = [one.valid_accuracy if one.test_accuracy is None else one.test_accuracy for one in results]
    scratch = [one.scratch.test_accuracy for one in results if one.scratch and one.scratch.test_accuracy is not None]
    return spread(reused), spread(scratch) if len(scratch) == len(results) else None


def best(runs: list[Run]) -> Run:
    """Return the run with the lowest validation loss."""
    return min(runs, key=lambda run: run.result.valid_loss)
