"""Pooling, and reductions over axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras

from transfer.importers.native import Tensor, identity
from transfer.importers.tflite.call import Call
from transfer.importers.tflite.schema import PADDINGS
from transfer.importers.tflite.values import Samples, Sizes, Value

LARGEST = 1 << 12


def _pool(layer: Any) -> Callable[[Call], list[Value]]:
    def convert(call: Call) -> list[Value]:
        options = call.options("POOL")
        window, strides = ((options[a], options[b]) for a, b in (("height", "width"), ("stride_h", "stride_w")))
        if not all(1 <= size <= LARGEST for size in (*window, *strides)) or not 0 <= options["padding"] <= 1:
            call.refuse(f"its window is {list(window)}, its strides {list(strides)}")
        made = call.layer(layer(window, strides, PADDINGS[options["padding"]]), call.plain())
        return [call.activated(made, options["activation"])]

    return convert


def _reduced(operation: Callable[..., Any], layers: Mapping[int, Any]) -> Callable[[Call], list[Value]]:
    """Reduce over constant axes; by Keras's global pooling (by number of axes) where that is what it is."""

    def convert(call: Call) -> list[Value]:
        value = call.value(0)
        if isinstance(value, Sizes) and operation is keras.ops.prod:
            return [_product(call, value)]
        x, keep = call.plain(), bool(call.options("REDUCER")["keep_dims"])
        rank = len(x.shape)
        if operation is keras.ops.mean and not str(x.keras.dtype).startswith("float"):
            call.refuse("it rounds the mean of whole numbers, which no Keras layer does")
        axes = tuple(sorted({int(axis) % rank for axis in call.array(1).reshape(-1)})) if rank else ()
        if not axes or axes[0] == 0:
            call.refuse(f"it reduces over the axes {list(axes)}, and the first holds the samples")
        order = identity(rank if keep else rank - len(axes))
        if rank in layers and axes == tuple(range(1, rank - 1)):
            return [call.layer(layers[rank](keepdims=keep), x, order=order)]
        return [_operation(call, lambda t: operation(t, axis=axes, keepdims=keep), x, order)]

    return convert


def _product(call: Call, sizes: Sizes) -> Sizes:
    samples = [size.times for size in sizes.values if isinstance(size, Samples)]
    number = math.prod([*samples, *(size for size in sizes.values if isinstance(size, int))])
    if len(samples) > 1:
        call.refuse("it multiplies the number of samples with itself")
    return Sizes((Samples(number) if samples else number,))


def _operation(call: Call, operation: Callable[..., Any], x: Tensor, order: tuple[int, ...]) -> Tensor:
    return call.build.net.operation(call.scope, operation, x, order=order)


keras_layers = keras.layers
AVERAGES = {3: keras_layers.GlobalAveragePooling1D, 4: keras_layers.GlobalAveragePooling2D}
LARGESTS = {3: keras_layers.GlobalMaxPooling1D, 4: keras_layers.GlobalMaxPooling2D}
OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "AVERAGE_POOL_2D": _pool(keras_layers.AveragePooling2D),
    "MAX_POOL_2D": _pool(keras_layers.MaxPooling2D),
    "MEAN": _reduced(keras.ops.mean, AVERAGES),
    "REDUCE_MAX": _reduced(keras.ops.max, LARGESTS),
    "REDUCE_MIN": _reduced(keras.ops.min, {}),
    "REDUCE_PROD": _reduced(keras.ops.prod, {}),
    "SUM": _reduced(keras.ops.sum, {}),
}
