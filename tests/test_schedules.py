"""Each schedule against its formula, by itself and inside the compiled loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from conftest import blobs, chain

import transfer.fitting.compiling
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.fitting.optimizers import optimizer
from transfer.fitting.schedules import schedule
from transfer.plan.hyperparameters import SCHEDULES, Training

STEPS, LR = 100, 0.5


def one_cycle(t: float) -> float:
    if t < 0.9:
        return 0.1 + 0.9 * (1 - abs(t / 0.45 - 1))
    return 0.1 + (0.01 - 0.1) * (t - 0.9) / 0.1


FORMULAS: dict[str, Callable[[float], float]] = {
    "constant": lambda t: 1.0,
    "step": lambda t: [1, 0.1, 0.01][min(2, int(t * 3 + 0.01))],
    "exponential": lambda t: 0.01**t,
    "1cycle": one_cycle,
    "cosine": lambda t: 0.01 + 0.99 * (1 + math.cos(math.pi * t)) / 2,
}


def rate(made: Any, step: int) -> float:
    return float(made(tf.constant(step))) if callable(made) else made


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_is_its_formula(name: str) -> None:
    made = schedule(Training(schedule=name), LR, STEPS)
    found = [rate(made, step) for step in range(STEPS + 1)]
    expected = [LR * FORMULAS[name](step / STEPS) for step in range(STEPS + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    assert max(found) <= LR * (1 + 1e-6), "the rate that was asked for is the highest"


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "1cycle"])
def test_warm_up_rises_to_the_rate_and_then_the_schedule_begins(name: str) -> None:
    made = schedule(Training(schedule=name, warmup=0.1), LR, STEPS)
    found = [rate(made, step) for step in range(STEPS + 1)]
    np.testing.assert_allclose(found[:10], [LR * (step + 1) / 10 for step in range(10)], rtol=1e-5)
    expected = [LR * FORMULAS[name]((step - 10) / 90) for step in range(10, STEPS + 1)]
    np.testing.assert_allclose(found[10:], expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["exponential", "cosine", "step", "1cycle"])
def test_the_end_can_be_chosen(name: str) -> None:
    assert rate(schedule(Training(schedule=name, lr_end=0.2), LR, STEPS), STEPS) == pytest.approx(LR * 0.2)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", SCHEDULES)
def test_few_steps_have_a_rate_too(name: str, steps: int) -> None:
    made = schedule(Training(schedule=name, warmup=0.0 if name == "1cycle" else 0.5), LR, steps)
    found = [rate(made, step) for step in range(steps + 1)]
    assert all(0 < one <= LR for one in found)


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("name", SCHEDULES)
def test_each_is_followed_step_by_step_inside_the_loop(name: str, xla: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's steps are those that the optimiser takes by hand, on one batch that is all the data."""
    monkeypatch.setattr(transfer.fitting.compiling, "XLA_STEPS", 1 if xla else 10**9)
    how = Training(optimizer="sgd", schedule=name, epochs=6, patience=6, batch_size=50)
    x, y = blobs(50)
    model = chain(outputs=3)
    data = {name: Features((x,), y) for name in ("train", "valid")}
    fitted = fit(model, data, how, Target("class", ("a", "b", "c")), lr=0.05, seed=1)
    by_hand = chain(outputs=3)
    made, losses = optimizer(how, 0.05, 6, by_hand), []
    for _ in range(6):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, by_hand(x)))
        made.apply(tape.gradient(loss, by_hand.trainable_variables), by_hand.trainable_variables)
        losses.append(float(loss))
    np.testing.assert_allclose([epoch.train_loss for epoch in fitted.epochs], losses, rtol=1e-4)
