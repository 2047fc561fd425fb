"""Blocks of places that become samples or channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras

from transfer.importers.tflite.call import Call
from transfer.importers.tflite.values import Spaced, Value


def _space_to_batch(call: Call) -> list[Value]:
    """The beginning of a dilated convolution: pad, and keep the block for the convolution that follows."""
    x = call.plain()
    block, pads = call.array(1).reshape(-1).tolist(), call.array(2)
    if len(x.shape) != 4 or len(block) != 2 or pads.shape != (2, 2) or min(block) < 1 or (pads < 0).any():
        call.refuse(f"it makes samples of blocks {block} of {list(x.shape)}")
    widths = tuple((int(a), int(b)) for a, b in pads)
    padded = call.layer(keras.layers.ZeroPadding2D(widths), x) if pads.any() else x
    return [Spaced(padded, (int(block[0]), int(block[1])))]


def _batch_to_space(call: Call) -> list[Value]:
    """The end of a dilated convolution: only the crops are left to do."""
    value, block, crops = call.value(0), call.array(1).reshape(-1).tolist(), call.array(2)
    if not isinstance(value, Spaced) or tuple(block) != value.block or crops.shape != (2, 2) or (crops < 0).any():
        call.refuse("it does not end what a SPACE_TO_BATCH_ND with the same block began")
    if not crops.any():
        return [value.tensor]
    return [call.layer(keras.layers.Cropping2D(tuple((int(a), int(b)) for a, b in crops)), value.tensor)]


def _depth_to_space(call: Call) -> list[Value]:
    x, block = call.plain(), call.options()["block"]
    if len(x.shape) != 4 or not 1 <= block <= 64 or x.shape[3] is None or x.shape[3] % block**2:
        call.refuse(f"it makes blocks of {block} by {block} of {list(x.shape)}")
    return [call.operation(lambda t: keras.ops.depth_to_space(t, block, data_format="channels_last"), x)]


OPERATORS: Mapping[str, Callable[[Call], list[Value]]] = {
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "DEPTH_TO_SPACE": _depth_to_space,
}
