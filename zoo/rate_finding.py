"""What `--lr-find` does: a range test of a transfer that is prepared, and how it is told."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from registry.watch import Watch, silent
from zoo.html_report.lines import Series, line_chart
from zoo.output import table

if TYPE_CHECKING:
    from transfer.lr_range import Range
    from zoo.transferring import Prepared

CONTROL = "note: the model from scratch trains at the same rate, which may suit it less: compare both at several rates"
ROWS = 20  # of the table, spread over the rates
BAR = 40  # letters, of the highest loss that is shown in full
SHOWN = 1.5  # times the first loss, above which a bar is cut off


def find_rate(prepared: Prepared, watch: Watch = silent) -> Range:
    """Find a learning rate for a transfer's first phase; nothing is trained, and no run is recorded.

    Raises:
        ZooError: no rate lowers the loss.
    """
    from registry.shelf import Shelf
    from transfer.cluster.connecting import used
    from transfer.rate_search import RateSearch
    from zoo.feature_cache import feature_cache

    plan = prepared.plan
    cache = feature_cache(Shelf().home, plan.backend, plan.cache_dtype, prepared.cluster)
    with used(prepared.cluster):
        return RateSearch(plan, prepared.source, prepared.data, cache, watch).run()


def next_command(prepared: Prepared, found: Range) -> str:
    """Return what to type to train with the rate that was found."""
    from zoo.report import command

    plan = prepared.plan
    return command(replace(plan, training=replace(plan.training, lr=found.suggested)))


def document(prepared: Prepared, found: Range) -> dict[str, Any]:
    """Return the `--json` document."""
    return {
        "model": prepared.plan.model, "data": prepared.plan.data, "rates": found.rates, "losses": found.losses,
        "suggested": found.suggested, "next": next_command(prepared, found),
    }  # fmt: skip


def page(prepared: Prepared, found: Range) -> str:
    """Return the curve as a table with bars, the rate to take, and what to type next."""
    tried = f"{len(found.rates)} rates from {found.rates[0]:g} to {found.rates[-1]:g}, a step each"
    return "\n".join([
        curve(found),
        f"* the loss falls fastest: {found.suggested:g}, of {tried}; losses are smoothed",
        "",
        "nothing is kept of these steps; test data are untouched",
        *([CONTROL] if prepared.plan.compare_scratch else []),
        f"next    {next_command(prepared, found)}",
    ])  # fmt: skip


def curve(found: Range) -> str:
    """Return some of the rates with their losses, as numbers and as bars; a star marks the nearest to the best."""
    last = len(found.rates) - 1
    best = min(range(last + 1), key=lambda place: abs(math.log(found.rates[place] / found.suggested)))
    chosen = sorted({best, *(round(step * last / (ROWS - 1)) for step in range(ROWS))})
    most = min(max(found.losses), SHOWN * found.losses[0])
    rows = [
        [f"{found.rates[place]:.2g}{' *' if place == best else ''}", f"{found.losses[place]:.4f}",
         _bar(found.losses[place] / most)]
        for place in chosen
    ]  # fmt: skip
    return table(["lr", "loss", ""], rows, right=["loss"])


def plot(found: Range) -> str:
    """Draw the curve over a logarithmic axis of rates, with the one that is suggested marked."""
    points = list(zip(found.rates, found.losses, strict=True))
    best = min(points, key=lambda point: abs(math.log(point[0] / found.suggested)))
    title = f"Learning-rate range test: the loss falls fastest at {found.suggested:g}"
    labels = ("learning rate", "training loss, smoothed")
    return line_chart(title, [Series("loss", points, marks=[best])], labels, log_x=True)


def _bar(share: float) -> str:
    """Return a bar; one that is cut off ends in an arrow.

    >>> _bar(0.1), _bar(2.0)[-2:]
    ('####', '#>')
    """
    return "#" * (BAR - 1) + ">" if share > 1 else "#" * round(BAR * share)
