"""Sliding windows: their sizes in a prototxt, how many fit, and where `padding="same"` places them likewise. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LARGEST = 1 << 20  # of a kernel, stride, padding or dilation


@dataclass(frozen=True)
class Axis:
    """A window along one axis.

    Attributes:
        size: of the input.
        kernel: of the window.
        stride: between windows.
        pad: on each side.
        dilation: between the window's places.
    """

    size: int
    kernel: int
    stride: int = 1
    pad: int = 0
    dilation: int = 1

    @property
    def extent(self) -> int:
        """From the window's first place to its last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def floor(self) -> int:
        """How many windows fit, as Caffe's convolution counts them (`conv_layer.cpp`)."""
        return (self.size + 2 * self.pad - self.extent) // self.stride + 1

    @property
    def ceil(self) -> int:
        """How many windows fit, as Caffe's pooling counts them (`pooling_layer.cpp`).

        Rounded up; with padding the last window must start inside of the image, or in the padding before it.

        >>> Axis(112, 3, 2, 1).ceil, Axis(112, 3, 2).ceil, Axis(7, 2, 2, 1).ceil
        (57, 56, 4)
        """
        count = -((self.extent - self.size - 2 * self.pad) // self.stride) + 1
        if self.pad and (count - 1) * self.stride >= self.size + self.pad:
            count -= 1
        return count

    def behind(self, count: int) -> int:
        """Return how far `count` windows reach behind the input, 0 where they end before it does."""
        return max(0, (count - 1) * self.stride + self.extent - self.pad - self.size)

    def same(self, count: int) -> bool:
        """Tell whether `padding="same"` places `count` windows like this: the half of what is missing, rounded down."""
        missing = max(0, (-(-self.size // self.stride) - 1) * self.stride + self.extent - self.size)
        return count == -(-self.size // self.stride) and missing // 2 == self.pad


def sizes(param: Any, name: str, short: str, axes: int, default: int) -> tuple[int, ...] | None:
    """Return a size for each spatial axis, from `name` or from `short_h` and `short_w`; None where they contradict.

    Args:
        param: a `ConvolutionParameter` or `PoolingParameter`.
        name: the field for all axes, `kernel_size`.
        short: the start of the fields for one axis, `kernel`.
        axes: how many there are.
        default: where nothing is stated.
    """
    single = [param.HasField(f"{short}_{axis}") if hasattr(param, f"{short}_h") else False for axis in "hw"]
    if any(single):
        found = [getattr(param, f"{short}_{axis}") or default for axis in "hw"]
    else:
        stated = getattr(param, name)
        found = [stated] if isinstance(stated, int) else list(stated)
    found = found or [default]
    if len(found) == 1:
        found = found * axes
    fits = len(found) == axes and all(0 <= size <= LARGEST for size in found)
    return tuple(int(size) for size in found) if fits else None
