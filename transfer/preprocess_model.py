"""A card's preprocessing as Keras layers, which a model's file can begin with; its resizing as a function of arrays.

The layers' names begin with `preprocess>`. Images are resized by the one layer for both, in the raw dtype, so that the
result is whole numbers again, as in an image file. The rest is a factor and a sum in float32, the same to the bit
whether Keras or NumPy (`transfer.prepare`) computes it: a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.scope import layer_name

PREFIX = "preprocess"
RAW = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "int64", "bool")  # that Keras and NumPy cast alike
RESIZED = ("uint8", "uint16", "int16", "int32")  # that TensorFlow resizes


def raw_shape(how: Preprocessing) -> tuple[int | None, ...]:
    """Return one raw sample's shape: `(None, None, channels)` where it is resized, else the card's."""
    return (None, None, *(how.shape[2:] or (1,))) if how.resize else how.shape


def raw_input(how: Preprocessing, name: str = "raw") -> Any:
    """Return the tensor of raw samples, as an input of a model.

    Raises:
        ZooError: raw samples are of a dtype that the layers do not take.
    """
    known = RESIZED if how.resize else RAW
    if how.dtype not in known:
        raise ZooError(
            f"raw samples of {how.dtype} cannot be {'resized' if how.resize else 'prepared'} by a Keras model",
            f"these can: {', '.join(known)}",
        )
    return keras.Input(raw_shape(how), dtype=how.dtype, name=layer_name(name))


def preprocess_layers(how: Preprocessing, tensor: Any, name: str = "") -> Any:
    """Apply the preprocessing to raw samples.

    Args:
        how: the card's.
        tensor: `(n, *raw_shape)` of the raw dtype (`raw_input`).
        name: of the model's input, where several have layers of their own.

    Returns:
        `(n, *how.shape) float32`.
    """
    prefix = "/".join(part for part in (PREFIX, name) if part)
    if how.resize:
        tensor = _resizing(how, f"{prefix}/resize")(tensor)
        if tensor.shape[1:] != how.shape:
            tensor = keras.layers.Reshape(how.shape, name=layer_name(f"{prefix}/flat"), dtype=how.dtype)(tensor)
    if how.channels == "bgr":
        tensor = keras.ops.flip(tensor, axis=-1)
        tensor._keras_history.operation.name = layer_name(f"{prefix}/bgr")  # the function takes no name (Keras 3.15)
    scale, offset = ([*map(float, one)] if isinstance(one, tuple) else float(one) for one in (how.scale, how.offset))
    return keras.layers.Rescaling(scale, offset, name=layer_name(f"{prefix}/scale"), dtype="float32")(tensor)


def _resizing(how: Preprocessing, scope: str) -> Any:
    return keras.layers.Resizing(
        *how.shape[:2],
        how.interpolation,
        crop_to_aspect_ratio=how.resize == "crop",
        pad_to_aspect_ratio=how.resize == "pad",
        fill_value=0,  # an integer, as the pixels are
        antialias=True,
        data_format="channels_last",
        name=layer_name(scope),
        dtype=how.dtype,
    )


@lru_cache(maxsize=16)
def resizer(how: Preprocessing) -> Callable[[Array], Array]:
    """Return the resizing as a function: raw `(n, *raw_shape)` to `(n, *how.shape)` of the same dtype.

    Raises:
        ZooError: raw samples are of a dtype that is not resized.
    """
    tensor = raw_input(how)
    net = keras.Model(tensor, _resizing(how, "resize")(tensor))
    spec = tf.TensorSpec((None, *raw_shape(how)), how.dtype)
    run = tf.function(lambda x: net(x, training=False), autograph=False).get_concrete_function(spec)

    def resize(x: Array) -> Array:
        there = x.shape[1:3] == how.shape[:2]  # resizing would change nothing, and takes most of the time
        resized: Array = x if there else run(tf.constant(x)).numpy()
        return resized.reshape(-1, *how.shape)

    return resize
