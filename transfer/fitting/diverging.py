"""Why a phase's loss is no number from its first epoch on, told from what it began with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from transfer.features import Features
from transfer.fitting.fitted import DivergenceError, Fitted
from transfer.fitting.work import Work
from transfer.narrow import widened
from transfer.plan.hyperparameters import CLIPPINGS
from transfer.scope import scope_of

BLOCK = 1024  # samples that are looked at together
SOUND = 1e6  # what a layer reads is about 1, and raw pixels are 255
RANGE = "look at the range of the data, which a net wants about 1: zoo data inspect; or freeze fewer layers"


def divergence(work: Work, fitted: Fitted) -> DivergenceError:
    """Return the error of a phase that came to nothing; its models hold the weights that they began with."""
    lost = next(_lost_weights(work), "")
    if lost:
        return DivergenceError(
            fitted,
            f"the weights of {lost} were no finite numbers before it began",
            "it is the checkpoint that is damaged: zoo verify MODEL, or leave that layer out of --reuse",
        )
    part = "frozen" if work.trunk is not None else "trained"
    for name, features in work.splits.items():
        largest, lost_samples = _largest(features)
        if lost_samples:
            count = f"{lost_samples:,} of {len(features):,} {name} samples"
            why = f"what the {part} layers read is no finite number in {count}"
            return DivergenceError(fitted, why, RANGE)
        if largest > SOUND:
            return DivergenceError(fitted, f"what the {part} layers read is as large as {largest:.2g}", RANGE)
    clipped = any(getattr(work.how, name) is not None for name in CLIPPINGS)
    hint = f"lower --lr, which was {work.lr:g}"
    return DivergenceError(fitted, "", hint if clipped else f"{hint}, or clip the gradients: --clip-norm 1.0")


def _lost_weights(work: Work) -> Iterator[str]:
    for layer in (layer for model in reversed(work.models) for layer in model.layers):
        for variable in layer.weights:
            value = np.asarray(variable.value)
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                yield scope_of(layer.name)


def _largest(features: Features) -> tuple[float, int]:
    """Return the largest size of a finite number, and how many samples have one that is not finite."""
    largest, lost = 0.0, np.zeros(len(features), bool)
    for array in (array for array in features.arrays if widened(array[:0]).dtype.kind == "f"):
        for start in range(0, len(array), BLOCK):
            block = widened(array[start : start + BLOCK])
            sizes = np.abs(np.reshape(block, (len(block), -1)))
            lost[start : start + BLOCK] |= ~np.isfinite(sizes).all(axis=1)
            largest = max(largest, float(sizes.max(initial=0, where=np.isfinite(sizes))))
    return largest, int(lost.sum())
