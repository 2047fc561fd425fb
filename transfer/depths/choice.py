"""Which cuts are worth training, and which of the trained ones is best. Pure: no Keras."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transfer.evaluate import Z95, Score

TRAINED = 3


def to_train(cuts: int) -> int:
    """Say how many of some cuts are trained where the user does not: three, of few cuts less than half.

    >>> [to_train(cuts) for cuts in (1, 2, 5, 8, 40)]
    [1, 1, 2, 3, 3]
    """
    return max(1, min(TRAINED, round(0.4 * cuts)))


def to_begin(cuts: int, train: int) -> int:
    """Say how many trainings are begun so that `train` of them are carried to their end: twice that, at most half.

    >>> [to_begin(cuts, 3) for cuts in (2, 5, 8, 40)]
    [2, 3, 4, 6]
    """
    return min(cuts, 2 * train, max(train, cuts // 2))


def shortlist(probes: Sequence[Score], most: int) -> list[int]:
    """Return the places of the cuts that are worth training, in order: the best by probe, and the lowest.

    A probe is linear, and judges features by themselves. Where what is trained above them comes out otherwise, it is
    mostly for the lack of layers that can still change, so the cut that leaves most to train always has its chance. Of
    equal scores the higher cut is taken, which leaves less to train.
    """
    order = sorted(range(len(probes)), key=lambda place: (probes[place].accuracy, place), reverse=True)
    chosen = order[:most]
    return sorted(chosen if most < 2 or 0 in chosen else [*chosen[:-1], 0])


def best_of(trained: Sequence[Score], probes: Sequence[Score]) -> int:
    """Return the place of the best cut: of those that validation cannot tell from the best, the one probed best.

    Validation splits are small, so the few best often differ by a sample or two. Within one standard error (Breiman et
    al. 1984, ch. 3) the probe decides, which was cross-validated on other and more samples.

    Args:
        trained: how each cut did on the validation split.
        probes: how its features were probed, in the same order.
    """
    places = range(len(trained))
    top = max(places, key=lambda place: (trained[place].accuracy, -trained[place].loss))
    least = trained[top].accuracy - standard_error(trained[top])
    near = [place for place in places if trained[place].accuracy >= least]
    return max(near, key=lambda place: (probes[place].accuracy, trained[place].accuracy, -trained[place].loss))


def standard_error(score: Score) -> float:
    """Return the standard error that a score's 95 % interval stands for."""
    return (score.ci95[1] - score.ci95[0]) / (2 * Z95)


def pooled(scores: Sequence[Score]) -> Score:
    """Return the mean of several seeds' scores on the same samples.

    The interval is the wider of two: that of the samples, which more seeds do not narrow, and that of the seeds.
    """
    first = scores[0]
    if len(scores) == 1:
        return first
    mean = sum(score.accuracy for score in scores) / len(scores)
    spread = math.sqrt(sum((score.accuracy - mean) ** 2 for score in scores) / (len(scores) - 1) / len(scores))
    low = min(sum(score.ci95[0] for score in scores) / len(scores), mean - Z95 * spread)
    high = max(sum(score.ci95[1] for score in scores) / len(scores), mean + Z95 * spread)
    loss = sum(score.loss for score in scores) / len(scores)
    return Score(first.n, loss, mean, (low, min(1.0, high)), {})
