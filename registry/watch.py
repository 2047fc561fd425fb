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


class Progress:
    """Adds up what is done of one stage, and tells a watch."""

    def __init__(self, watch: Watch, stage: str, total: int) -> None:
        self._watch = watch
        self._stage = stage
        self._total = total
        self._done = 0

    def add(self, count: int, path: str) -> None:
        """Report that `count` more bytes of the file `path` are done."""
        self._done += count
        self._watch(self._stage, self._done, self._total, path)
