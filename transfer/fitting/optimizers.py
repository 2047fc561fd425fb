"""The optimiser of a phase: Keras's, with a rate of its own for each variable."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import keras
import tensorflow as tf

from transfer.backbone import describe, nodes
from transfer.fitting.adam import Adam
from transfer.fitting.schedules import schedule
from transfer.plan.hyperparameters import MOMENTUM, WEIGHT_DECAY, Training
from transfer.plan.rates import rates
from transfer.scope import scope_of


class Rated:
    """An optimiser whose variables have rates of their own: `factors`, in the order in which it was built with them."""

    factors: tuple[float, ...] = ()

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable; called by `apply` for each."""
        factor = self.factors[self._get_variable_index(variable)] if self.factors else 1.0  # type: ignore[attr-defined]
        rate = learning_rate if factor == 1 else learning_rate * factor
        super().update_step(gradient, variable, rate)  # type: ignore[misc]

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        """Add nothing up, as Keras would do over the one replica that there is: it wraps all gradients for it."""
        return grads_and_vars


class RatedSGD(Rated, keras.optimizers.SGD):  # type: ignore[misc]
    """Plain, or with Polyak's or Nesterov's momentum."""


class RatedAdagrad(Rated, keras.optimizers.Adagrad):  # type: ignore[misc]
    """AdaGrad (Duchi et al. 2011)."""


class RatedRMSprop(Rated, keras.optimizers.RMSprop):  # type: ignore[misc]
    """RMSProp (Hinton 2012)."""


class RatedAdam(Rated, Adam):
    """Adam by the fused kernel."""


class Decaying(Adam):
    """Adam after a step that takes a share of the weight off (Loshchilov and Hutter 2019, algorithm 2)."""

    share: float = WEIGHT_DECAY

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one `tf.Variable`; called by `apply` for each."""
        variable.assign_sub(variable * (tf.cast(learning_rate, tf.float32) * self.share))
        super().update_step(gradient, variable, learning_rate)


class RatedAdamW(Rated, Decaying):
    """AdamW, whose decay follows each variable's own rate."""


KINDS: dict[str, Any] = {
    "sgd": RatedSGD, "adagrad": RatedAdagrad, "rmsprop": RatedRMSprop, "adam": RatedAdam, "adamw": RatedAdamW,
}  # fmt: skip


def optimizer(how: Training, lr: float, steps: int, tail: Any, reused: Collection[str] | None = None) -> Any:
    """Make the optimiser that trains a tail's trainable weights in a number of steps at most.

    Args:
        how: which one, its schedule and clipping, and how rates fall from layer to layer.
        lr: the highest rate of the new layers, or of the topmost where none is new.
        steps: over which the schedule stretches.
        tail: functional.
        reused: scopes of the layers that began with the source's weights; None for all.
    """
    made = _plain(how, schedule(how, lr, steps))
    made.factors = factors(how, tail, reused)
    made.build(tail.trainable_variables)
    return made


def factors(how: Training, tail: Any, reused: Collection[str] | None = None) -> tuple[float, ...]:
    """Return what each trainable variable's rate is multiplied by, in the tail's order; empty where all are alike."""
    if how.lr_mult is None and how.layer_decay is None:
        return ()
    layers = {scope_of(layer.name): layer for layer, _, _ in nodes(tail)}
    held = {name: getattr(layer, "trainable_variables", []) for name, layer in layers.items()}
    trained = [name for name, variables in held.items() if variables]
    kept = trained if reused is None else reused
    shares = rates(describe(tail), trained, kept, lr_mult=how.lr_mult, layer_decay=how.layer_decay)
    by_variable = {id(one): shares[name] for name in trained for one in held[name]}
    return tuple(by_variable[id(variable)] for variable in tail.trainable_variables)


def _plain(how: Training, rate: Any) -> Any:
    clip = {"clipvalue": how.clip_value, "clipnorm": how.clip_each_norm, "global_clipnorm": how.clip_norm}
    # Keras would find a new name, with which those of its variables begin; TensorFlow keeps a kernel for each name.
    options = {"name": how.optimizer, **clip}
    if how.optimizer in ("momentum", "nesterov"):
        momentum = MOMENTUM if how.momentum is None else how.momentum
        return RatedSGD(rate, momentum, nesterov=how.optimizer == "nesterov", **options)
    made = KINDS[how.optimizer](rate, **options)
    if how.optimizer == "adamw" and how.weight_decay is not None:
        made.share = how.weight_decay
    return made
