"""What running a model takes, so that a small file cannot ask for hours or for all memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

POOLING = 4  # a pooled number takes about as long as four multiplications in a convolution


@dataclass(frozen=True)
class Cost:
    """Of one sample.

    Attributes:
        numbers: how many all layers return together.
        work: how many multiplications they do.
    """

    numbers: int
    work: int


def cost_of(model: Any) -> Cost:
    """Count what the layers of a functional model return and multiply for one sample."""
    numbers = work = 0
    for operation in model.operations:
        for output in _tensors(operation.output):
            shape = [size or 1 for size in output.shape[1:]]
            numbers += math.prod(shape)
            work += _work(operation, shape)
    return Cost(numbers, work)


def _tensors(output: Any) -> list[Any]:
    return list(output) if isinstance(output, list | tuple) else [output]


def _work(operation: Any, shape: list[int]) -> int:
    if hasattr(operation, "pool_size"):
        return POOLING * math.prod(shape) * int(math.prod(operation.pool_size))
    held = sum(int(math.prod(weight.shape)) for weight in getattr(operation, "weights", ()))
    return math.prod(shape[:-1]) * held
