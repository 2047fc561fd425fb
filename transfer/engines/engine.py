"""An engine: a trunk made ready for one runtime."""

from __future__ import annotations

from typing import Protocol

from transfer.inputs import Arrays


class Engine(Protocol):
    """A forward pass of a trunk over batches.

    Attributes:
        name: the runtime with its version, such as `ONNX Runtime 1.23`.
        at_once: how many batches it is best given at the same time, each by a thread of its own.
    """

    name: str
    at_once: int

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
