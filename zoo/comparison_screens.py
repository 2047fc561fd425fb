"""A comparison as people read it. Text only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.output import count, table
from zoo.report import SCRATCH, helped, interval

if TYPE_CHECKING:
    from transfer.controls.paired import Difference
    from zoo.comparison import Comparison, Contest, Figures

LINEAR = "a linear model of the inputs"
SHOWN = 10  # seeds, whose figures are all shown


def comparison_page(found: Comparison) -> str:
    """Return what was compared, the models' table, what follows from it, and the curve."""
    about = f"{found.model} on {found.data}, {found.reuse!r} reused: {count(found.samples, 'test sample')}"
    parts = [about, _models(found), "\n".join(_sentences(found.whole))]
    parts += [_curve(found)] if found.curve else []
    return "\n\n".join(part for part in parts if part)


def runs_sentence(difference: Difference, first: str, second: str, measure: str) -> str:
    """Say which of two runs is better."""
    how = f"{difference.mean:+.4f} {measure} ({interval(difference)}, paired over {difference.n:,} {difference.over})"
    if not difference.sign:
        return f"{first} and {second} cannot be told apart: {how}"
    return f"{first} is {'better' if difference.sign > 0 else 'worse'} than {second}: {how}"


def _models(found: Comparison) -> str:
    whole = found.whole
    rows = [
        [name, *_row(figures)]
        for name, figures in (("reused", whole.reused), ("from scratch", whole.scratch), ("linear", whole.linear))
        if figures is not None
    ]
    headers = ["model", f"test {found.measure}", "std", "seconds", f"each of {count(len(found.seeds), 'seed')}"]
    return table(headers, rows, right=headers[1:4])


def _row(figures: Figures) -> list[str]:
    each = " ".join(f"{value:.4f}" for value in figures.each[:SHOWN])
    more = " …" if len(figures.each) > SHOWN else ""
    return [f"{figures.mean:.4f}", f"{figures.std:.4f}", f"{figures.seconds:.1f}", each + more]


def _sentences(whole: Contest) -> list[str]:
    rivals = {"scratch": SCRATCH, "linear": LINEAR}
    said = [helped(difference, rivals[name]) for name, difference in whole.differences.items()]
    return [*said, *(f"note: {remark}" for remark in whole.remarks)]


def _curve(found: Comparison) -> str:
    headers = ["labels a class", "training", "reused", "from scratch", "linear", "over scratch", "95 % interval"]
    rows = [
        [f"{one.labels}", f"{one.n:,}", _spread(one.reused), _spread(one.scratch), _spread(one.linear), *_gain(one)]
        for one in found.curve
    ]
    return table(headers, rows, right=headers)


def _spread(figures: Figures | None) -> str:
    return "-" if figures is None else f"{figures.mean:.4f} ± {figures.std:.4f}"


def _gain(one: Contest) -> list[str]:
    difference = one.differences.get("scratch")
    return ["-", "-"] if difference is None else [f"{difference.mean:+.4f}", interval(difference)]
