"""How long work reports its progress: one callable, given by whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Called as work goes on."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` units of a stage are done; `note` says how it goes."""
        ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Show nothing."""
