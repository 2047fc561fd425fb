"""The scaling that a model begins with: raw numbers go into it as they are, and are not to be scaled before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.card import Preprocessing
from transfer.backbone import nodes
from transfer.data.arrays.pictures import image_shape
from transfer.scope import scope_of

SCALING = ("Rescaling", "Normalization")
# What changes the place of pixels and not their range; `Random…` does nothing but in training.
PASSING = frozenset({
    "InputLayer", "Identity", "Reshape", "Flatten", "Permute", "Resizing", "CenterCrop", "ZeroPadding1D",
    "ZeroPadding2D", "Cropping1D", "Cropping2D", "GaussianNoise", "Dropout",
})  # fmt: skip
AUGMENTING = "Random"


@dataclass(frozen=True)
class OwnScaling:
    """A model's first layer that scales: its scope, its Keras class, and whether its input are images."""

    scope: str
    type: str
    images: bool

    @property
    def advice(self) -> str:
        """What to state of the model."""
        raw = "raw pixels" if self.images else "raw numbers"
        return f"the model begins with a {self.type} of its own ({self.scope}): --preprocess none takes {raw}"

    def remark(self, how: Preprocessing | None) -> str:
        """What the user should know, given the preprocessing that is stated; empty where that leaves numbers alone."""
        if how is None:
            return self.advice
        plain = np.all(np.equal(how.scale, 1)) and np.all(np.equal(how.offset, 0))
        return "" if plain else f"numbers are scaled twice, by the preprocessing {how.formula} first: {self.advice}"


def own_scaling(model: Any) -> OwnScaling | None:
    """Find the Rescaling or Normalization that a functional model with one input begins with.

    One of images that enlarges numbers (`x * 2 - 1`) is none: it takes pixels that are scaled to 0 to 1 already.
    """
    if len(model.inputs) != 1:
        return None
    images, raw = image_shape(model.inputs[0].shape[1:], None) is not None, {id(model.inputs[0])}
    for layer, inputs, outputs in nodes(model):
        if not inputs or not all(id(tensor) in raw for tensor in inputs):
            continue
        kind = type(layer).__name__
        if kind in SCALING and _scales(layer, images=images):
            return OwnScaling(scope_of(layer.name), kind, images)
        if kind in PASSING or kind.startswith(AUGMENTING):
            raw |= {id(tensor) for tensor in outputs}
    return None


def _scales(layer: Any, *, images: bool) -> bool:
    if type(layer).__name__ == "Rescaling":
        factor, added = np.abs(np.asarray(layer.scale, float)), np.asarray(layer.offset, float)
    else:
        variance = np.asarray(layer.variance, float)
        factor, added = 1 / np.maximum(np.sqrt(variance), 1e-7), np.asarray(layer.mean, float)
        factor = 1 / factor if layer.invert else factor
    changes = bool(np.any(factor != 1) or np.any(added != 0))
    return changes and not (images and factor.max(initial=0) > 1)
