"""Learning rates over the steps of a phase, as Keras's schedules."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from transfer.plan.hyperparameters import LR_END, Training

STAGES = 3  # equal stretches of the schedule `step`
RISE = 0.45  # the share of the steps in which 1cycle's rate rises; it falls in as many
LOW = 0.1  # the share of the rate that 1cycle begins with


def schedule(how: Training, lr: float, steps: int) -> Any:
    """Return a phase's learning rate: a number where it is constant, or a `LearningRateSchedule` of its steps.

    Args:
        how: schedule, warm-up, end.
        lr: the highest rate.
        steps: the most that the phase takes.
    """
    warm = round(how.warmup * steps)
    after = _after(how.schedule, lr, max(1, steps - warm), LR_END if how.lr_end is None else how.lr_end)
    return WarmUp(lr, warm, after) if warm else after


def at_epoch(how: Training, lr: float, steps: int, epoch: int) -> float:
    """Return the rate of an epoch's last step.

    Args:
        how: as `schedule` takes it.
        lr: the highest rate.
        steps: in an epoch.
        epoch: from 1.
    """
    rate = schedule(how, lr, how.epochs * steps)
    return float(rate(epoch * steps - 1)) if callable(rate) else float(rate)


def _after(name: str, lr: float, steps: int, end: float) -> Any:
    kinds = keras.optimizers.schedules
    if name == "step":
        bounds = [round(stage * steps / STAGES) - 1 for stage in range(1, STAGES)]
        return kinds.PiecewiseConstantDecay(bounds, [lr * end ** (stage / (STAGES - 1)) for stage in range(STAGES)])
    if name == "exponential":
        return kinds.ExponentialDecay(lr, steps, end)
    if name == "cosine":
        return kinds.CosineDecay(lr, steps, alpha=end)
    return OneCycle(lr, steps, end) if name == "1cycle" else lr


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras is untyped
    """Linearly up to the rate, down as far, and at last to a small share of it (Smith 2018, section 4.2)."""

    def __init__(self, lr: float, steps: int, end: float) -> None:
        """Lay out a cycle of a number of steps, up to a rate and down to a share `end` of it."""
        self.lr, self.steps, self.end = lr, steps, end

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, a scalar float32."""
        done = tf.minimum(tf.cast(step, tf.float32) / self.steps, 1.0)
        cycle = LOW + (1 - LOW) * (1 - tf.abs(done / RISE - 1))
        last = LOW + (self.end - LOW) * (done - 2 * RISE) / (1 - 2 * RISE)
        return self.lr * tf.where(done < 2 * RISE, cycle, last)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"lr": self.lr, "steps": self.steps, "end": self.end}


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras is untyped
    """Linearly up to a rate, then on by another schedule (Goyal et al. 2017, section 2.2)."""

    def __init__(self, lr: float, steps: int, after: Any) -> None:
        """Reach a rate after a number of steps; `after` is a number or a schedule that begins then."""
        self.lr, self.steps, self.after = lr, steps, after

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, a scalar float32."""
        step = tf.cast(step, tf.float32)
        after = self.after(step - self.steps) if callable(self.after) else self.after
        return tf.where(step < self.steps, self.lr * (step + 1) / self.steps, after)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"lr": self.lr, "steps": self.steps, "after": self.after}
