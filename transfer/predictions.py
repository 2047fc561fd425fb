"""What a model says of samples, one by one, as it goes through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.data.records import Samples
from transfer.extract import Forward, forward
from transfer.feeding import Feed
from transfer.logits import gives_probabilities, probabilities

NUMBER = ("value",)  # what a single number is called that has no name


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
        model: one output `(n, k)`; of two classes it may be one column, the second's.
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
        shares = flat if kind == "number" else probabilities(flat, kind, squashed=squashed)
        names = _names(classes, kind, shares.shape[1])
        for values in shares:
            yield _prediction(samples.where(row), values, kind, names, most)
            row += 1


def _names(classes: Sequence[str], kind: str, width: int) -> Sequence[str]:
    if len(classes) == width:
        return classes
    return NUMBER if (kind, width) == ("number", 1) else [str(place) for place in range(width)]


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
