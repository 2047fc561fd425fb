"""How each operator becomes Keras layers: a table from its name to a function from a `Call` to what it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from transfer.importers.tflite.call import Call
from transfer.importers.tflite.operators import (
    activations,
    arithmetic,
    blocks,
    convolution,
    dense,
    pooling,
    resize,
    shapes,
    slices,
)
from transfer.importers.tflite.values import Value

OPERATORS: Mapping[str, Callable[[Call], Sequence[Value]]] = {
    **activations.OPERATORS,
    **arithmetic.OPERATORS,
    **blocks.OPERATORS,
    **convolution.OPERATORS,
    **dense.OPERATORS,
    **pooling.OPERATORS,
    **resize.OPERATORS,
    **shapes.OPERATORS,
    **slices.OPERATORS,
}
