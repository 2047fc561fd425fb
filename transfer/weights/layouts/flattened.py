"""How layers change the order of numbers: which maps a layer's input was flattened from, or why that is not known.

Other frameworks flatten a map as (c, h, w), Keras as (h, w, c). What is followed are Keras's own layers and operations;
a map that has gone through anything else, and then may have been flattened, is doubtful and never taken as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras

from transfer.scope import scope_of
from transfer.weights.layouts.flow import SAME, Flow, Order, made_by, map_of, permuted, reshaped

L = keras.layers
OVER_TIME = (  # PyTorch gives these (c, t); recurrent layers and embeddings (t, c), as Keras does
    L.Conv1D, L.Conv1DTranspose, L.DepthwiseConv1D, L.SeparableConv1D, L.MaxPooling1D, L.AveragePooling1D,
)  # fmt: skip
MIXING = (L.Dense, L.EinsumDense, L.RNN, L.MultiHeadAttention, L.GroupQueryAttention, L.Attention,
          L.AdditiveAttention, L.Bidirectional, L.Embedding)  # fmt: skip
RESHAPING = ("Flatten", "Reshape", "Squeeze", "ExpandDims")  # of keras.layers and of keras.ops
STRANGE = (  # Keras's own, but they may put numbers into any order
    "Lambda", "TorchModuleWrapper", "TFSMLayer", "Flip", "Roll", "Rot90", "Moveaxis", "Swapaxes", "Sort", "Argsort",
    "Take", "TakeAlongAxis", "GetItem", "Einsum", "Matmul", "Dot", "Tensordot", "Stack", "Split", "Tile", "Repeat",
    "Ravel", "Cumsum", "Map", "VectorizedMap", "Scan", "Cond", "RepeatVector", "TimeDistributed",
)  # fmt: skip


def after(layer: Any, inputs: Sequence[Any], flows: Sequence[Flow], output: Any) -> Flow:
    """Return the flow of an output of a layer, from those of what it reads."""
    rank, where = len(output.shape) - 1, scope_of(layer.name)
    if getattr(layer, "data_format", "") == "channels_first" and not isinstance(layer, L.Flatten) and rank > 1:
        return map_of(rank, first=True)
    if not flows or hasattr(layer, "rank"):  # an input, or a convolution
        return _fresh(layer, rank)
    if isinstance(layer, MIXING):
        return _mixed(flows, rank, where)
    if len(flows) == 1:
        return _after_one(layer, inputs[0], flows[0], output, where)
    if all(flow.is_plain for flow in flows):
        return _fresh(layer, rank) if rank > 1 else Flow(Order.SAME, made=made_by(flows))
    return _joined(layer, inputs, flows, output) if is_known(layer) else _unknown(inputs, flows, output, where)


def _after_one(layer: Any, tensor: Any, flow: Flow, output: Any, where: str) -> Flow:
    rank, kind = len(output.shape) - 1, type(layer).__name__
    if not is_known(layer):
        return _unknown([tensor], [flow], output, where)
    if kind == "Flatten" and getattr(layer, "data_format", "") == "channels_first" and len(tensor.shape) > 3:
        count = len(tensor.shape) - 1
        return reshaped(permuted(flow, (*range(2, count + 1), 1), where), _back(tensor), output.shape[1:], where)
    if kind in RESHAPING:
        return reshaped(flow, tensor.shape[1:], output.shape[1:], where)
    if kind == "Permute":
        return permuted(flow, layer.dims, where)
    if kind == "Transpose":
        axes = layer.axes or tuple(reversed(range(rank + 1)))
        return permuted(flow, axes[1:], where) if axes[0] == 0 else Flow(Order.LOST, why=where)
    if len(output.shape) == len(tensor.shape):
        return _fresh(layer, rank) if flow.is_plain and rank > 1 else flow
    return _unknown([tensor], [flow], output, where)  # pooled away, perhaps: the width tells


def is_known(layer: Any) -> bool:
    """Tell whether a layer is one of Keras's that leave numbers where they are, along the axes that it keeps."""
    return type(layer).__module__.split(".")[0] == "keras" and type(layer).__name__ not in STRANGE


def _fresh(layer: Any, rank: int) -> Flow:
    return map_of(rank) if rank > 2 or isinstance(layer, OVER_TIME) else SAME


def _mixed(flows: Sequence[Flow], rank: int, where: str) -> Flow:
    """Follow what mixes the last axis and leaves the others."""
    if rank < 3:
        return SAME
    plain = all(flow.is_plain or flow == map_of(rank) for flow in flows)
    return map_of(rank) if plain else Flow(Order.LOST, why=where)


def _back(tensor: Any) -> tuple[int | None, ...]:
    return (*tensor.shape[2:], tensor.shape[1])


def _unknown(inputs: Sequence[Any], flows: Sequence[Flow], output: Any, where: str) -> Flow:
    """Doubt what may have been flattened: what is as wide as axes of a map below it, or as all maps together."""
    rank = len(output.shape) - 1
    read = [(tensor, flow) for tensor, flow in zip(inputs, flows, strict=True) if flow.order is not Order.SAME]
    if not read:
        return map_of(rank) if rank > 2 else SAME
    why = next((flow.why for _, flow in read if flow.why), where)
    widths = {width for tensor, flow in read for width in _widths(tensor, flow)}
    if rank > 0 and output.shape[-1] in {*widths, sum(max(_widths(*one), default=0) for one in read)}:
        return Flow(Order.DOUBT, why=why)
    return Flow(Order.LOST, why=why, made=made_by(flows)) if rank > 1 else SAME


def _widths(tensor: Any, flow: Flow) -> set[int]:
    """Return how wide the last axes are when merged; those of length 1 do not count, since they change no order."""
    sizes = tensor.shape[1:]
    ends = [sizes[start:] for start in range(len(sizes))]
    found = {math.prod(end) for end in ends if None not in end and any(size != 1 for size in end[:-1])}
    return found | {sizes[-1]} if flow.order in (Order.ROWS, Order.DOUBT) and sizes[-1] is not None else found


def _joined(layer: Any, inputs: Sequence[Any], flows: Sequence[Flow], output: Any) -> Flow:
    """Follow what joins several: side by side, or number by number."""
    where = scope_of(layer.name)
    doubtful = next((flow for flow in flows if flow.order is Order.DOUBT), None)
    if doubtful is not None:
        return doubtful
    if len(output.shape) == 2:
        return _vectors(layer, inputs, flows, where)
    maps = {flow for flow in flows if flow.order is not Order.SAME}
    return maps.pop() if len(maps) == 1 else Flow(Order.LOST, why=where, made=made_by(maps))


def _vectors(layer: Any, inputs: Sequence[Any], flows: Sequence[Flow], where: str) -> Flow:
    if type(layer).__name__ == "Concatenate":
        parts = zip(inputs, flows, strict=True)
        return Flow(Order.ROWS, rows=tuple(row for tensor, flow in parts for row in _rows(tensor, flow)))
    wide = {
        replace(flow, made=frozenset()) for tensor, flow in zip(inputs, flows, strict=True) if tensor.shape[-1] != 1
    }
    return wide.pop() if len(wide) == 1 else Flow(Order.DOUBT, why=where)


def _rows(tensor: Any, flow: Flow) -> tuple[tuple[int, ...], ...]:
    return flow.rows or ((int(tensor.shape[-1]),),)
