"""Progress bars on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from registry.watch import Watch, silent
from zoo.output import size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


BYTES = ("download", "upload")  # stages that count bytes


@contextmanager
def bars(quiet: bool = False) -> Iterator[Watch]:
    """Give a watch that draws one bar a stage; silent where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description:<18}"), BarColumn(24), TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(Column(min_width=7, no_wrap=True)),  # in a narrow window the bar gives way
        TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bars(progress)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        amount = f"{size(done)}/{size(total)}" if stage in BYTES else f"{done}/{total}"
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, note=note, amount=amount)
        self._progress.update(self._tasks[stage], completed=done, total=total, note=note, amount=amount)
