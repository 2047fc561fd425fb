"""Native layers for operations of one tensor: which options each takes, and the layer that they make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from transfer.importers.keras2.arithmetic import is_number
from transfer.importers.keras2.cropping import cropped

POOLS = {3: ([1], "1D"), 4: ([1, 2], "2D"), 5: ([1, 2, 3], "3D")}
FLOATS = ("float32", "float16", "float64", "bfloat16")
Options = Mapping[str, Any]
Shape = Sequence[int | None]


@dataclass(frozen=True)
class Rule:
    """How an operation becomes a layer.

    Attributes:
        make: given the options that `takes` names, by the first of their names, and the tensor's shape with the
            batch, returns the layer; None where there is none.
        takes: what the arguments after the tensor are called, in their order; by several names where TensorFlow,
            TF-Keras and keras.ops differ. Any other option is refused.
    """

    make: Callable[[Options, Shape], Any]
    takes: tuple[tuple[str, ...], ...] = ()


def _relu(options: Options, shape: Shape) -> Any:
    slope, most, least = options.get("negative_slope") or 0, options.get("max_value"), options.get("threshold") or 0
    good = is_number(slope) and is_number(least) and (most is None or is_number(most))
    return keras.layers.ReLU(most, slope, least) if good else None


def _leaky(options: Options, shape: Shape) -> Any:
    slope = options.get("negative_slope", 0.2)
    return keras.layers.LeakyReLU(slope) if is_number(slope) else None


def _activation(name: str, **fine: float) -> Rule:
    """An activation; options that are the defaults of Keras's layer change nothing."""

    def make(options: Options, shape: Shape) -> Any:
        return (
            keras.layers.Activation(name)
            if all(options.get(key, value) == value for key, value in fine.items())
            else None
        )

    return Rule(make, tuple((key,) for key in fine))


def _softmax(options: Options, shape: Shape) -> Any:
    axis = options.get("axis", -1)
    return keras.layers.Softmax(axis) if isinstance(axis, int) else None


def _clip(options: Options, shape: Shape) -> Any:
    low, high = options.get("x_min"), options.get("x_max")
    zero = is_number(low) and low == 0
    return keras.layers.ReLU(float(high)) if zero and is_number(high) and high is not None and high > 0 else None


def _concat(options: Options, shape: Shape) -> Any:
    axis = options.get("axis", -1)
    joined = isinstance(axis, int) and -len(shape) < axis < len(shape) and axis != 0
    return keras.layers.Concatenate(axis=axis) if joined else None


def _pool(kind: str) -> Callable[[Options, Shape], Any]:
    def make(options: Options, shape: Shape) -> Any:
        axis = options.get("axis")
        axes = sorted(value % len(shape) for value in ([axis] if isinstance(axis, int) else axis or []))
        wanted, rank = POOLS.get(len(shape), ([], ""))
        if not axes or axes != wanted:
            return None
        return getattr(keras.layers, f"Global{kind}Pooling{rank}")(keepdims=bool(options.get("keepdims", False)))

    return make


def _reshape(options: Options, shape: Shape) -> Any:
    wanted = options.get("shape")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(size, int) for size in wanted):
        return None
    inner = wanted[1:]
    if wanted[0] != -1 or (inner.count(-1) and None in shape[1:]):
        return None
    return keras.layers.Reshape(tuple(inner))


def _squeeze(options: Options, shape: Shape) -> Any:
    axis = options.get("axis")
    axes = [value % len(shape) for value in ([axis] if isinstance(axis, int) else axis or [])]
    sizes = [size for place, size in enumerate(shape) if place not in axes]
    if not axes or 0 in axes or None in sizes[1:] or any(shape[place] != 1 for place in axes):
        return None
    return keras.layers.Reshape(tuple(sizes[1:]))


def _expand(options: Options, shape: Shape) -> Any:
    axis = options.get("axis")
    if not isinstance(axis, int) or None in shape[1:]:
        return None
    place = axis % (len(shape) + 1)
    return keras.layers.Reshape((*shape[1:place], 1, *shape[place:])) if place else None


def _transpose(options: Options, shape: Shape) -> Any:
    moves = options.get("axes")
    fits = isinstance(moves, list) and sorted(moves) == list(range(len(shape))) and moves[0] == 0
    return keras.layers.Permute(tuple(moves[1:])) if fits and isinstance(moves, list) else None


def _pad(options: Options, shape: Shape) -> Any:
    pads, value = options.get("pad_width"), options.get("constant_values") or 0
    mode = str(options.get("mode", "CONSTANT")).lower()
    good = isinstance(pads, list) and len(pads) == len(shape) and all(isinstance(p, list) and len(p) == 2 for p in pads)
    if not good or not isinstance(pads, list) or mode != "constant" or value != 0 or [0, 0] not in (pads[0], pads[-1]):
        return None
    inner = [tuple(pad) for pad in pads[1:-1]]
    if pads[0] != pads[-1] or len(inner) not in (1, 2, 3):
        return None
    return getattr(keras.layers, f"ZeroPadding{len(inner)}D")(inner[0] if len(inner) == 1 else tuple(inner))


def _resize(options: Options, shape: Shape) -> Any:
    size, method = options.get("size"), options.get("method") or "bilinear"
    good = isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    fits = good and len(shape) == 4 and method in ("bilinear", "nearest", "bicubic")
    return keras.layers.Resizing(*size, interpolation=method) if fits and isinstance(size, list) else None


def _identity(options: Options, shape: Shape) -> Any:
    return keras.layers.Identity() if options.get("dtype") in (None, *FLOATS) else None


def _slice(options: Options, shape: Shape) -> Any:
    crops = cropped(options.get("key"), shape)
    if crops is None or len(crops) not in (1, 2, 3):
        return None
    return getattr(keras.layers, f"Cropping{len(crops)}D")(crops[0] if len(crops) == 1 else crops)


AXIS = ("axis", "dim", "squeeze_dims", "axes")
KEEPDIMS = ("keepdims", "keep_dims")
RULES: dict[str, Rule] = {
    "clip": Rule(_clip, (("x_min", "clip_value_min"), ("x_max", "clip_value_max"))),
    "concat": Rule(_concat, (AXIS,)),
    "elu": _activation("elu", alpha=1.0),
    "expand_dims": Rule(_expand, (AXIS,)),
    "gelu": _activation("gelu", approximate=False),
    "identity": Rule(_identity, (("dtype",),)),
    "leaky_relu": Rule(_leaky, (("negative_slope", "alpha"),)),
    "max": Rule(_pool("Max"), (AXIS, KEEPDIMS)),
    "mean": Rule(_pool("Average"), (AXIS, KEEPDIMS)),
    "pad": Rule(_pad, (("pad_width", "paddings"), ("mode",), ("constant_values",))),
    "relu": Rule(_relu, (("negative_slope", "alpha"), ("max_value",), ("threshold",))),
    "relu6": Rule(lambda options, shape: keras.layers.ReLU(6.0)),
    "reshape": Rule(_reshape, (("shape", "newshape"),)),
    "resize": Rule(_resize, (("size",), ("method", "interpolation"))),
    "selu": _activation("selu"),
    "sigmoid": _activation("sigmoid"),
    "silu": _activation("silu", beta=1.0),
    "slice": Rule(_slice, (("key", "slice_spec"),)),
    "softmax": Rule(_softmax, (AXIS,)),
    "softplus": _activation("softplus"),
    "softsign": _activation("softsign"),
    "squeeze": Rule(_squeeze, (AXIS,)),
    "tanh": _activation("tanh"),
    "transpose": Rule(_transpose, (("axes", "perm"),)),
}
