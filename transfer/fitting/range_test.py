"""A learning-rate range test: a few steps, each at a higher rate than the one before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from registry.watch import Watch, silent
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.step import Step
from transfer.fitting.work import Augmented, Work
from transfer.lr_range import Range, judged, over, rising
from transfer.plan.hyperparameters import Training
from transfer.traced import traced


def lr_find(
    tail: Any,
    splits: dict[str, Features],
    how: Training,
    target: Target,
    seed: int,
    *,
    trunk: Any = None,
    augment: Augmented | None = None,
    views: int = 1,
    reused: tuple[str, ...] | None = None,
    watch: Watch = silent,
) -> Range:
    """Find a learning rate; the tail ends as it began, with the states of its random numbers.

    Args:
        tail, splits, how, target, trunk, augment, views, reused: as `transfer.fitting.fit.fit` takes them; the
            schedule waits, and rates by layer, clipping and smooth labels count.
        seed: of the order of samples.
        watch: where to report it.

    Raises:
        ZooError: no rate lowers the loss.
    """
    flat = replace(how, schedule="constant", warmup=0.0, lr_end=None, diagnose=False)
    rates = rising()
    work = Work(tail, splits, flat, target, rates[0], seed, trunk, augment, views, reused)
    before = [variable.numpy() for variable in tail.variables]
    try:
        return judged(rates, _losses(work, rates, watch))
    finally:
        for variable, value in zip(tail.variables, before, strict=True):
            variable.assign(value)


def _losses(work: Work, rates: tuple[float, ...], watch: Watch) -> list[float]:
    step, losses = Step(work), list[float]()
    specs = tf.TensorSpec((work.size,), tf.int32), tf.TensorSpec((), tf.int32)
    train = traced(lambda rows, number: step.train(*step.supply.samples(rows), number)[0], *specs, autograph=False)
    for number, (rate, rows) in enumerate(zip(rates, _rows(work), strict=False)):
        step.optimizer.learning_rate = rate
        losses.append(float(train(rows, tf.constant(number))))
        if over(losses):
            break
        watch("find the rate", number + 1, len(rates), f"loss {losses[-1]:.4f} at {rate:.2g}")
    watch("find the rate", len(losses), len(losses), "")
    return losses


def _rows(work: Work) -> Iterator[Any]:
    for epoch in itertools.count():
        order = np.resize(work.order(epoch), (work.steps, work.size))
        yield from (tf.constant(rows, tf.int32) for rows in order)
