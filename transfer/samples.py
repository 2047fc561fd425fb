"""Inputs for a model of which no data are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN_SIZE = 64


def random_inputs(model: Any, n: int = 16, seed: int = 0) -> NDArray[np.float32]:
    """Draw `(n, ...) float32` uniformly from [0, 1); dimensions that may vary are 64."""
    shape = (UNKNOWN_SIZE if size is None else int(size) for size in model.inputs[0].shape[1:])
    return np.random.default_rng(seed).random((n, *shape), np.float32)
