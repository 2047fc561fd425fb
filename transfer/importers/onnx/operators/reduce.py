"""Operators that reduce axes to one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from transfer.importers.native import CHANNELS_LAST, Tensor
from transfer.importers.onnx.call import Call
from transfer.importers.onnx.fold import axes_of
from transfer.importers.onnx.operators.pool import GLOBAL_AVERAGE, GLOBAL_MAX

OPERATIONS: dict[str, Callable[..., Any]] = {
    "ReduceMean": keras.ops.mean,
    "ReduceSum": keras.ops.sum,
    "ReduceMax": keras.ops.max,
    "ReduceMin": keras.ops.min,
    "ReduceProd": keras.ops.prod,
    "ReduceL2": lambda x, axis, keepdims: keras.ops.norm(x, 2, axis, keepdims),  # of a matrix it is the spectral norm
    "ReduceLogSumExp": keras.ops.logsumexp,
}
REAL = ("ReduceMean", "ReduceL2", "ReduceLogSumExp")  # what does not stay whole
LAYERS = {"ReduceMean": GLOBAL_AVERAGE, "ReduceMax": GLOBAL_MAX}


def reduce(call: Call) -> list[Tensor]:
    """Over some axes, which are kept with size 1 unless `keepdims` is 0; over height and width as a layer."""
    x, rank = call.tensor(), len(call.tensor().order)
    axes = axes_of([None, call.optional(1)], call.node.attributes)
    if axes is None and call.integer("noop_with_empty_axes"):
        return [x]
    gone = sorted({axis % rank for axis in (range(rank) if axes is None else axes)})
    if call.node.op in REAL and not str(x.keras.dtype).startswith("float"):
        call.refuse("it makes whole numbers of whole numbers by rounding, which no Keras layer does")
    if x.order[0] in gone:
        call.refuse("it reduces over the samples")
    kept = bool(call.integer("keepdims", 1))
    order = (
        x.order if kept else tuple(axis - sum(other < axis for other in gone) for axis in x.order if axis not in gone)
    )
    if _is_global(call, x, gone):
        return [call.layer(LAYERS[call.node.op][rank - 2](keepdims=kept), x, order=order)]
    places = tuple(sorted(x.axis(axis) for axis in gone))
    if call.node.op == "ReduceL2" and len(places) > 1:
        return [_length(call, x, places, kept, order)]
    places_or_one = places if len(places) > 1 else places[0]
    return [call.operation(lambda t: OPERATIONS[call.node.op](t, axis=places_or_one, keepdims=kept), x, order=order)]


def _length(call: Call, x: Tensor, places: tuple[int, ...], kept: bool, order: tuple[int, ...]) -> Tensor:
    """Return the root of the sum of squares over several axes."""
    square = call.operation(keras.ops.square, x)
    total = call.operation(lambda t: keras.ops.sum(t, axis=places, keepdims=kept), square, order=order)
    return call.operation(keras.ops.sqrt, total)


def _is_global(call: Call, x: Tensor, gone: list[int]) -> bool:
    rank = len(x.order)
    return call.node.op in LAYERS and x.order == CHANNELS_LAST.get(rank) and gone == list(range(2, rank))
