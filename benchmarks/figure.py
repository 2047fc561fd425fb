"""A figure of a benchmark: how many times as fast ours is as a named rival, in the same run, pair by pair."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("tensorflow", "keras", "numpy", "onnxruntime", "ai-edge-litert", "ray", "torch", "scikit-learn")


@dataclass(frozen=True)
class Figure:
    """Ratios of alternating runs.

    Attributes:
        what: was done.
        rival: what else did the same.
        ratios: the rival's seconds divided by ours, a pair each; or whatever `unit` says.
        seconds: ours, the median.
        wanted: the median that is to be reached; None where nothing is.
        most: whether `wanted` is a limit that is not to be exceeded.
        unit: of the ratios.
    """

    what: str
    rival: str
    ratios: tuple[float, ...]
    seconds: float | None = None
    wanted: float | None = None
    most: bool = False
    unit: str = "times as fast"

    @property
    def median(self) -> float:
        """What is told of it."""
        return statistics.median(self.ratios)

    @property
    def held(self) -> bool:
        """Whether it is as it is wanted.

        >>> Figure("a", "b", (1.9, 2.0, 2.5), wanted=2).held, Figure("a", "b", (1.9,), wanted=1.5, most=True).held
        (True, False)
        """
        if self.wanted is None:
            return True
        return self.median <= self.wanted if self.most else self.median >= self.wanted

    @property
    def row(self) -> dict[str, Any]:
        """It, for programs."""
        return asdict(self) | {"median": self.median, "held": self.held}

    @classmethod
    def of(cls, row: dict[str, Any]) -> Figure:
        """Return what a row was made of."""
        known = {name: value for name, value in row.items() if name not in ("median", "held")}
        return cls(**known | {"ratios": tuple(known["ratios"])})


def table(figures: Sequence[Figure]) -> str:
    """Lay figures out for people, a line each."""
    heads = ("WHAT", "AGAINST", "RATIO", "LEAST TO MOST", "WANTED", "SECONDS", "")
    rows = [heads, *map(_cells, figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    right = (2, 5)
    return "\n".join(
        "  ".join(
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(one: Figure) -> tuple[str, ...]:
    wanted = "" if one.wanted is None else f"{'at most' if one.most else 'at least'} {one.wanted:g}"
    seconds = "" if one.seconds is None else f"{one.seconds:.3g}"
    spread = f"{min(one.ratios):.3g} to {max(one.ratios):.3g}"
    told = one.unit + ("" if one.held else ": MISSED")
    return one.what, one.rival, f"{one.median:.3g}", spread, wanted, seconds, told


def machine() -> dict[str, Any]:
    """Say where figures were taken: processor, cores, load, versions."""
    return {
        "processor": _processor(), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0],
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(), "versions": dict(_versions(PACKAGES)),
    }  # fmt: skip


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _versions(packages: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in packages:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
