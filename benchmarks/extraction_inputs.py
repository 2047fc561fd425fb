"""What is extracted from, and of what: nets of dense layers, and rows of random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

COLUMNS = 784


def dense_net(width: int = 50, columns: int = COLUMNS, layers: int = 3) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    source = tensor = keras.Input((columns,), name="X")
    for number in range(layers):
        tensor = keras.layers.Dense(width, "elu", name=f"hidden{number + 1}")(tensor)
    return keras.Model(source, tensor)


def draws(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def inputs(x: np.ndarray) -> dict[str, Any]:
    """Return a split as a model takes it; the digests of its samples are known, as they are where data were read."""
    from transfer.data.arrays.feed import ArrayFeed
    from transfer.data.arrays.samples import ArraySamples
    from transfer.features import Inputs
    from transfer.inputs import ModelInput

    feed = ArrayFeed(ArraySamples.of(x, "x.npy"), (ModelInput("X", x.shape[1:]),), None)
    assert len(feed.digests) == len(x)
    return {"train": Inputs(feed, np.zeros(len(x), np.int64))}
