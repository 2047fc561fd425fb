"""What `zoo compare` finds, as values. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transfer.controls.paired import Difference, alike, student_interval
from transfer.result import spread


@dataclass(frozen=True)
class Figures:
    """What a model reached on the test samples.

    Attributes:
        mean, std: over the seeds.
        each: a figure a seed.
        seconds: that all of them took.
        ci95: of several seeds Student's interval of their mean, as far as a figure can go; of one the interval over the
            test samples; None where all seeds have the same figure.
    """

    mean: float
    std: float
    each: tuple[float, ...]
    seconds: float
    ci95: tuple[float, float] | None = None


@dataclass(frozen=True)
class Contest:
    """The three models on the same data.

    Attributes:
        labels: at most so many of a class in training and validation; None for all.
        n: training samples.
        reused, scratch, linear: what they reached; `scratch` is None where it diverged, `linear` where the samples are
            no numbers that a linear model could take.
        differences: of the reused model from `scratch` and `linear`: over seeds, or of a single seed over samples.
        runs: the runs' identifiers.
        remarks: what a person should know.
    """

    labels: int | None
    n: int
    reused: Figures
    scratch: Figures | None
    linear: Figures | None
    differences: Mapping[str, Difference]
    runs: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What `zoo compare` found: a contest on all labels, and one for each number of labels a class."""

    model: str
    data: str
    reuse: str
    seeds: tuple[int, ...]
    measure: str
    samples: int
    whole: Contest
    curve: tuple[Contest, ...] = ()


def figures(
    each: Sequence[float], seconds: float, over_samples: tuple[float, float] | None = None, least: float = -math.inf
) -> Figures:
    """Summarise a model's figures, one a seed.

    Args:
        each: the figures.
        seconds: that all of them took.
        over_samples: the interval of the first, over the test samples; it counts where there is no other seed.
        least: what a figure can be at least; at most it is 1.

    >>> figures([0.5, 1.0], 1.0, least=0).ci95
    (0, 1.0)
    >>> figures([0.9, 0.9], 1.0, least=0).ci95
    """
    summary = spread(each)
    if len(each) == 1:
        interval = over_samples
    elif alike(each):
        interval = None
    else:
        low, high = student_interval(each)
        interval = max(least, low), min(1.0, high)
    return Figures(summary.mean, summary.std, tuple(each), seconds, interval)


def fixed(figure: float, seeds: int, seconds: float, over_samples: tuple[float, float]) -> Figures:
    """Summarise a model that is the same with every seed."""
    return Figures(figure, 0.0, (figure,) * seeds, seconds, over_samples if seeds == 1 else None)
