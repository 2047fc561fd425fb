"""What a layer's builder is given: the net, the layer, what it reads, and its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.importers.caffe.blob import SAME_NET, Blob
from transfer.importers.native import CHANNELS_LAST, Net, Tensor

INSTEAD = "correct it in the prototxt, or end the model before it: --output BLOB"


@dataclass(frozen=True)
class Part:
    """One layer to build.

    Attributes:
        net: the net being built.
        layer: its `LayerParameter`.
        scope: its path.
        inputs: what it reads.
        blobs: its arrays.
        batch: how many samples the prototxt has in a batch.
        scale: the `Scale` layer that is merged into a `BatchNorm`, and its arrays.
    """

    net: Net
    layer: Any
    scope: str
    inputs: tuple[Tensor, ...]
    blobs: tuple[Blob, ...] = ()
    batch: int = 1
    scale: tuple[Any, tuple[Blob, ...]] | None = None

    @property
    def x(self) -> Tensor:
        """The only input.

        Raises:
            ZooError: there are more.
        """
        if len(self.inputs) != 1:
            raise self.refusal(f"has {len(self.inputs)} bottoms; expected one")
        return self.inputs[0]

    @property
    def image(self) -> Tensor:
        """The only input, (n, c, h, w) with channels last in Keras; 1-D and 3-D likewise.

        Raises:
            ZooError: it has no spatial axes.
        """
        order = CHANNELS_LAST.get(len(self.x.shape))
        if order is None:
            raise self.refusal(f"needs an input (n, c, h, w), got {self.shown(self.x)}")
        return self.net.arranged(self.x, order)

    @property
    def channels(self) -> int:
        """How many channels the input has."""
        return int(self.x.shape[1] or 0)

    def arrays(self, *shapes: tuple[int, ...]) -> list[NDArray[np.float32]]:
        """Read the layer's arrays, each in the shape that the net expects.

        Raises:
            ZooError: there is another number of them, or one has another shape.
        """
        return fitted(self.layer, self.blobs, shapes)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the arrays."""
        return tuple(blob.name for blob in self.blobs)

    def refusal(self, why: str, hint: str = "") -> ZooError:
        """Return the error that names the layer and says why it cannot be built."""
        return ZooError(f"the layer {self.layer.name} ({self.layer.type}) {why}", hint or INSTEAD)

    def axis(self, axis: int, rank: int | None = None) -> int:
        """Return an axis that may count from the end, within the input's.

        Raises:
            ZooError: there is no such axis, or it is the one of the samples.
        """
        rank = len(self.inputs[0].shape) if rank is None else rank
        if not -rank <= axis < rank:
            raise self.refusal(f"has the axis {axis}, but its input {self.shown(self.inputs[0])}")
        if axis % rank == 0:
            raise self.refusal("works along the axis of the samples, which no Keras layer does")
        return axis % rank

    @staticmethod
    def shown(tensor: Tensor) -> str:
        """Return a shape for people, `n` being the number of samples."""
        return f"({', '.join('n' if size is None else str(size) for size in tensor.shape)})"


def fitted(layer: Any, blobs: Sequence[Blob], shapes: Sequence[tuple[int, ...]]) -> list[NDArray[np.float32]]:
    """Read arrays in expected shapes.

    Raises:
        ZooError: there is another number of them, or one has another shape.
    """
    if len(blobs) != len(shapes):
        raise ZooError(
            f"the layer {layer.name} ({layer.type}) has {len(blobs)} arrays in the caffemodel; "
            f"the prototxt expects {len(shapes)}: {', '.join(str(list(shape)) for shape in shapes)}",
            SAME_NET,
        )
    return [blob.fitted(shape) for blob, shape in zip(blobs, shapes, strict=True)]
