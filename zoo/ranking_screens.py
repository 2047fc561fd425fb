"""A ranking as people and programs read it."""

from __future__ import annotations

from typing import Any

from zoo.output import figure, table
from zoo.ranking import Ranked, Ranking

ENOUGH = 5  # transfers, below which one pair in another order turns the sign


def document(ranking: Ranking) -> dict[str, Any]:
    """Return the `--json` document."""
    return {
        "data": ranking.data,
        "measure": ranking.measure,
        "by": ranking.by,
        "models": [_model(one) for one in ranking.models],
        "left_out": [{"name": one.name, "reason": one.reason} for one in ranking.left],
        "ties": ranking.ties,
        "rank_correlation": ranking.correlations,
        "seconds": ranking.seconds,
        "next": next_command(ranking),
    }


def page(ranking: Ranking) -> str:
    """Return the table, what it leaves open, and what to type next."""
    first, ties = ranking.models[0], ranking.ties
    parts = [_table(ranking)]
    if ties:
        parts.append(f"tied with {first.name}, since their intervals overlap: {', '.join(ties)}")
    if ranking.left:
        parts.append("not ranked:\n" + "\n".join(f"  {one.name}: {one.reason}" for one in ranking.left))
    if any(one.reached is not None for one in ranking.models):
        parts.append(_calibration(ranking))
    counts = f"probe, knn and trained are {ranking.measure}; test data are untouched"
    parts.append(f"{ranking.seconds:.1f} seconds for scoring; {counts}\nnext    {next_command(ranking)}")
    return "\n\n".join(parts)


def next_command(ranking: Ranking) -> str:
    """Return what to type to transfer the first model; its features are in the cache."""
    from zoo.report import command

    return command(ranking.models[0].plan)


def _table(ranking: Ranking) -> str:
    names = list(ranking.models[0].scores)
    trained = ["trained"] if any(one.reached is not None for one in ranking.models) else []
    headers = ["rank", "model", *names, f"95 % of {ranking.by}", *trained, "parameters", "by size", "seconds"]
    rows = [_row(one, trained=bool(trained)) for one in ranking.models]
    return table(headers, rows, right=[header for header in headers if header != "model"])


def _row(one: Ranked, *, trained: bool) -> list[str]:
    return [
        str(one.rank), one.name, *map(_or_dash, one.scores.values()), figure(one.ci95) if one.ci95 else "-",
        *([_or_dash(one.reached)] if trained else []), f"{one.parameters:,}", str(one.rank_by_size),
        f"{one.seconds:.1f}",
    ]  # fmt: skip


def _calibration(ranking: Ranking) -> str:
    count = sum(one.reached is not None for one in ranking.models)
    found = ranking.correlations
    if found is None:
        return f"calibrated on {count}: no rank correlation, since there is nothing to order"
    said = ", ".join(f"{tau:+.2f} by {by}" for by, tau in found.items())
    caution = "" if count >= ENOUGH else "; of so few, take it as a hint"
    return f"rank correlation with {count} transfers (weighted Kendall's tau): {said}{caution}"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else figure(value)


def _model(one: Ranked) -> dict[str, Any]:
    return {
        "name": one.name, "score": one.score, "ci95": one.ci95, "parameters": one.parameters, "seconds": one.seconds,
        "rank": one.rank, "rank_by_size": one.rank_by_size, "scores": one.scores, "trained": one.reached,
        "reuse": one.plan.reuse,
    }  # fmt: skip
