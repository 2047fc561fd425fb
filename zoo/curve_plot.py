"""The curve over labels as a figure: what each model reached, by how many labels of a class it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.html_report.lines import Series, line_chart

if TYPE_CHECKING:
    from zoo.comparison import Comparison, Contest, Figures

MODELS: dict[str, Callable[[Contest], Figures | None]] = {
    "reused": lambda one: one.reused,
    "from scratch": lambda one: one.scratch,
    "linear": lambda one: one.linear,
}


def plot(found: Comparison) -> str:
    """Draw each model's mean on the test samples with its 95 % interval, over a logarithmic axis of labels a class."""
    series = [line for name, of in MODELS.items() if (line := _line(name, found, of)).points]
    labels = (f"labels a class (95 % intervals over {_over(found)})", f"test {found.measure}")
    counts = [float(one.labels) for one in found.curve if one.labels]
    return line_chart(f"{found.model} on {found.data}", series, labels, log_x=True, ticks=counts)


def _line(name: str, found: Comparison, of: Callable[[Contest], Figures | None]) -> Series:
    reached = [(float(one.labels), figures) for one in found.curve if one.labels and (figures := of(one)) is not None]
    points = [(labels, figures.mean) for labels, figures in reached]
    intervals = [(labels, *figures.ci95) for labels, figures in reached if figures.ci95 is not None]
    return Series(name, points, points, intervals=intervals)


def _over(found: Comparison) -> str:
    return f"{len(found.seeds)} seeds" if len(found.seeds) > 1 else f"{found.samples:,} test samples"
