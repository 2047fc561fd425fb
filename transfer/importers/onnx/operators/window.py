"""Sliding windows: size, stride, dilation and padding, as convolutions and pools have them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras

from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call, spatial

Pads = tuple[tuple[int, int], ...]
ZEROS = {1: keras.layers.ZeroPadding1D, 2: keras.layers.ZeroPadding2D, 3: keras.layers.ZeroPadding3D}
POOL = {1: keras.layers.MaxPooling1D, 2: keras.layers.MaxPooling2D, 3: keras.layers.MaxPooling3D}
LARGEST = 1 << 16  # of one size; a larger one would be an error in the file


@dataclass(frozen=True)
class Window:
    """A window over the axes between batch and channels.

    Attributes:
        size: the kernel's.
        strides: of its positions.
        dilations: of its elements.
        pads: what is added before and after each axis.
        padding: Keras's word: `same` where Keras adds exactly these pads itself, else `valid`.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: Pads
    padding: str = "valid"

    @property
    def reach(self) -> tuple[int, ...]:
        """How many positions a dilated kernel spans."""
        return tuple((size - 1) * dilation + 1 for size, dilation in zip(self.size, self.dilations, strict=True))

    def dense(self) -> Window:
        """Return the window at every position."""
        return replace(self, strides=(1,) * len(self.size))


def window_of(call: Call, x: Tensor, size: Sequence[int], explicit: bool = True) -> Window:
    """Return a node's window.

    Args:
        call: the node.
        x: what it slides over, channels last.
        size: of the kernel.
        explicit: whether pads are wanted, and of an input that is slid over.
    """
    size, rank = tuple(size), len(size)
    strides, dilations = (_filled(call, name, rank) for name in ("strides", "dilations"))
    declared = call.integers("kernel_shape")
    if declared is not None and declared != size:
        call.refuse(f"its kernel_shape is {list(declared)}, its kernel {list(size)}")
    if any(not 0 < number <= LARGEST for number in (*size, *strides, *dilations)):
        call.refuse(f"its kernel {list(size)}, strides {list(strides)} or dilations {list(dilations)} make no sense")
    window = Window(size, strides, dilations, ((0, 0),) * rank)
    return _padded(call, window, spatial(x)) if explicit else window


def _filled(call: Call, name: str, rank: int) -> tuple[int, ...]:
    found = call.integers(name) or (1,) * rank
    if len(found) != rank:
        call.refuse(f"its {name} has {len(found)} numbers; expected {rank}")
    return found


def named_pads(call: Call, rank: int) -> Pads | None:
    """Return the pads that a node states, None where it asks for as many as keep the size."""
    kind = call.text("auto_pad", "NOTSET")
    if kind in ("SAME_UPPER", "SAME_LOWER"):
        return None
    pads = (call.integers("pads") if kind == "NOTSET" else None) or (0,) * (2 * rank)
    if len(pads) != 2 * rank or any(not 0 <= pad <= LARGEST for pad in pads):
        call.refuse(f"its pads are {list(pads)[:10]}; expected {2 * rank} numbers that are not negative")
    return tuple(zip(pads[:rank], pads[rank:], strict=True))


def _padded(call: Call, window: Window, sizes: tuple[int | None, ...]) -> Window:
    pads = named_pads(call, len(window.size))
    upper = call.text("auto_pad", "NOTSET") == "SAME_UPPER"
    same = same_pads(window, sizes)
    if pads is None:
        if upper and (same is not None or max(window.dilations) == 1):
            return replace(window, pads=same or window.pads, padding="same")
        if same is None:
            call.refuse("its auto_pad is SAME_LOWER, or SAME_UPPER with a dilation, and its input's size is not known")
        pads = tuple((end, begin) for begin, end in same)
    if same == pads and any(map(any, pads)):
        return replace(window, pads=pads, padding="same")
    return replace(window, pads=pads)


def same_pads(window: Window, sizes: tuple[int | None, ...]) -> Pads | None:
    """Return what TensorFlow adds for `same`, None where that depends on a size that is not known."""
    found = []
    for size, stride, reach in zip(sizes, window.strides, window.reach, strict=True):
        if size is None and stride > 1:
            return None
        total = reach - 1 if size is None else max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
        found.append((total // 2, total - total // 2))
    return tuple(found)


def padded(call: Call, x: Tensor, window: Window) -> tuple[Tensor, Window]:
    """Add zeros around a tensor where Keras's layer does not do it itself."""
    if window.padding == "same":
        sparse = max(window.dilations) > 1 and max(window.strides) > 1
        if not sparse:
            return x, window
    pads = window.pads
    if not any(map(any, pads)):
        return x, replace(window, padding="valid")
    zeros = ZEROS[len(pads)](pads[0] if len(pads) == 1 else pads)
    return call.layer(zeros, x, part="pad"), replace(window, padding="valid", pads=((0, 0),) * len(pads))


def subsampled(call: Call, x: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Return every n-th position: the largest of one number each."""
    rank = len(strides)
    return call.layer(POOL[rank](1, strides if rank > 1 else strides[0], padding="valid"), x, part="stride")
