"""What weights alone do not say, and an architecture from elsewhere may have otherwise: a sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from transfer.scope import scope_of
from transfer.weights.layouts.layout import CHANNELS_FIRST
from transfer.weights.matching.modules import CONVS, DEPTHWISE

EPSILON = 1e-5  # PyTorch's and Caffe's default
POOLS = (
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.MaxPooling3D,
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.AveragePooling3D,
)
NORMS = (keras.layers.BatchNormalization, keras.layers.LayerNormalization)


def remarks(model: Any, convention: str) -> list[str]:
    """Say where Keras's defaults differ from those of the framework that the weights came from."""
    if convention not in CHANNELS_FIRST:
        return []
    layers = list(model._flatten_layers(include_self=False, recursive=True))
    return [*_epsilons(layers), *_paddings(layers)]


def _epsilons(layers: list[Any]) -> Iterator[str]:
    """PyTorch's documentation of BatchNorm2d and LayerNorm: eps=1e-05; Keras has 1e-3."""
    other = [layer for layer in layers if isinstance(layer, NORMS) and abs(layer.epsilon - 1e-3) < 1e-9]
    if other:
        yield (
            f"{len(other)} normalisation layers add 1e-3 to the variance, Keras's default ({_some(other)}); "
            f"PyTorch's and Caffe's is {EPSILON:g}, and the weights do not say which they were trained with"
        )


def _paddings(layers: list[Any]) -> Iterator[str]:
    """PyTorch pads evenly on both sides; `same` with a stride pads the end more, as TensorFlow does."""
    strided = [layer for layer in layers if isinstance(layer, (*CONVS, *DEPTHWISE)) and _pads_one_side(layer)]
    if strided:
        yield (
            f"{len(strided)} strided convolutions pad 'same', which adds more at the end ({_some(strided)}); "
            "PyTorch and Caffe pad evenly, unless the original did as TensorFlow does"
        )
    pools = [layer for layer in layers if isinstance(layer, POOLS) and _pads_pool(layer)]
    if pools:
        yield (
            f"{len(pools)} strided poolings pad 'same', which adds more at the end ({_some(pools)}); "
            "PyTorch and Caffe pad evenly or not at all, unless the original did as TensorFlow does"
        )


def _pads_one_side(layer: Any) -> bool:
    return bool(layer.padding == "same" and max(layer.strides) > 1 and max(layer.kernel_size) > 1)


def _pads_pool(layer: Any) -> bool:
    if layer.padding != "same" or max(layer.strides) == 1:
        return False
    sizes = {tuple(node.input_tensors[0].shape[1:-1]) for node in layer._inbound_nodes} or {(None,)}
    return any(_is_padded(*one) for shape in sizes for one in zip(shape, layer.strides, layer.pool_size, strict=False))


def _is_padded(size: int | None, stride: int, window: int) -> bool:
    """Tell whether windows reach beyond the end (TensorFlow's documentation of padding, `SAME`)."""
    return window > 1 and (size is None or (-(-size // stride) - 1) * stride + window > size)


def _some(layers: list[Any]) -> str:
    names = [scope_of(layer.name) for layer in layers[:3]]
    return ", ".join(names) + (" …" if len(layers) > 3 else "")
