"""LEEP: how likely the labels are by what the source's own classes say of each sample. Pure: numpy.

Nguyen, Hassner, Seeger and Archambeau (2020), "LEEP: A new measure to evaluate transferability", eqs. 1 and 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def leep(probabilities: NDArray[Any], labels: NDArray[np.int64], classes: int) -> float:
    """Return the mean log likelihood of labels, in nats; 0 is the best.

    Args:
        probabilities: of the source's classes, `(n, c)`, each row a distribution.
        labels: of the target, `(n,)`.
        classes: how many the target has.

    >>> leep(np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 1, 1]), 2)
    0.0
    """
    theta = np.asarray(probabilities, np.float64)
    joint = np.eye(classes)[labels].T @ theta / len(theta)
    source = joint.sum(axis=0)
    given = joint / np.where(source > 0, source, 1)
    likely = np.einsum("nc,nc->n", theta, given[labels])
    return float(np.log(np.maximum(likely, np.finfo(np.float64).tiny)).mean())


def as_probabilities(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return outputs `(n, c)` as distributions: as they are where each row is one, else their softmax.

    >>> as_probabilities(np.zeros((1, 2))).tolist(), as_probabilities(np.array([[0.25, 0.75]])).tolist()
    ([[0.5, 0.5]], [[0.25, 0.75]])
    """
    z = np.asarray(outputs, np.float64)
    if (z >= 0).all() and np.allclose(z.sum(axis=1), 1, atol=1e-3):
        powers = z
    else:
        powers = np.exp(z - z.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return found
