"""Make a trunk ready: with the engine that is asked for, that was chosen before, or that is fastest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.watch import Watch
from transfer.data.records import Rows
from transfer.engines.choice import FEW, Choice, power
from transfer.engines.choosing import Trial
from transfer.engines.engine import Engine
from transfer.engines.remembered import place, recall, remember
from transfer.engines.table import AUTO, TENSORFLOW, backend_of
from transfer.extract import batch_size, passed
from transfer.feeding import Feed, Sliced
from transfer.inputs import Arrays


@dataclass(frozen=True)
class Ready:
    """A trunk that is ready to run: its engine, and in which batches."""

    engine: Engine
    choice: Choice

    def __str__(self) -> str:
        return f"{self.engine.name}, batches of {self.choice.batch}"

    def run(self, feed: Feed | Sliced, rows: Rows, *, stage: str, watch: Watch) -> Iterator[Arrays]:
        """Yield its outputs, batch by batch, as `transfer.extract.forward` does."""
        return passed(self.engine, self.choice.batch, feed, rows, stage=stage, watch=watch)


@dataclass
class Extractor:
    """What makes the trunks of one pass over some samples ready, each once.

    Attributes:
        backend: a name of `transfer.engines.table`, or `auto`.
        folder: where choices are kept.
        total: how many samples there are in all, those that were extracted before included.
    """

    backend: str
    folder: Path
    total: int
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
            self._ready[name] = self._made(trunk, feed, rows, name)
        return self._ready[name]

    def _made(self, trunk: Any, feed: Feed | Sliced, rows: Rows, name: Sequence[str]) -> Ready:
        size, auto = power(batch_size(trunk)), self.backend in (AUTO, TENSORFLOW)
        plain = Choice(TENSORFLOW if auto else self.backend, size)
        if auto and self.total <= FEW * size:
            return _built(plain, trunk, feed)
        path = place(self.folder, self.backend, name, self.total)
        if before := _as_before(path, trunk, feed):
            return before
        if auto and len(rows) <= FEW * size:
            return _built(plain, trunk, feed)
        ((_, samples),) = feed.blocks(rows[:size], size)
        engine, choice = Trial(trunk, feed, samples, self.total).choose(self.backend)
        if len(rows) < size:  # too few to say how many should go through at once
            return Ready(engine, plain)
        kept = remember(path, choice)
        if kept.backend == choice.backend:
            return Ready(engine, kept)
        return _as_before(path, trunk, feed) or Ready(engine, choice)


def _built(choice: Choice, trunk: Any, feed: Feed | Sliced) -> Ready:
    return Ready(backend_of(choice.backend).build(trunk, feed), choice)


def _as_before(path: Path, trunk: Any, feed: Feed | Sliced) -> Ready | None:
    """Return what was chosen before; None where nothing was, or where it cannot be made any more."""
    choice = recall(path)
    try:
        return None if choice is None else _built(choice, trunk, feed)
    except (ZooError, OSError):
        return None
