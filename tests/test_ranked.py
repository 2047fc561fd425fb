"""A ranking's order, ties, agreement and page, without a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transfer.plan.plan import Plan
from transfer.transferability.bootstrap import Resampled
from zoo.ranked import Left, Ranked, Ranking, in_order
from zoo.ranking_screens import document, page

NOISE = np.random.default_rng(0).normal(size=500) / 50


def model(name: str, score: float, parameters: int = 10, reached: float | None = None) -> Ranked:
    scores = {"probe": score, "knn": 1 - score, "logme": 0.0, "leep": -1.0, "hscore": score}
    drawn = Resampled(score, score + NOISE, of_shares=True)
    return Ranked(name, Plan(f"{name}@1", "d", "h.*"), parameters, scores, score, drawn, 1.0, reached=reached)


def ranking(*models: Ranked) -> Ranking:
    left = (Left("other", "a reason " * 12),)
    return Ranking("d", "class", "accuracy", "probe", in_order(models), left, 2.0)


def test_of_equal_scores_the_smaller_is_first() -> None:
    found = ranking(model("large", 0.5, 20), model("small", 0.5, 10), model("best", 0.9, 5))
    assert [(one.name, one.rank, one.rank_by_size) for one in found.models] == [
        ("best", 1, 3), ("small", 2, 2), ("large", 3, 1)
    ]  # fmt: skip


def test_a_tie_is_what_the_paired_interval_cannot_part() -> None:
    """The intervals of all three overlap; those of the differences do not, but for what varies on its own."""
    own = replace(model("own", 0.79), drawn=Resampled(0.79, 0.79 + NOISE[::-1], of_shares=True))
    found = ranking(model("a", 0.80), model("b", 0.79), own)
    first, second = found.models[0].ci95, found.models[1].ci95
    assert first and second and first[0] < second[1]
    assert found.ties == ("own",)
    said = " ".join(page(found).split())
    assert "= cannot be told apart from a: the 95 % interval of what its probe is above theirs" in said
    assert [line.split()[0] for line in page(found).splitlines()[1:4]] == ["1", "2", "3="]
    behind = [one["behind_ci95"] for one in document(found)["models"]]
    assert behind[0] is None and behind[1] == pytest.approx((0.01, 0.01)) and behind[2][0] < 0 < behind[2][1]


def test_by_size_there_are_no_ties() -> None:
    found = replace(ranking(replace(model("a", 9.0), drawn=None), replace(model("b", 8.0), drawn=None)), by="size")
    assert found.ties == () and document(found)["models"][1]["behind_ci95"] is None
    assert page(found).splitlines()[0].split() == ["RANK", "MODEL", "PARAMETERS", "BY", "SIZE", "SECONDS"]


def test_calibration_tells_every_scores_agreement() -> None:
    found = ranking(model("a", 0.9, 1, 0.8), model("b", 0.7, 2, 0.7), model("c", 0.5, 3, 0.6), model("d", 0.1))
    assert found.correlations == {"probe": 1.0, "knn": -1.0, "hscore": 1.0, "size": -1.0}, "logme is the same for all"
    said = " ".join(page(found).split())
    assert "rank correlation with 3 transfers (weighted Kendall's tau): +1.00 by probe, -1.00 by knn" in said
    assert "-1.00 by size; of so few, take it as a hint" in said
    few = ranking(model("a", 0.9, 1, 0.8), model("d", 0.1))
    assert few.correlations is None
    assert "calibrated on 1: no rank correlation, since there is nothing to order" in " ".join(page(few).split())


def test_a_page_has_80_columns() -> None:
    found = ranking(model("efficientnet-lite0", 0.9, 4_694_024, 0.8), model("b", 0.7, 2, 0.7))
    assert max(map(len, page(found).splitlines())) <= 80
