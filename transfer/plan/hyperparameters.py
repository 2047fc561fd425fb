"""How a phase trains, as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from registry.errors import ZooError
from transfer.plan.checks import check, finite, one_of

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "exponential", "1cycle", "cosine")
BALANCED = "balanced"
CLIPPINGS = ("clip_value", "clip_each_norm", "clip_norm", "clip_quantile")
POSITIVE = ("epochs", "patience", "batch_size", "lr", "unfreeze_lr", *CLIPPINGS)
FINITE = (*POSITIVE, "weight_decay", "lr_mult")
MOST = 100_000  # epochs: the figures of all that a phase may take are held from its beginning

MOMENTUM = 0.9  # where none is given: Polyak's and Nesterov's, as in the textbook
WEIGHT_DECAY = 0.01  # AdamW's (Loshchilov and Hutter 2019)
LR_END = 0.01


@dataclass(frozen=True)
class Training:
    """How a phase trains.

    Attributes:
        epochs: the most that a phase may take.
        patience: epochs without a better validation loss after which it ends.
        batch_size: samples a step.
        lr: the learning rate in the first phase: the highest that the schedule gives, of the new layers.
        unfreeze_lr: the later phases' rate, as a factor of `lr`.
        clip_norm: the largest global norm of the gradients; None does not clip.
        clip_each_norm: the largest norm of a variable's gradient.
        clip_value: the largest size of a gradient's number.
        clip_quantile: the share of the global norms seen so far that are below the largest one allowed.
        optimizer: one of `OPTIMIZERS`.
        momentum: of `momentum` and `nesterov`; None is `MOMENTUM`.
        weight_decay: of `adamw`, the share of a weight that a step takes off, times the rate; None is `WEIGHT_DECAY`.
        schedule: one of `SCHEDULES`, over all epochs that the phase may take.
        warmup: the share of those steps in which the rate rises from 0.
        lr_end: the share of the rate that a schedule ends with; None is `LR_END`.
        label_smoothing: the share of a label that is spread over all classes.
        class_weights: `balanced` weighs each class by its rarity in training; None weighs all alike.
        lr_mult: how many times the lowest reused layer's rate the new layers' is, geometrically between; None is once.
        layer_decay: each reused layer's rate as a factor of that of the layer above.
        diagnose: measure how each layer fares (`transfer.layer_health`); it changes nothing in the result.
    """

    epochs: int = 100
    patience: int = 10
    batch_size: int = 50
    lr: float = 1e-3
    unfreeze_lr: float = 0.3
    clip_norm: float | None = None
    clip_each_norm: float | None = None
    clip_value: float | None = None
    clip_quantile: float | None = None
    optimizer: str = "adam"
    momentum: float | None = None
    weight_decay: float | None = None
    schedule: str = "constant"
    warmup: float = 0.0
    lr_end: float | None = None
    label_smoothing: float = 0.0
    class_weights: str | None = None
    lr_mult: float | None = None
    layer_decay: float | None = None
    diagnose: bool = True

    def __post_init__(self) -> None:
        for name in POSITIVE:
            value = getattr(self, name)
            check(value is None or value > 0, f"{_option(name)} must be above 0, got {value}")
        for name in FINITE:
            finite(_option(name), getattr(self, name))
        for name in ("epochs", "patience"):
            value = getattr(self, name)
            check(value <= MOST, f"{_option(name)} must be at most {MOST:,}, got {value:,}")
        self._check_clipping()
        self._check_optimizer()
        self._check_schedule()
        self._check_layers()
        one_of("--class-weights", self.class_weights, (BALANCED,))
        smoothing = self.label_smoothing
        check(0 <= smoothing < 1, f"--label-smoothing must be at least 0 and below 1, got {smoothing}")

    def steps(self, samples: int) -> int:
        """Return how many steps an epoch of so many samples takes."""
        return math.ceil(samples / min(self.batch_size, samples))

    def check_target(self, kind: str) -> None:
        """Raise `ZooError` where labels of a kind (`Target.kind`) cannot be trained on so."""
        for name in ("label_smoothing", "class_weights"):
            if kind == "number" and getattr(self, name):
                raise ZooError(
                    f"{_option(name)} is for classes and labels; the target is numbers", f"leave {_option(name)} out"
                )

    def check_samples(self, count: int, where: str) -> None:
        """Raise `ZooError` where a batch was asked for that is larger than all training samples."""
        if self.batch_size > max(count, Training.batch_size):
            raise ZooError(
                f"--batch-size {self.batch_size:,} is more than {where} has: {count:,} training samples",
                f"--batch-size {count} takes all of them in each step",
            )

    def _check_clipping(self) -> None:
        given = [_option(name) for name in CLIPPINGS if getattr(self, name) is not None]
        check(len(given) < 2, f"gradients are clipped in one way; got {' and '.join(given)}", "leave one of them out")
        quantile = self.clip_quantile
        check(quantile is None or quantile <= 1, f"--clip-quantile must be at most 1, got {quantile}")

    def _check_optimizer(self) -> None:
        one_of("--optimizer", self.optimizer, OPTIMIZERS)
        momentum, decay = self.momentum, self.weight_decay
        check(
            momentum is None or self.optimizer in ("momentum", "nesterov"),
            f"--momentum goes with --optimizer momentum or nesterov, not with {self.optimizer}",
            f"--optimizer momentum --momentum {momentum}, or leave it out",
        )
        check(momentum is None or 0 < momentum < 1, f"--momentum must be above 0 and below 1, got {momentum}")
        check(
            decay is None or self.optimizer == "adamw",
            f"--weight-decay goes with --optimizer adamw, not with {self.optimizer}",
            f"--optimizer adamw --weight-decay {decay}; of new kernels alone, --l2 with any optimiser",
        )
        check(decay is None or decay >= 0, f"--weight-decay must be at least 0, got {decay}")

    def _check_schedule(self) -> None:
        one_of("--schedule", self.schedule, SCHEDULES)
        check(0 <= self.warmup < 1, f"--warmup must be at least 0 and below 1, got {self.warmup}")
        check(self.warmup == 0 or self.schedule != "1cycle", "--warmup does not go with --schedule 1cycle: it has one")
        end = self.lr_end
        check(end is None or 0 < end < 1, f"--lr-end must be above 0 and below 1, got {end}")
        check(
            end is None or self.schedule != "constant",
            "--lr-end goes with a --schedule that ends lower, not with constant",
            f"--schedule cosine --lr-end {end}",
        )

    def _check_layers(self) -> None:
        both = self.lr_mult is not None and self.layer_decay is not None
        check(not both, "rates by layer are given in one way; got --lr-mult and --layer-decay", "leave one of them out")
        mult, decay = self.lr_mult, self.layer_decay
        check(mult is None or mult >= 1, f"--lr-mult must be at least 1, got {mult}")
        check(decay is None or 0 < decay <= 1, f"--layer-decay must be above 0 and at most 1, got {decay}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
