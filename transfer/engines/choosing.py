"""Choose what runs a trunk: by its first batch, timed and compared with TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError
from transfer.engines.choice import BETTER, LARGEST_BYTES, QUICK, SHARE, Choice, worth_trying
from transfer.engines.engine import Engine
from transfer.engines.table import AUTO, BACKENDS, TENSORFLOW, Backend, backend_of
from transfer.engines.timing import Timed, raced, run
from transfer.feeding import Feed, Sliced
from transfer.files.shown import first_line
from transfer.importers.agreement import LARGEST, furthest
from transfer.inputs import Arrays


@dataclass(frozen=True)
class Trial:
    """A trunk and its first samples.

    Attributes:
        trunk: the model.
        feed: what it takes.
        samples: the first of it, as many as go through at once.
        total: how many there are to come.
    """

    trunk: Any
    feed: Feed | Sliced
    samples: Arrays
    total: int

    def choose(self, asked: str) -> tuple[Engine, Choice]:
        """Return the engine, and why it is that one.

        Args:
            asked: a backend's name, or `auto`.

        Raises:
            ZooError: the one that was asked for is not installed, has no form for a layer, or computes other numbers.
        """
        plain = backend_of(TENSORFLOW).build(self.trunk, self.feed)
        expected = plain(self.samples)
        if asked not in (AUTO, TENSORFLOW):
            return self._as_asked(backend_of(asked), expected)
        size = len(self.samples[0])
        seconds = run(plain, size, self.samples) * self.total
        if seconds < QUICK:
            return plain, Choice(TENSORFLOW, size)
        if asked == AUTO:
            return self._fastest(plain, expected, seconds)
        (timed,) = raced([plain], self.samples, SHARE * seconds)
        return plain, Choice(TENSORFLOW, timed.batch)

    def _as_asked(self, backend: Backend, expected: Arrays) -> tuple[Engine, Choice]:
        engine = backend.build(self.trunk, self.feed)
        if reason := _differs(engine, self.samples, expected):
            raise ZooError(f"{reason}; at most {LARGEST:g} is accepted", "let it be chosen: --backend auto")
        seconds = run(engine, len(self.samples[0]), self.samples) * self.total
        (timed,) = raced([engine], self.samples, SHARE * seconds)
        return engine, Choice(backend.name, timed.batch)

    def _fastest(self, plain: Engine, expected: Arrays, seconds: float) -> tuple[Engine, Choice]:
        """Race TensorFlow, which takes some seconds for all, with the others as far as that can be gained back."""
        name, best, times, reasons = TENSORFLOW, seconds, 1.0, list[str]()
        timed = Timed(plain, len(self.samples[0]), seconds / self.total)
        for backend in BACKENDS[1:]:
            if not worth_trying(best, seconds, backend.cost(self.trunk)):
                continue
            engine = self._tried(backend, expected)
            if isinstance(engine, str):
                reasons.append(engine)
                continue
            before, found = raced([timed.engine, engine], self.samples, SHARE * seconds)
            faster = found.each * BETTER < before.each
            if not faster and name == TENSORFLOW:
                reasons.append(f"{engine.name} is no faster on the first batch")
            times *= before.each / found.each if faster else 1.0
            name, timed = (backend.name, found) if faster else (name, before)
            best = min(seconds, timed.each * self.total)
        return timed.engine, Choice(name, timed.batch, _line(timed.engine.name, times, reasons))

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
        return _differs(engine, self.samples, expected) or engine

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


def _differs(engine: Engine, samples: Arrays, expected: Arrays) -> str:
    """Say how an engine's numbers differ from TensorFlow's; empty where they do not, but for rounding."""
    try:
        found = furthest([(expected, engine(samples))], "TensorFlow", ours=engine.name)
    except ZooError as error:
        return error.message
    return "" if found.relative <= LARGEST else f"{engine.name} differs by {found.relative:.1g} on the first batch"
