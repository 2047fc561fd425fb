"""What a model's outputs say: as logits, which scores are computed from, and as probabilities, which people read.

A model gives logits, or probabilities where it ends in a softmax or sigmoid. One output for classes tells two apart: it
speaks for the second of them.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.backbone import nodes
from transfer.data.dataset import Array

SQUASHING = ("softmax", "sigmoid")
PASSING = ("Reshape", "Flatten", "Dropout", "InputLayer")
LEAST = 1e-7  # probability that a loss takes as such: `keras.config.epsilon()`, so losses are those of `model.evaluate`


def gives_probabilities(model: Any) -> bool:
    """Tell whether a model ends in a softmax or sigmoid; layers that pass numbers on are looked through."""
    return _last(model) in SQUASHING


def likely_kind(model: Any) -> str:
    """Return what the outputs of a model most likely are of whose labels nothing is known.

    Several sigmoids are several labels; one output that nothing squashes is a number; all others are classes.
    """
    last, width = _last(model), model.outputs[0].shape[-1]
    if width == 1:
        return "class" if last in SQUASHING else "number"
    return "multilabel" if last == "sigmoid" else "class"


def logits(outputs: Array, kind: str, *, squashed: bool) -> Array:
    """Return outputs `(n, k)` as `transfer.evaluate` scores them, `(n, k)`, and of one output for classes `(n, 2)`.

    Args:
        outputs: of a model; of classes at least one column.
        kind: of the target: `class`, `multilabel` or `number`.
        squashed: whether they are probabilities.
    """
    if kind == "number":
        return outputs
    apart = kind == "multilabel" or outputs.shape[1] == 1
    found = _unsquashed(outputs.astype(np.float64), apart) if squashed else outputs
    if kind == "class" and apart:
        found = np.concatenate([np.zeros_like(found), found], axis=1)
    return found.astype(np.float32)


def probabilities(outputs: Array, kind: str, *, squashed: bool) -> NDArray[np.float64]:
    """Return outputs `(n, k)` as the probabilities of classes, one output as those of two, or of labels.

    Args:
        outputs, squashed: as `logits` takes them.
        kind: `class` or `multilabel`.
    """
    apart = kind == "multilabel" or outputs.shape[1] == 1
    found = outputs.astype(np.float64)
    if not squashed:
        found = _sigmoid(found) if apart else _softmax(found)
    return np.concatenate([1 - found, found], axis=1) if kind == "class" and apart else found


def _unsquashed(shares: NDArray[np.float64], apart: bool) -> NDArray[np.float64]:
    """Undo a sigmoid, or a softmax but for what is the same for all classes of a sample."""
    shares = np.clip(shares, LEAST, 1 - LEAST)
    found: NDArray[np.float64] = np.log(shares) - (np.log1p(-shares) if apart else 0)
    return found


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    each: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(z, -700, 700)))
    return each


def _softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = np.exp(z - z.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return shares


def _last(model: Any) -> str:
    """Return the name of the activation that a model ends in; of another layer without one that of its type."""
    made_by = {id(tensor): (layer, inputs) for layer, inputs, outputs in nodes(model) for tensor in outputs}
    layer, inputs = made_by[id(model.outputs[0])]
    while type(layer).__name__ in PASSING and inputs:
        layer, inputs = made_by[id(inputs[0])]
    activation = getattr(layer, "activation", None)
    name = type(layer).__name__ if activation is None else getattr(activation, "__name__", "")
    return "softmax" if isinstance(layer, keras.layers.Softmax) else name.lower()
