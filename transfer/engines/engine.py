"""An engine: a trunk made ready for one runtime; and on how many cores it runs."""

from __future__ import annotations

import os
from typing import Protocol

from transfer.inputs import Arrays


class Engine(Protocol):
    """A forward pass of a trunk over batches.

    Attributes:
        name: the runtime with its version, such as `ONNX Runtime 1.23`.
    """

    name: str

    def __call__(self, batch: Arrays) -> Arrays:
        """Return the trunk's outputs for a batch of any size.

        Args:
            batch: one array `(n, ...)` an input, in the trunk's order.

        Returns:
            One array `(n, ...)` an output: float32, or whole numbers where it is an input that takes such.

        Raises:
            ZooError: the runtime cannot compute with such samples.
        """
        ...


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
