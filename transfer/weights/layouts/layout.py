"""From a framework's layout into Keras's: which turn makes a weight out of arrays, or why none does. Pure.

PyTorch (`torch.nn` reference, the shapes of `weight`) and Caffe (blobs, `caffe.proto`): dense (out, in), convolution
(out, in/groups, *spatial), transposed convolution (in, out/groups, *spatial), depthwise (channels*multiplier, 1,
*spatial). Keras: dense (in, out), convolution (*spatial, in/groups, out), transposed (*spatial, out, in), depthwise
(*spatial, channels, multiplier). TensorFlow's are Keras's, but for the packed kernels of its recurrent cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from transfer.weights.layouts import gates
from transfer.weights.layouts.turn import SPATIAL, Array, Turn, as_is, from_channels_first, kernel_axes, one
from transfer.weights.target import Kind, Shape, Target

CHANNELS_FIRST = ("torch", "caffe")


def turn(target: Target, convention: str, shapes: Sequence[Shape], packed: bool = False) -> Turn | None:
    """Choose the turn that makes a weight from arrays of these shapes, None where there is none.

    Args:
        target: the weight.
        convention: in whose layout the arrays lie; `numpy` has to be settled before (`settled.py`).
        shapes: of the arrays, an input array before a recurrent one.
        packed: whether the array of the layer's kernel holds the recurrent kernel, too (TensorFlow 1).
    """
    if convention in CHANNELS_FIRST:
        return _foreign(target, shapes)
    if len(shapes) != 1:
        return None
    if packed and target.kind in PACKED:
        return PACKED[target.kind](target.shape, shapes[0])
    return as_is() if shapes[0] == target.shape else None


def wanted(target: Target, convention: str) -> Shape:
    """Return the shape that a framework gives such a weight, for messages."""
    if convention not in CHANNELS_FIRST:
        return target.shape
    shape = target.shape
    if target.kind in (Kind.CONV, Kind.TRANSPOSED):
        return (shape[-1], shape[-2], *shape[:-2])
    if target.kind is Kind.DEPTHWISE:
        return (shape[-2] * shape[-1], 1, *shape[:-2])
    if target.kind in RECURRENT or target.kind is Kind.DENSE:
        return (shape[1], shape[0])
    return (shape[1],) if target.kind is Kind.GRU_BIAS else shape


def _foreign(target: Target, shapes: Sequence[Shape]) -> Turn | None:
    if len(shapes) == 2:
        return _two_biases(target, shapes)
    if len(shapes) != 1:
        return None
    make = FOREIGN.get(target.kind)
    if make is not None:
        return make(target, shapes[0])
    return as_is() if shapes[0] == target.shape and target.kind is not Kind.OLD_GRU else None


def _dense(target: Target, shape: Shape) -> Turn | None:
    if shape != target.shape[::-1]:
        return None
    if not target.rows:
        return one("OI -> IO", lambda array: array.T)
    places = from_channels_first(target.rows)
    return one("OI -> IO, rows CHW -> HWC since it reads a flattened map", lambda array: array.T[places])


def _conv(target: Target, shape: Shape) -> Turn | None:
    axes = kernel_axes(len(shape))
    if len(shape) != len(target.shape) or tuple(shape[axis] for axis in axes) != target.shape:
        return None
    spatial = SPATIAL[len(shape) - 2]
    label = f"OI{spatial} -> {spatial}IO" if target.kind is Kind.CONV else f"IO{spatial} -> {spatial}OI"
    return one(label, lambda array: array.transpose(axes))


def _depthwise(target: Target, shape: Shape) -> Turn | None:
    if shape != wanted(target, "torch"):
        return None
    spatial = SPATIAL[len(shape) - 2]
    axes = (*range(2, len(shape)), 0, 1)
    return one(f"C1{spatial} -> {spatial}C1", lambda array: array.transpose(axes).reshape(target.shape))


def _vector(target: Target, shape: Shape) -> Turn | None:
    size = math.prod(target.shape)
    if math.prod(shape) != size or sum(length != 1 for length in shape) > 1:
        return None
    if target.rows:
        places = from_channels_first(target.rows)
        return one("CHW -> HWC since it stands for a flattened map", lambda array: array.reshape(-1)[places])
    return as_is() if shape == target.shape else one("", lambda array: array.reshape(target.shape))


def _recurrent(target: Target, shape: Shape) -> Turn | None:
    label, make = RECURRENT[target.kind]
    return one(label, lambda array: make(array.T)) if shape == target.shape[::-1] else None


def _one_bias(target: Target, shape: Shape) -> Turn | None:
    """Take the single bias of an LSTM or a simple RNN from a file that has summed them already."""
    return as_is() if shape == target.shape else None


def _two_biases(target: Target, shapes: Sequence[Shape]) -> Turn | None:
    if any(shape != wanted(target, "torch") for shape in shapes):
        return None
    if target.kind is Kind.GRU_BIAS:
        return Turn("b_ih, b_hh -> two rows, gates r z n -> z r h", lambda arrays: gates.gru(np.stack(arrays)))
    if target.kind in (Kind.LSTM_BIAS, Kind.RNN_BIAS):
        return Turn("b_ih + b_hh", lambda arrays: arrays[0] + arrays[1])
    return None


def _attention_in(target: Target, shape: Shape) -> Turn | None:
    """Take query, key or value from its own array or from PyTorch's `in_proj`, which has the three of them as rows."""
    width = math.prod(target.shape[1:]) if target.role == "kernel" else math.prod(target.shape)
    own = (width, target.shape[0]) if target.role == "kernel" else (width,)
    start, label = 0, "O I -> I heads size"
    if shape == (3 * own[0], *own[1:]):
        start, label = target.part * width, f"rows q k v -> {('q', 'k', 'v')[target.part]}, {label}"
    elif shape != own:
        return None
    return one(label, lambda array: array[start : start + width].T.reshape(target.shape))


