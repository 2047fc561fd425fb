"""Products with a matrix, and embeddings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import keras
import numpy as np

from transfer.importers.native import Tensor
from transfer.importers.tflite.call import KERAS_ACTIVATIONS, Array, Call
from transfer.importers.tflite.values import Rows, Sizes, Value


def _fully_connected(call: Call) -> list[Value]:
    options, kernel = call.options(), call.array(1)
    if kernel.ndim != 2 or options["weights_format"]:
        call.refuse(f"its weights have the shape {list(kernel.shape)}, format {options['weights_format']}")
    bias = call.array(2) if call.given(2) else None
    value = call.value(0)
    if isinstance(value, np.ndarray):
        return [_constant(call, value, kernel, bias)]
    rows = isinstance(value, Rows)
    x = value.tensor if isinstance(value, Rows) else _flat(call, kernel.shape[1], bool(options["keep_num_dims"]))
    made = _dense(call, x, kernel.T, bias, options["activation"])
    if call.activation(options["activation"]) not in KERAS_ACTIVATIONS:
        made = call.activated(made, options["activation"])
    return [Rows(made) if rows else made]


def _dense(call: Call, x: Tensor, kernel: Array, bias: Array | None, code: int) -> Tensor:
    """Add a Dense layer; one that was there already, with the same weights, is called again."""
    activation = KERAS_ACTIVATIONS.get(call.activation(code))
    key = ("dense", *call.operator.inputs[1:], activation, len(x.shape))
    if layer := call.build.shared.get(key):
        return Tensor(layer(x.keras), x.order)
    layer = keras.layers.Dense(kernel.shape[1], activation, use_bias=bias is not None)
    weights = [kernel] if bias is None else [kernel, bias]
    sources = [call.source(place + 1) for place in range(len(weights))]
    made = call.layer(layer, x, weights=[np.asarray(array, np.float32) for array in weights], sources=sources)
    call.build.shared[key] = layer
    return made


def _constant(call: Call, value: Array, kernel: Array, bias: Array | None) -> Array:
    if value.shape[-1:] != kernel.shape[1:] or call.activation(call.options()["activation"]) != "NONE":
        call.refuse("it computes a constant that does not fit")
    product = value @ kernel.T
    return product if bias is None else product + bias


def _flat(call: Call, width: int, keep: bool) -> Tensor:
    """Return the input with the axis that the matrix is multiplied with as its last one."""
    x = call.plain()
    if len(x.shape) == 2 or keep:
        return x
    size = math.prod(size or 0 for size in x.shape[1:])
    if size != width:  # the rows of several axes would become samples
        call.refuse(f"it makes samples of the rows of {list(x.shape)}, which no layer does")
    return call.build.net.layer(f"{call.scope}/flatten", keras.layers.Flatten(), x, order=(0, 1))


def _batch_matmul(call: Call) -> list[Value]:
    options, kernel = call.options(), call.array(1)
    if kernel.ndim != 2 or options["adj_x"]:
        call.refuse(f"its second factor has the shape {list(kernel.shape)}; expected a matrix")
    return [_dense(call, call.plain(), kernel.T if options["adj_y"] else kernel, None, 0)]


def _gather(call: Call) -> list[Value]:
    """Rows of a matrix by index: an embedding. Parts of a tensor by constant indices: `keras.ops.take`."""
    options, value = call.options(), call.value(0)
    if isinstance(value, Sizes):
        return [_of_sizes(call, value)]
    if isinstance(value, Tensor):
        indices, axis, x = call.array(1), options["axis"] % len(value.shape), call.plain()
        if options["batch_dims"] or axis == 0 or indices.ndim > 1:
            call.refuse("it takes whole samples, or by several axes of indices")
        taken = indices.tolist()
        return [call.operation(lambda t: keras.ops.take(t, taken, axis=axis), x)] if indices.ndim else [
            call.build.net.operation(call.scope, lambda t: keras.ops.take(t, taken, axis=axis), x,
                                     order=tuple(range(len(x.shape) - 1)))]  # fmt: skip
    if options["axis"] or options["batch_dims"]:
        call.refuse("it takes from a constant along another axis than the first")
    return _embedding(call, call.array(0), 1, 0)


def _of_sizes(call: Call, sizes: Sizes) -> Sizes:
    places = [int(place) for place in call.array(1).reshape(-1)]
    if not all(0 <= place < len(sizes.values) for place in places):
        call.refuse(f"it takes {places} of {len(sizes.values)} sizes")
    return Sizes(tuple(sizes.values[place] for place in places))


def _embedding(call: Call, rows: Array, indices: int, source: int) -> list[Value]:
    if rows.ndim != 2:
        call.refuse(f"its table has the shape {list(rows.shape)}; expected a matrix")
    x = call.plain(indices)
    layer = keras.layers.Embedding(*rows.shape)
    weights = [np.asarray(rows, np.float32)]
    order = tuple(range(len(x.shape) + 1))
    return [call.layer(layer, x, weights=weights, sources=[call.source(source)], order=order)]


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    "GATHER": _gather,
    "EMBEDDING_LOOKUP": lambda call: _embedding(call, call.array(1), 0, 1),
}
