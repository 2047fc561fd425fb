"""Fresh weights: initialisers chosen by activation and seeded by scope."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import count
from typing import Any

import keras

INITIALIZERS = {
    "he": "HeNormal", "xavier": "GlorotUniform", "lecun": "LecunNormal", "he_normal": "HeNormal",
    "he_uniform": "HeUniform", "xavier_normal": "GlorotNormal", "xavier_uniform": "GlorotUniform",
    "lecun_normal": "LecunNormal", "orthogonal": "Orthogonal",
}  # fmt: skip

# Glorot and Bengio 2010 for saturating units and logits, Klambauer et al. 2017 for SELU,
# He et al. 2015 for all others (the rectifiers, and ELU).
BY_ACTIVATION = {"selu": "lecun", "tanh": "xavier", "sigmoid": "xavier", "softmax": "xavier"}

KERNELS = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")


def layer_seed(scope: str, seed: int) -> int:
    """Return a layer's own seed: it depends on the run's seed and the scope, not on the other layers."""
    return zlib.crc32(f"{seed}/{scope}".encode())


def seeded(config: dict[str, Any], scope: str, seed: int, init: str | None = None) -> dict[str, Any]:
    """Return a layer's config with kernels drawn from a fitting distribution, and every draw seeded.

    Args:
        config: what `layer.get_config()` returned.
        scope: the layer's scope.
        seed: the run's seed.
        init: one of `INITIALIZERS`; None chooses by the layer's activation.
    """
    own = layer_seed(scope, seed)
    chosen = INITIALIZERS[init or fitting(activation_of(config))]
    kernels = {
        key: {"module": "keras.initializers", "class_name": chosen, "config": {"seed": own + number}}
        for number, key in enumerate(KERNELS)
        if key in config
    }
    others = {key: value for key, value in config.items() if key not in kernels}
    rest: dict[str, Any] = _reseeded(others, count(own + len(KERNELS)))
    return rest | kernels | ({"seed": own} if "seed" in config else {})


def fitting(activation: str) -> str:
    """Return the initialiser that fits an activation.

    >>> fitting("elu"), fitting("selu"), fitting("tanh")
    ('he', 'lecun', 'xavier')
    """
    return BY_ACTIVATION.get(activation, "he")


def _reseeded(value: Any, seeds: Iterator[int]) -> Any:
    """Seed every draw that a part of a config describes: other initialisers, and layers within the layer."""
    if isinstance(value, list | tuple):
        return type(value)(_reseeded(one, seeds) for one in value)
    if not isinstance(value, dict):
        return value
    return {key: next(seeds) if key == "seed" else _reseeded(part, seeds) for key, part in value.items()}


def activation_of(config: dict[str, Any]) -> str:
    """Return the name of the activation in a layer's config; `linear` where there is none."""
    name = config.get("activation") or "linear"
    return name if isinstance(name, str) else str(name.get("class_name", "linear")).lower()


def with_fresh_arrays(model: Any, seed: int) -> Any:
    """Draw new weights for those layers of a model that no config describes, in place, and return it."""
    for layer in model.layers:
        if isinstance(layer, keras.Layer) and hasattr(layer, "reinitialise"):
            layer.reinitialise(layer_seed(layer.name, seed))
    return model
