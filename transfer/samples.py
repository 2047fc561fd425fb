"""Inputs for a model of which no data are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from transfer.backbone import model_inputs
from transfer.data.dataset import Array
from transfer.inputs import Arrays, ModelInput

UNKNOWN_SIZE = 64
LARGEST = 255  # of whole numbers that no embedding limits: they may be characters, pixels or token ids


def random_inputs(model: Any, n: int = 16, seed: int = 0) -> Arrays:
    """Draw `(n, ...)` for each input, in the model's order; dimensions that may vary are 64.

    Floating-point numbers are uniform in [0, 1); whole numbers from 0 to the largest that the input takes, or 255.
    """
    draws = np.random.default_rng(seed)
    return tuple(_drawn(one, n, draws) for one in model_inputs(model))


def _drawn(one: ModelInput, n: int, draws: np.random.Generator) -> Array:
    shape = (n, *(UNKNOWN_SIZE if size is None else int(size) for size in one.shape))
    if not one.whole and one.indices is None:
        return draws.random(shape, np.float32)
    largest = min(one.limits[1], LARGEST) if one.indices is None else one.limits[1]
    whole = draws.integers(0, largest, shape, endpoint=True)
    return whole.astype(one.dtype if one.whole else np.float32)
