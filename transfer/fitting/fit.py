"""Train the part of a model above the cut: one compiled loop over epochs and batches.

A step runs on a whole batch. Where the batch size does not divide the samples, an epoch's last batch is filled up
from the epoch's beginning, so that each sample is seen at least once. The order is drawn anew each epoch from the
seed and the epoch's number; early stopping and the copy of the best weights happen inside the loop. So how many
epochs one call runs (a matter of how often progress is shown) changes nothing in the result, and a phase that is
resumed from a saved state ends as if it had never been interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from registry.watch import Watch, silent
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fitted import Epoch, Fitted
from transfer.fitting.loop import Loop
from transfer.fitting.work import Augmented, Work
from transfer.plan.hyperparameters import Training

__all__ = ["Augmented", "Epoch", "Fitted", "fit"]

SHOW_SECONDS = 0.25
SAVE_SECONDS = 10.0

State = Mapping[str, np.ndarray]


class Advances(Protocol):
    """What trains a phase epoch by epoch; see `transfer.fitting.loop.Loop`."""

    @property
    def stopped(self) -> bool:
        """Whether the phase has ended."""
        ...

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The figures of the epochs that ran."""
        ...

    @property
    def ahead(self) -> int:
        """How many epochs can run at once."""
        ...

    def advance(self, many: int) -> None:
        """Run some epochs, or fewer where the phase ends."""
        ...

    def values(self) -> dict[str, Any]:
        """Return all that going on after an interruption needs."""
        ...

    def restore(self, saved: State) -> None:
        """Go on from `values` of an earlier time."""
        ...

    def finish(self, seconds: float) -> Fitted:
        """Put the best weights into the tail, and account for the phase."""
        ...


Opened = Callable[[Work, float], Advances]


def fit(
    tail: Any,
    splits: dict[str, Features],
    how: Training,
    target: Target,
    *,
    lr: float,
    seed: int,
    least: float = math.inf,
    trunk: Any = None,
    augment: Augmented | None = None,
    views: int = 1,
    reused: tuple[str, ...] | None = None,
    stage: str = "train",
    watch: Watch = silent,
    saved: Callable[[dict[str, np.ndarray]], None] | None = None,
    resume: State | None = None,
    told: Callable[[Sequence[Epoch]], None] | None = None,
    loop: Opened = Loop,
) -> Fitted:
    """Train a tail's trainable weights; it ends with those of the best epoch by validation loss.

    Where no epoch is better than the beginning, it ends with the weights that it began with.

    Args:
        tail: from the cut's tensors to outputs `(n, k)`.
        splits: `train` and `valid`: the cut's tensors, or the model's inputs where `trunk` is given.
        how: epochs, patience, batch size, optimiser, clipping.
        target: what the labels are.
        lr: the learning rate, which the schedule and the layers' depth change.
        seed: of the order of samples.
        least: the validation loss that the weights have already; only epochs below it count.
        trunk: run in inference mode before the tail in every step; None where `splits` hold its outputs.
        augment: changes the samples of every training step; None leaves them as they are.
        views: how many rows each training sample has, side by side; an epoch takes one of them, drawn at random.
        reused: scopes of the layers that began with the source's weights, whose rates fall with their depth; None
            for all.
        stage: what to call the work.
        watch: where to report it.
        saved: gets all that going on later needs, between epochs, every `SAVE_SECONDS` at most.
        resume: what `saved` got, of the same phase; training goes on from there.
        told: gets all epochs so far, each time that progress is shown.
        loop: makes what trains the phase of what it trains and the loss that counts.

    Raises:
        DivergenceError: the loss is no number in the very first epoch.
        ZooError: `resume` is of another phase.
    """
    start = time.perf_counter()
    running = loop(Work(tail, splits, how, target, lr, seed, trunk, augment, views, reused), least)
    if resume is not None:
        running.restore(resume)

    def shown(epochs: tuple[Epoch, ...]) -> None:
        watch(stage, len(epochs), how.epochs, str(epochs[-1]))
        if told is not None:
            told(epochs)

    _run(running, shown, saved)
    fitted = running.finish(time.perf_counter() - start)
    watch(stage, len(fitted.epochs), len(fitted.epochs), str(fitted.epochs[fitted.best]))
    return fitted


def _run(
    loop: Advances, shown: Callable[[tuple[Epoch, ...]], None], saved: Callable[[dict[str, np.ndarray]], None] | None
) -> None:
    """Advance until the phase ends, showing it a few times a second and saving it now and then."""
    many, last = 1, time.perf_counter()
    while not loop.stopped:
        start = time.perf_counter()
        loop.advance(many)
        now = time.perf_counter()
        if now - start < SHOW_SECONDS:
            many = min(2 * many, loop.ahead)
        if saved is not None and now - last >= SAVE_SECONDS:
            saved(loop.values())
            last = now
        shown(loop.epochs)
