"""Make a trunk ready: with the engine that is asked for, that was chosen before, or that is fastest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.watch import Watch
from transfer.data.records import Rows
from transfer.engines.choice import FEW, TOGETHER, Choice, power
from transfer.engines.choosing import Trial
from transfer.engines.engine import Engine
from transfer.engines.remembered import place, recall, remember
from transfer.engines.table import AUTO, TENSORFLOW, backend_of
from transfer.engines.timing import largest
from transfer.extract import batch_size, passed
from transfer.feeding import Feed, Sliced
from transfer.importers.agreement import LARGEST
from transfer.inputs import Arrays


@dataclass(frozen=True)
class Ready:
    """A trunk that is ready to run: its engine, in which batches, and how many of these are handed over together."""

    engine: Engine
    choice: Choice
    together: int = 1

    def __str__(self) -> str:
        return f"{self.engine.name}, batches of {self.choice.batch}"

    def run(self, feed: Feed | Sliced, rows: Rows, *, stage: str, watch: Watch) -> Iterator[Arrays]:
        """Yield its outputs, batch by batch, as `transfer.extract.forward` does."""
        batch, together = self.choice.batch, self.together
        return passed(self.engine, batch, feed, rows, together=together, stage=stage, watch=watch)


@dataclass
class Extractor:
    """What makes the trunks of one pass over some samples ready, each once.

    Attributes:
        backend: a name of `transfer.engines.table`, or `auto`.
        folder: where choices are kept.
        total: how many samples there are in all, those that were extracted before included.
        within: how far from TensorFlow's numbers others may be, relative to the largest.
        known: what was chosen for a model that all of these trunks are parts of; None chooses for each.
    """

    backend: str
    folder: Path
    total: int
    within: float = LARGEST
    known: Choice | None = None
    _ready: dict[tuple[str, ...], Ready] = field(default_factory=dict)

    @property
    def said(self) -> tuple[str, ...]:
        """What a person should know of the choices, a line each."""
        return tuple(dict.fromkeys(one.choice.said for one in self._ready.values() if one.choice.said))

    def ready(self, trunk: Any, feed: Feed | Sliced, rows: Rows, parts: Sequence[str]) -> Ready:
        """Make a trunk ready for samples.

        A few batches are left to TensorFlow: they are over before anything could be found out.

        Args:
            trunk: one or several inputs and outputs.
            feed: its inputs.
            rows: which of them are to come; the first ones are timed.
            parts: what names the trunk.

        Raises:
            ZooError: what was asked for is not installed, has no form for a layer, or computes other numbers; or a
                sample is broken.
        """
        name = (*parts, str(feed.shapes), str(feed.dtypes))
        if name not in self._ready:
            self._ready[name] = _handed(self._made(trunk, feed, rows, name), batch_size(trunk))
        return self._ready[name]

    def _made(self, trunk: Any, feed: Feed | Sliced, rows: Rows, name: Sequence[str]) -> Ready:
        if known := _as_chosen(self.known, trunk, feed):
            return known
        most, auto = batch_size(trunk), self.backend in (AUTO, TENSORFLOW)
        size, asked = power(most), TENSORFLOW if auto else self.backend
        if auto and self.total <= FEW * size:
            return _plain(asked, trunk, feed, most)
        path = place(self.folder, self.backend, name, self.total)
        if before := _as_chosen(recall(path), trunk, feed):
            return before
        if auto and len(rows) <= FEW * size:
            return _plain(asked, trunk, feed, most)
        ((_, samples),) = feed.blocks(rows[:size], size)
        engine, choice = Trial(trunk, feed, samples, most, self.total, self.within).choose(self.backend)
        if len(rows) < size:  # too few to say how many should go through at once
            return Ready(engine, Choice(asked, largest(engine, most)))
        kept = remember(path, choice)
        if kept.backend == choice.backend:
            return Ready(engine, kept)
        return _as_chosen(recall(path), trunk, feed) or Ready(engine, choice)


def _handed(ready: Ready, most: int) -> Ready:
    """Let as many batches be handed over together as fit into memory with those of all threads."""
    return replace(ready, together=max(1, min(TOGETHER, most // (ready.engine.at_once * ready.choice.batch))))


def _plain(name: str, trunk: Any, feed: Feed | Sliced, most: int) -> Ready:
    engine = backend_of(name).build(trunk, feed)
    return Ready(engine, Choice(name, largest(engine, most)))


def _as_chosen(choice: Choice | None, trunk: Any, feed: Feed | Sliced) -> Ready | None:
    """Make a trunk ready as was chosen before; None where nothing was, or where it cannot be made any more."""
    try:
        return None if choice is None else Ready(backend_of(choice.backend).build(trunk, feed), choice)
    except (ZooError, OSError):
        return None
