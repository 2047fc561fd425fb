"""Several seeds in words: which model each keeps, what was found, and how much so few can tell."""

from __future__ import annotations

import pytest

from transfer.controls.paired import Difference
from transfer.evaluate import Score
from transfer.finding import Finding
from transfer.result import CacheUse, PhaseResult, Result, Scratch, Seconds
from zoo.closing import spreads
from zoo.seeds_page import gain, kept_words, seeds_page

DEAD = Finding("dead", "hidden2", 3, 0.99, "99% of the units of hidden2 are dead", "--activation leaky_relu")
BURST = Finding("exploding", "", 1, 1e9, "gradients explode", "a lower --lr")


def phase(loss: float, *findings: Finding) -> PhaseResult:
    return PhaseResult(("top",), ("hidden1",), ("hidden1",), 0.01, 5, 4, 1.0, 0.5, loss, 0.8, findings=findings)


def result(
    seed: int,
    accuracy: float | None = 0.8,
    rival: float | None = 0.9,
    kept: str = "reused",
    findings: tuple[Finding, ...] = (),
    anew: tuple[Finding, ...] = (),
) -> Result:
    ci = None if accuracy is None else (0.5, 1.0)
    test = None if accuracy is None else Score(120, 0.5, accuracy, (0.5, 1.0), {"a": accuracy})
    difference = None if accuracy is None or rival is None else Difference(accuracy - rival, -0.2, 0.1, 120, "samples")
    scratch = Scratch((phase(0.3, *anew),), 0.7, rival, ci, 1.0, difference)
    return Result(
        f"run{seed}", "net", "1" * 40, "data", "f" * 64, ("a", "b"), "hidden1", None, ("hidden1",), ("hidden1",),
        (phase(0.4, *findings),), 1, 0.75, accuracy, ci, test, scratch, CacheUse("", False, 0, 0.0),
        Seconds(0, 0, 1, 1, 2), seed, kept=kept,
    )  # fmt: skip


def page(*results: Result) -> str:
    return seeds_page(results, *spreads(list(results)))


def test_the_seeds_that_keep_the_model_from_scratch_are_marked() -> None:
    text = page(result(0, 0.8, 1.0, "scratch"), result(1, 0.7, 0.5), result(2, 0.8, 0.9, "scratch"))
    lines = text.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["0", "*"], ["1", "run1"], ["2", "*"]]
    assert lines[1].split()[2:] == ["run0", "0.7500", "0.8000", "1.0000"]
    assert lines[6:8] == [
        "* the model from scratch is kept with seeds 0 and 2: its validation loss is lower;",
        "  the mean test accuracy of the models that are kept is 0.8667",
    ]
    assert "*" not in page(result(0), result(1))


def test_what_is_kept_is_named_with_its_figure() -> None:
    assert kept_words([result(0)]) == "the test accuracy of the reused model, which is kept, is 0.8000"
    assert kept_words([result(0, kept="scratch")]) == (
        "the test accuracy of the model from scratch, which is kept, is 0.9000"
    )
    assert (
        kept_words([result(0, None, None)]) == "the validation accuracy of the reused model, which is kept, is 0.7500"
    )


def test_without_test_data_the_mean_is_of_validation() -> None:
    text = page(result(0, None, None), result(1, None, None))
    assert text.splitlines()[3].split() == ["mean", "0.7500", "-", "-"]


@pytest.mark.parametrize(
    ("had", "said"),
    [
        ((1,), "! seed 1: 99% of the units of hidden2 are dead; try --activation leaky_relu"),
        ((0, 2), "! seeds 0 and 2, as in the first: 99% of the units of hidden2 are dead; try --activation leaky_relu"),
        (
            (0, 1, 2),
            "! seeds 0 to 2, as in the first: 99% of the units of hidden2 are dead; try --activation leaky_relu",
        ),
    ],
)
def test_a_finding_is_told_once_with_its_seeds(had: tuple[int, ...], said: str) -> None:
    lines = page(*(result(seed, findings=(DEAD,) if seed in had else ()) for seed in range(3))).splitlines()
    assert [line for line in lines if line.startswith("!")] == [said]


def test_a_finding_from_scratch_is_told_apart() -> None:
    lines = page(result(0, findings=(BURST,)), result(1, anew=(BURST,))).splitlines()
    assert [line for line in lines if line.startswith("!")] == [
        "! seed 0: gradients explode; try a lower --lr",
        "! from scratch, seed 1: gradients explode; try a lower --lr",
    ]


def test_seeds_that_differ_alike_are_told_by_their_samples() -> None:
    text = page(result(0, 0.8, 0.8167), result(1, 0.9, 0.9167))
    assert "cannot be told apart: -0.0167 (-0.2000 to 0.1000, paired over 120 samples)" in text
    assert text.endswith("\nall seeds differ alike: the interval is over the test samples")
    found = gain([result(0, 0.9, 0.5), result(1, 0.6, 0.65)])
    assert found is not None
    assert (found.low, found.high, found.over) == (-1, 1, "seeds"), "no two shares differ by more than 1"