def _attention_out(target: Target, shape: Shape) -> Turn | None:
    width = math.prod(target.shape[:-1])
    fits = shape == (target.shape[-1], width)
    return one("O I -> heads size O", lambda array: array.T.reshape(target.shape)) if fits else None


def _packed_kernel(target: Shape, shape: Shape) -> Turn | None:
    fits = len(shape) == 2 and shape[1] == target[1] and shape[0] == target[0] + target[1] // 4
    return one("first rows, gates i j f o -> i f c o", lambda array: gates.packed(array[: target[0]])) if fits else None


def _packed_recurrent(target: Shape, shape: Shape) -> Turn | None:
    fits = len(shape) == 2 and shape[1] == target[1] and shape[0] > target[0]
    return one("last rows, gates i j f o -> i f c o", lambda array: gates.packed(array[-target[0] :])) if fits else None


def _packed_bias(target: Shape, shape: Shape) -> Turn | None:
    label = "gates i j f o -> i f c o, forget gate + 1"
    return one(label, gates.packed_bias) if shape == target else None


PACKED: dict[Kind, Callable[[Shape, Shape], Turn | None]] = {
    Kind.LSTM_KERNEL: _packed_kernel,
    Kind.LSTM_RECURRENT: _packed_recurrent,
    Kind.LSTM_BIAS: _packed_bias,
}
RECURRENT: dict[Kind, tuple[str, Callable[[Array], Array]]] = {
    Kind.LSTM_KERNEL: ("OI -> IO, gates i f g o as they are", lambda array: array),
    Kind.LSTM_RECURRENT: ("OI -> IO, gates i f g o as they are", lambda array: array),
    Kind.GRU_KERNEL: ("OI -> IO, gates r z n -> z r h", gates.gru),
    Kind.GRU_RECURRENT: ("OI -> IO, gates r z n -> z r h", gates.gru),
    Kind.RNN_KERNEL: ("OI -> IO", lambda array: array),
}
FOREIGN: dict[Kind, Callable[[Target, Shape], Turn | None]] = {
    Kind.DENSE: _dense,
    Kind.CONV: _conv,
    Kind.TRANSPOSED: _conv,
    Kind.DEPTHWISE: _depthwise,
    Kind.VECTOR: _vector,
    Kind.LSTM_KERNEL: _recurrent,
    Kind.LSTM_RECURRENT: _recurrent,
    Kind.GRU_KERNEL: _recurrent,
    Kind.GRU_RECURRENT: _recurrent,
    Kind.RNN_KERNEL: _recurrent,
    Kind.LSTM_BIAS: _one_bias,
    Kind.RNN_BIAS: _one_bias,
    Kind.GRU_BIAS: lambda _target, _shape: None,
    Kind.ATTENTION_IN: _attention_in,
    Kind.ATTENTION_OUT: _attention_out,
}
