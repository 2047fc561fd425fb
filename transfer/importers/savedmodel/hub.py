"""What TensorFlow Hub promises of its modules.

A module for images takes `images`, RGB in 0..1, of the size that its signature says
(https://www.tensorflow.org/hub/common_signatures/images).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry.card import Preprocessing

FILE = "tfhub_module.pb"
IMAGES = "images"


def preprocessing(folder: Path, model: Any) -> Preprocessing | None:
    """Return how raw images become a module's input; None where it is no module, or none for images of one size.

    Args:
        folder: the SavedModel.
        model: the Keras model made from it.
    """
    shape = tuple(model.inputs[0].shape[1:])
    named = len(model.inputs) == 1 and model.inputs[0].name == IMAGES
    if not named or not (folder / FILE).is_file() or len(shape) != 3 or None in shape or shape[-1] != 3:
        return None
    return Preprocessing(shape, scale=1 / 255, channels="rgb")
