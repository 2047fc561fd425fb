"""The two ends of a training network: layers that feed it, and layers that judge what it says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from registry.errors import ZooError
from transfer.importers.caffe.schema import LayerParameter

FEEDING = ("Input", "Data", "ImageData", "MemoryData", "HDF5Data", "WindowData", "DummyData", "AnnotatedData")
JUDGING = ("Accuracy", "Silence", "HDF5Output", "ArgMax")
LOSSES = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}


def is_data(layer: Any) -> bool:
    """Tell whether a layer brings data in."""
    return layer.type in FEEDING or (layer.type == "Python" and not layer.bottom)


def data_top(layer: Any, top: str) -> bool:
    """Tell whether a top of a data layer is what the net looks at, not a label."""
    return layer.type in ("Input", "DummyData", "HDF5Data") or top == layer.top[0]


def is_dropped(layer: Any) -> bool:
    """Tell whether a layer only judges or stores outputs."""
    return layer.type in JUDGING or layer.type.endswith("Loss")


def without_loss(layer: Any) -> tuple[Any, str]:
    """Return the layer that a loss applies to its input before it compares it with labels, and a note of it."""
    plain = LOSSES.get(layer.type)
    if plain is None:
        return layer, ""
    made = LayerParameter(name=layer.name, type=plain, bottom=layer.bottom[:1], top=layer.top[:1] or [layer.name])
    if layer.HasField("softmax_param"):
        made.softmax_param.CopyFrom(layer.softmax_param)
    return made, f"the loss {layer.name} ({layer.type}) became a {plain} layer"


def statement(top: str) -> str:
    """Return what to add to a prototxt that does not state an input."""
    return (
        f'add to the prototxt, with the sizes that the net takes: layer {{ name: "{top}" type: "Input" top: "{top}" '
        "input_param { shape { dim: 1 dim: 3 dim: 224 dim: 224 } } }"
    )


def shape_of(layer: Any, top: str, channels: int | None) -> tuple[int, ...]:
    """Return the shape of a data layer's blob, with the batch.

    Args:
        layer: the layer.
        top: the blob.
        channels: how many the first layer that reads it takes, where that is known.

    Raises:
        ZooError: the files do not say it.
    """
    shape = _stated(layer, list(layer.top).index(top)) or _cropped(layer, channels)
    if shape is None:
        raise ZooError(
            f"the files do not say the shape of the input {top} ({layer.type} layer {layer.name})", statement(top)
        )
    if len(shape) < 2 or any(size < 1 for size in shape):
        raise ZooError(
            f"the input {top} has the shape {list(shape)}; expected a batch and at least one size above 0",
            statement(top),
        )
    return shape


def _stated(layer: Any, place: int) -> tuple[int, ...] | None:
    if layer.type in ("Input", "DummyData"):
        shapes = layer.input_param.shape if layer.type == "Input" else layer.dummy_data_param.shape
        return tuple(shapes[place if len(shapes) > 1 else 0].dim) if len(shapes) in (1, len(layer.top)) else None
    if layer.type == "MemoryData":
        memory = layer.memory_data_param
        return max(1, memory.batch_size), memory.channels, memory.height, memory.width
    return None


def _cropped(layer: Any, channels: int | None) -> tuple[int, ...] | None:
    """Take height and width from the crop or the resizing, and channels from the mean or the layer that reads them."""
    transform, images = layer.transform_param, layer.image_data_param
    height, width = images.new_height, images.new_width
    if transform.crop_size:
        height = width = transform.crop_size
    stated = len(transform.mean_value) if len(transform.mean_value) > 1 else None
    depth = stated or channels or (3 if transform.force_color else 1 if transform.force_gray else None)
    return (1, depth, height, width) if height and width and depth else None


def channels_by(layers: Sequence[Any], width_of: Callable[[Any], int | None]) -> Callable[[str], int | None]:
    """Return how many channels the first convolution that reads a blob takes.

    Args:
        layers: the net's.
        width_of: gives the second size of a layer's first array.
    """

    def channels(top: str) -> int | None:
        for layer in layers:
            if top in layer.bottom and layer.type == "Convolution":
                width = width_of(layer)
                return width * max(1, layer.convolution_param.group) if width else None
        return None

    return channels
