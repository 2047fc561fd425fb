"""Layers whose weights are given at once: what they would draw before is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

RANDOM = ("kernel_initializer", "depthwise_initializer", "recurrent_initializer", "embeddings_initializer")


@contextmanager
def blank(layer: Any) -> Iterator[None]:
    """Let a layer start from zeros: random numbers that are overwritten at once cost time, and thrice the memory."""
    holder = getattr(layer, "cell", layer)  # a recurrent layer's own attributes only show those of its cell
    kept = {name: getattr(holder, name) for name in RANDOM if hasattr(holder, name)}
    try:
        for name in kept:
            setattr(holder, name, keras.initializers.Zeros())
        yield
    finally:
        for name, initializer in kept.items():
            setattr(holder, name, initializer)
