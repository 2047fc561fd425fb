"""What a step trains in place of layers that draw random numbers or do not treat each sample by itself.

Dropout gets its masks from the loop. Where several workers share a batch, BatchNormalization takes the mean and
variance of all of it, which they find together, and another layer that draws random numbers draws them for the whole
batch, as one worker would, and uses those of its own samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from transfer.backbone import nodes
from transfer.fitting.share import Share
from transfer.fitting.thinning import Masks, Thinned, thinned
from transfer.plan.hyperparameters import CLIPPINGS, Training
from transfer.scope import scope_of
from transfer.tops.rrelu import RReLU

OWN = ("keras.", "transfer.tops.")  # where layers come from that are known to treat each sample by itself
# Operations without a layer that do so too; masks are made of the first.
ELEMENTWISE = ("NotEqual", "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Cast", "Clip", "Negative", "Sqrt")
RATES = ("rate", "dropout", "recurrent_dropout")
ROWWISE = (
    keras.layers.Dropout, keras.layers.AlphaDropout, keras.layers.GaussianDropout, keras.layers.GaussianNoise,
    keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D, keras.layers.SpatialDropout3D, RReLU,
    keras.layers.RandomFlip, keras.layers.RandomRotation, keras.layers.RandomZoom, keras.layers.RandomTranslation,
    keras.layers.RandomContrast, keras.layers.RandomBrightness,
)  # fmt: skip


class Normalised(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """A BatchNormalization that trains, on one worker's samples of a batch `(n, ..., channels) float32`."""

    def __init__(self, layer: Any, share: Share) -> None:
        super().__init__(name=layer.name)
        self.layer, self.share = layer, share
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Normalise by the whole batch, and let the moving statistics follow it, as the layer itself does."""
        layer = self.layer
        if not training:
            return layer(inputs, training=False)
        mean, variance = self._moments(inputs)
        for moving, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(moving * layer.momentum + new * (1.0 - layer.momentum))
        return keras.ops.batch_normalization(
            inputs,
            mean,
            variance,
            layer.axis,
            layer.beta if layer.center else None,
            layer.gamma if layer.scale else None,
            layer.epsilon,
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def _moments(self, inputs: Any) -> tuple[Any, Any]:
        """Return the mean and variance of all workers' samples, from each one's own (Chan et al. 1983, formula 2.1)."""
        axes = [axis for axis in range(len(inputs.shape)) if axis != self.layer.axis % len(inputs.shape)]
        mean, variance = tf.nn.moments(inputs, axes)
        count = tf.ones(1) * tf.cast(tf.size(inputs) / tf.size(mean), tf.float32)
        counts, means, variances = tf.split(
            self.share.gathered(tf.concat([count, mean, variance], 0)), [1, mean.shape[0], mean.shape[0]], axis=1
        )
        weights = counts / tf.reduce_sum(counts)
        whole = tf.reduce_sum(weights * means, axis=0)
        return whole, tf.reduce_sum(weights * (variances + tf.square(means - whole)), axis=0)


class Drawn(keras.layers.Layer):  # type: ignore[misc]
    """A layer that draws random numbers, on one worker's samples of a batch of a known size."""

    def __init__(self, layer: Any, share: Share, size: int) -> None:
        super().__init__(name=layer.name)
        self.layer, self.share, self.size = layer, share, size
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Let the layer see a whole batch, in which only its own samples are not zero."""
        mine = self.share.part(self.size)
        around = [[mine.start, self.size - mine.stop], *([0, 0] for _ in inputs.shape[1:])]
        return self.layer(tf.pad(inputs, around), training=training)[mine]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the layer's outputs."""
        return self.layer.compute_output_shape(input_shape)


def shared(model: Any, share: Share, size: int, masks: Masks) -> Any:
    """Return a model for training on one worker's samples of batches of a size; it has the model's variables."""
    thin = thinned(model, size)
    if not thin and (share.whole or not any(_apart(layer) for layer, _, _ in nodes(model))):
        return model

    def placed(layer: Any) -> Any:
        if layer.name in thin:
            return Thinned(layer, masks, share, size)
        if share.whole:
            return layer
        if _normalises(layer):
            return Normalised(layer, share)
        return Drawn(layer, share, size) if _draws(layer) else layer

    return keras.models.clone_model(model, clone_function=placed)


def unshared(model: Any, how: Training) -> str:
    """Say why a model cannot be trained by several workers with the numbers of one; empty where it can."""
    layers = {id(layer): layer for layer, _, _ in nodes(model)}.values()
    masked = any(isinstance(one, keras.layers.Masking) or getattr(one, "mask_zero", False) for one in layers)
    clips = any(getattr(how, name) is not None for name in CLIPPINGS)
    found = (f"{scope_of(layer.name)} {why}" for layer in layers if (why := _unshared(layer, masked, clips)))
    return next(found, "")


def _unshared(layer: Any, masked: bool, clips: bool) -> str:
    if not isinstance(layer, keras.Layer) and type(layer).__name__ in ELEMENTWISE:
        return ""
    if not isinstance(layer, keras.Layer) or not type(layer).__module__.startswith(OWN):
        return f"is a {type(layer).__name__}, which may mix the samples of a batch"
    parts = list(_parts(layer))
    if any(getattr(part, "activity_regularizer", None) is not None for part in parts):
        return "has a penalty on its outputs"
    if any(_draws(part) for part in parts) and not isinstance(layer, ROWWISE):
        return "draws random numbers that depend on the whole batch"
    if any(_normalises(part) for part in parts[1:]) or (_normalises(layer) and (masked or layer.renorm)):
        return "normalises by the batch in a way of its own"
    if getattr(layer, "stateful", False):
        return "keeps a state from batch to batch"
    if clips and isinstance(layer, keras.layers.Embedding) and layer.trainable:
        return "is an Embedding, whose gradients are clipped sample by sample"
    return ""


def _apart(layer: Any) -> bool:
    return _normalises(layer) or _draws(layer)


def _normalises(layer: Any) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable


def _draws(layer: Any) -> bool:
    """Tell whether a layer draws random numbers: an LSTM has a generator also where it drops nothing."""
    rates = [getattr(layer, name, None) for name in RATES]
    idle = any(rate is not None for rate in rates) and not any(rates)
    return bool(getattr(layer, "_seed_generators", ())) and not idle


def _parts(layer: Any) -> Iterator[Any]:
    """Yield a layer, and all layers within it."""
    yield from layer._flatten_layers() if isinstance(layer, keras.Layer) else [layer]
