"""What a model says of samples, one by one, as it goes through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.backbone import nodes
from transfer.data.dataset import Array
from transfer.data.records import Samples
from transfer.extract import Forward, forward
from transfer.feeding import Feed

SQUASHING = ("softmax", "sigmoid")
PASSING = ("Reshape", "Flatten", "Dropout", "InputLayer")


@dataclass(frozen=True)
class Prediction:
    """What a model says of one sample.

    Attributes:
        sample: where it came from.
        kind: of the target: `class`, `multilabel` or `number`.
        label: the likeliest class; of several labels those with a probability above one half, with commas between; of
            numbers nothing.
        probability: the likeliest class's; of several labels the least of those that are named. None of numbers.
        top: the likeliest classes or labels with their probabilities; of numbers each with its name.
    """

    sample: str
    kind: str
    label: str
    probability: float | None
    top: tuple[tuple[str, float], ...]


def predictions(
    model: Any, feed: Feed, samples: Samples, kind: str, classes: Sequence[str], most: int = 5, run: Forward = forward
) -> Iterator[Prediction]:
    """Yield what a model says of each sample, in order, while the next ones are read.

    Args:
        model: one output `(n, k)`.
        feed: the samples as the model takes them; `samples` are the same ones.
        kind: of the target: `class`, `multilabel` or `number`.
        classes: the names of the outputs; numbers from 0 where there are none.
        most: how many classes `top` holds.
        run: what runs the model.

    Raises:
        ZooError: a sample is broken or does not fit, or an output is not finite.
    """
    squashed, row = gives_probabilities(model), 0
    for (outputs,) in run(model, feed, stage="predict"):
        flat = outputs.reshape(len(outputs), -1).astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(flat).all(axis=1))
        if len(wrong):
            raise ZooError(
                f"the model's output for {samples.where(row + int(wrong[0]))} is not finite", "is it far too large?"
            )
        names = list(classes) if len(classes) == flat.shape[1] else [str(place) for place in range(flat.shape[1])]
        shares = flat if squashed or kind == "number" else _probabilities(flat, kind)
        for values in shares:
            yield _prediction(samples.where(row), values, kind, names, most)
            row += 1


def gives_probabilities(model: Any) -> bool:
    """Tell whether a model ends in a softmax or sigmoid; layers that pass numbers on are looked through."""
    made_by = {id(tensor): (layer, inputs) for layer, inputs, outputs in nodes(model) for tensor in outputs}
    layer, inputs = made_by[id(model.outputs[0])]
    while type(layer).__name__ in PASSING and inputs:
        layer, inputs = made_by[id(inputs[0])]
    activation = getattr(layer, "activation", None)
    name = type(layer).__name__ if activation is None else getattr(activation, "__name__", "")
    return isinstance(layer, keras.layers.Softmax) or name.lower() in SQUASHING


def _probabilities(logits: Array, kind: str) -> NDArray[np.float64]:
    if kind == "multilabel":
        each: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
        return each
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return shares


def _prediction(sample: str, values: Array, kind: str, names: Sequence[str], most: int) -> Prediction:
    if kind == "number":
        return Prediction(sample, kind, "", None, tuple(zip(names, values.tolist(), strict=True)))
    order = np.argsort(-values, kind="stable")
    top = tuple((names[place], float(values[place])) for place in order[:most])
    if kind == "class":
        return Prediction(sample, kind, *top[0], top)
    named = [place for place in order if values[place] > 0.5]
    least = float(values[named[-1]]) if named else None
    return Prediction(sample, kind, ",".join(names[place] for place in named), least, top)
