"""The randomised leaky ReLU, which Keras does not have, and what stands for it in a finished model."""

from __future__ import annotations

from typing import Any

import keras

from transfer.backbone import nodes


@keras.saving.register_keras_serializable(package="zoo")
class RReLU(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Negative inputs times a random slope, `(n, ...) float32` to the same.

    In training each unit of each sample draws its slope from `low` to `high`; at inference all have the mean
    (Xu et al. 2015, section 2.4: a slope `1/a` with a from 3 to 8, and its mean). No weights.
    """

    def __init__(self, low: float = 1 / 8, high: float = 1 / 3, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.seed = low, high, seed
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def mean(self) -> float:
        """The slope at inference."""
        return (self.low + self.high) / 2

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply it to a tensor."""
        slope = self.mean
        if training:
            slope = keras.random.uniform(
                keras.ops.shape(inputs), self.low, self.high, dtype=inputs.dtype, seed=self.seed_generator
            )
        return keras.ops.where(inputs >= 0, inputs, inputs * slope)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what makes it again."""
        return {**super().get_config(), "low": self.low, "high": self.high, "seed": self.seed}


def for_inference(model: Any) -> Any:
    """Return a model in which Keras's own LeakyReLU with the mean slope stands for each RReLU.

    It gives the same outputs at inference, and opens where this package is not. All other layers are shared; a model
    without an RReLU is returned as it is.
    """
    if not any(isinstance(layer, RReLU) for layer, _, _ in nodes(model)):
        return model
    return keras.models.clone_model(model, clone_function=_settled)


def _settled(layer: Any) -> Any:
    if isinstance(layer, RReLU):
        return keras.layers.LeakyReLU(negative_slope=layer.mean, name=layer.name, dtype=layer.dtype_policy)
    return layer
