"""Choose what runs a trunk: by its first batch, timed and compared with TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError
from transfer.engines.choice import (
    BETTER,
    CLEAR,
    LARGEST_BYTES,
    QUICK,
    SHARE,
    TRIED,
    Choice,
    few_of,
    worth_trying,
)  # fmt: skip
from transfer.engines.engine import Engine
from transfer.engines.table import AUTO, BACKENDS, TENSORFLOW, Backend, backend_of
from transfer.engines.timing import Timed, largest, quickest, raced
from transfer.feeding import Feed, Sliced
from transfer.files.shown import first_line
from transfer.importers.agreement import LARGEST, furthest
from transfer.inputs import Arrays


@dataclass(frozen=True)
class _Found:
    """The best so far: its backend's name, and what it took."""

    name: str
    timed: Timed


@dataclass(frozen=True)
class Trial:
    """A trunk and its first samples.

    Attributes:
        trunk: the model.
        feed: what it takes.
        samples: the first of it.
        most: how many go through at once, for all that is made of them to fit into memory.
        total: how many there are to come.
        within: how far from TensorFlow's numbers others may be, relative to the largest.
    """

    trunk: Any
    feed: Feed | Sliced
    samples: Arrays
    most: int
    total: int
    within: float = LARGEST

    def choose(self, asked: str) -> tuple[Engine, Choice]:
        """Return the engine, and why it is that one.

        Args:
            asked: a backend's name, or `auto`.

        Raises:
            ZooError: the one that was asked for is not installed, has no form for a layer, or computes other numbers.
        """
        plain = backend_of(TENSORFLOW).build(self.trunk, self.feed)
        if asked not in (AUTO, TENSORFLOW):
            return self._as_asked(backend_of(asked), plain)
        expected, seconds = self._run(plain)
        if seconds < QUICK:
            return plain, Choice(TENSORFLOW, largest(plain, self.most))
        return self._fastest(plain, expected, seconds) if asked == AUTO else self._timed(TENSORFLOW, plain, seconds)

    @property
    def _few(self) -> Arrays:
        """Those that engines are compared on."""
        return tuple(array[: few_of(self.total)] for array in self.samples)

    def _run(self, engine: Engine) -> tuple[Arrays, float]:
        """Return an engine's outputs for a few samples, and about how long it takes for all, but for the first run."""
        engine(self._few)
        outputs, each = quickest(engine, self._few)
        return outputs, each * self.total

    def _timed(self, name: str, engine: Engine, seconds: float) -> tuple[Engine, Choice]:
        (timed,) = raced([engine], self.samples, self.most, SHARE * seconds)
        return engine, Choice(name, timed.batch)

    def _as_asked(self, backend: Backend, plain: Engine) -> tuple[Engine, Choice]:
        engine = backend.build(self.trunk, self.feed)
        if reason := self._differs(engine, plain(self._few)):
            raise ZooError(f"{reason}; at most {self.within:g} is accepted", "let it be chosen: --backend auto")
        return self._timed(backend.name, engine, self._run(engine)[1])

    def _fastest(self, plain: Engine, expected: Arrays, seconds: float) -> tuple[Engine, Choice]:
        """Compare TensorFlow, which takes some seconds for all, with the others as far as that can be gained back."""
        comparing = TRIED * len(self.samples[0]) / self.total * seconds
        found = _Found(TENSORFLOW, Timed(plain, largest(plain, self.most), seconds / self.total))
        times, reasons = 1.0, list[str]()
        for backend in BACKENDS[1:]:
            best = min(seconds, found.timed.each * self.total)
            if not worth_trying(best, seconds, comparing + backend.cost(self.trunk)):
                continue
            engine = self._tried(backend, expected)
            if isinstance(engine, str):
                reasons.append(engine)
                continue
            before, other = self._compared(found.timed, engine, SHARE * seconds)
            faster = other.each * BETTER < before.each
            if not faster and found.name == TENSORFLOW:
                reasons.append(f"{engine.name} is no faster on the first batch")
            times *= before.each / other.each if faster else 1.0
            found = _Found(backend.name, other) if faster else _Found(found.name, before)
        return found.timed.engine, Choice(found.name, found.timed.batch, _line(found.timed.engine.name, times, reasons))

    def _compared(self, before: Timed, engine: Engine, seconds: float) -> tuple[Timed, Timed]:
        """Time the best so far and another one, each at its best; the first not again where the other clearly wins."""
        (found,) = raced([engine], self.samples, self.most, seconds)
        if found.each * CLEAR < before.each:
            return before, found
        again, found = raced([before.engine, engine], self.samples, self.most, seconds)
        return again, found

    def _tried(self, backend: Backend, expected: Arrays) -> Engine | str:
        """Make an engine ready; where that cannot be or its numbers are others, say why."""
        if self._weights > LARGEST_BYTES:
            return f"{backend.called} is not tried, since the weights take {self._weights / 1e9:.1f} GB"
        try:
            engine = backend.build(self.trunk, self.feed)
        except ZooError as error:
            hint = f" ({error.hint})" if not backend.version else ""
            return f"{first_line(error)}{hint}"
        except OSError as error:  # no room for the file that the trunk is written to
            return f"{backend.called} cannot be made ready: {error.strerror or error}"
        return self._differs(engine, expected) or engine

    def _differs(self, engine: Engine, expected: Arrays) -> str:
        """Say how an engine's numbers differ from TensorFlow's; empty where they do not, but for rounding."""
        try:
            found = furthest([(expected, engine(self._few))], "TensorFlow", ours=engine.name)
        except ZooError as error:
            return error.message
        far = found.relative > self.within
        return f"{engine.name} differs by {found.relative:.1g} on the first batch" if far else ""

    @property
    def _weights(self) -> int:
        return 4 * int(self.trunk.count_params())


def _line(name: str, times: float, reasons: list[str]) -> str:
    """Say what was chosen and why; nothing where nothing else was looked at.

    >>> _line("ONNX Runtime 1.23", 2.68, [])
    'extraction: ONNX Runtime 1.23, 2.7 times TensorFlow on the first batch'
    >>> _line("TensorFlow", 1.0, ["ONNX Runtime 1.23 differs by 0.003 on the first batch"])
    'extraction: ONNX Runtime 1.23 differs by 0.003 on the first batch: TensorFlow is used'
    """
    if times > 1:
        return "; ".join([f"extraction: {name}, {times:.1f} times TensorFlow on the first batch", *reasons])
    return f"extraction: {'; '.join(reasons)}: TensorFlow is used" if reasons else ""
