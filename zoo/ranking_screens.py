"""A ranking as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from zoo.output import count, figure, table
from zoo.ranked import SIZE, Ranked, Ranking

ENOUGH = 5  # transfers, below which one pair in another order turns the sign
WIDTH = 80
CACHED = "its features are in the cache, so the first phase starts at once"


def document(ranking: Ranking) -> dict[str, Any]:
    """Return the `--json` document."""
    return {
        "data": ranking.data,
        "measure": ranking.measure,
        "by": ranking.by,
        "models": [_model(one, ranking) for one in ranking.models],
        "left_out": [{"name": one.name, "reason": one.reason} for one in ranking.left],
        "ties": ranking.ties,
        "rank_correlation": ranking.correlations,
        "notes": notes(ranking),
        "seconds": ranking.seconds,
        "next": next_command(ranking),
    }


def page(ranking: Ranking) -> str:
    """Return the table, what it leaves open, and what to type next; text is 80 columns wide, names permitting."""
    parts = [_table(ranking), *map(_filled, [*_ties(ranking), *notes(ranking)])]
    if ranking.left:
        lines = [_filled(f"  {one.name}: {one.reason}", "    ") for one in ranking.left]
        parts.append("\n".join(["not ranked:", *lines]))
    if _trained(ranking):
        parts.append(_filled(_calibration(ranking)))
    parts.append(f"{_filled(_closing(ranking))}\nnext    {next_command(ranking)}\n        {CACHED}")
    return "\n\n".join([parts[0], _others(ranking), *parts[1:]])


def next_command(ranking: Ranking) -> str:
    """Return what to type to transfer the first model; its features are in the cache."""
    from zoo.report import command

    return command(ranking.models[0].plan)


def notes(ranking: Ranking) -> list[str]:
    """Say which scores flatter, and why some are missing."""
    found, seen = list[str](), [one.name for one in ranking.models if one.trained_here]
    if seen:
        found.append(f"trained on these very samples, so that scores flatter: {', '.join(seen)}")
    without = [one.name for one in ranking.models if one.scores["leep"] is None]
    if ranking.kind != "class":
        found.append(
            f"leep and hscore have no figures: they score classes, and these data have a {ranking.kind} target"
        )
    elif without:
        found.append(f"leep needs a model's own classes, which are not on the card of {', '.join(without)}")
    return found


def _ties(ranking: Ranking) -> list[str]:
    if not ranking.ties:
        return []
    first = ranking.models[0].name
    return [
        f"= cannot be told apart from {first}: the 95 % interval of what its {ranking.by} is above theirs, paired over "
        f"the samples, holds 0: {', '.join(ranking.ties)}"
    ]


def _table(ranking: Ranking) -> str:
    score = [] if ranking.by == SIZE else [ranking.by, "95 %"]
    headers = ["rank", "model", *score, "parameters", "by size", "seconds"]
    rows = [
        [
            str(one.rank) + ("=" if one.name in ranking.ties else ""), one.name, *_scored(one),
            f"{one.parameters:,}", str(one.rank_by_size), f"{one.seconds:.1f}",
        ]
        for one in ranking.models
    ]  # fmt: skip
    return table(headers, rows, right=[header for header in headers if header not in ("model", "rank")])


def _scored(one: Ranked) -> list[str]:
    return [figure(one.score), figure(one.ci95)] if one.ci95 else []


def _others(ranking: Ranking) -> str:
    trained = bool(_trained(ranking))
    headers = [*ranking.models[0].scores, *(["trained"] if trained else [])]
    rows = [
        [one.name, *map(_or_dash, [*one.scores.values(), *([one.reached] if trained else [])])]
        for one in ranking.models
    ]  # fmt: skip
    return table(["model", *headers], rows, right=headers)


def _closing(ranking: Ranking) -> str:
    known = sum(one.remembered for one in ranking.models)
    how = f" ({known} of {count(len(ranking.models), 'model')} from cached features, not loaded)" if known else ""
    counts = f"probe, knn and trained are {ranking.measure}; test data are untouched"
    return f"{ranking.seconds:.1f} seconds for scoring{how}; {counts}"


def _trained(ranking: Ranking) -> int:
    return sum(one.reached is not None for one in ranking.models)


def _calibration(ranking: Ranking) -> str:
    trained, found = _trained(ranking), ranking.correlations
    if found is None:
        return f"calibrated on {trained}: no rank correlation, since there is nothing to order"
    said = ", ".join(f"{tau:+.2f} by {by}" for by, tau in found.items())
    caution = "" if trained >= ENOUGH else "; of so few, take it as a hint"
    return f"rank correlation with {trained} transfers (weighted Kendall's tau): {said}{caution}"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else figure(value)


def _filled(text: str, indent: str = "") -> str:
    return fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _model(one: Ranked, ranking: Ranking) -> dict[str, Any]:
    behind: Sequence[float] | None = one.behind(ranking.models[0]) if one.rank > 1 else None
    return {
        "name": one.name, "score": one.score, "ci95": one.ci95, "behind_ci95": behind, "parameters": one.parameters,
        "seconds": one.seconds, "remembered": one.remembered, "rank": one.rank, "rank_by_size": one.rank_by_size,
        "scores": one.scores, "trained": one.reached, "trained_here": one.trained_here, "reuse": one.plan.reuse,
    }  # fmt: skip
