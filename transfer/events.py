"""A run's metrics as the event files that TensorBoard reads.

Below the folder that was asked for, each run has its own, and in it each phase: `phase1` … and `scratch`. A phase has
one file, of TFRecords that hold `Event` messages (`tensorflow/core/util/event.proto`), the first of which says the
format's version. A step is an epoch; a phase's go on from those before it. A phase that is resumed writes its file
anew, so nothing is in it twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from registry.errors import ZooError
from transfer.board import board_of
from transfer.fitting.fitted import Epoch
from transfer.runs import RunFolder

FILE = "events.out.tfevents.zoo"
STATISTICS = ("gradient", "update", "gain", "dead", "saturated")
Told = Callable[[Sequence[Epoch]], None]


@contextmanager
def recorded(run: RunFolder, phase: int, measure: str, rate: Callable[[int], float]) -> Iterator[Told | None]:
    """Open a phase's event file; yield what takes the epochs so far, or None where the run writes none.

    Args:
        run: the run.
        phase: its number; 0 is training from scratch.
        measure: what the accuracies are.
        rate: gives the learning rate of an epoch, from 1.

    Raises:
        ZooError: the file cannot be written.
    """
    board = board_of(run)
    if board is None:
        yield None
        return
    path = board / run.id / (f"phase{phase}" if phase else "scratch") / FILE
    before = sum(0 < row.phase < phase for row in run.epochs())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(path)) as file:
            file.write(_event(0, file_version="brain.Event:2"))
            yield _Teller(file, before, measure, rate)
    except (OSError, tf.errors.OpError) as error:
        raise ZooError(f"cannot write {path}: {_why(error)}", "name another folder in --tensorboard") from error


class _Teller:
    """Writes those epochs that it has not written yet."""

    def __init__(self, file: Any, before: int, measure: str, rate: Callable[[int], float]) -> None:
        self._file, self._before, self._measure, self._rate = file, before, measure, rate
        self._done = 0

    def __call__(self, epochs: Sequence[Epoch]) -> None:
        for number, epoch in enumerate(epochs[self._done :], start=self._done + 1):
            values = {**scalars(epoch, self._measure), "learning_rate": self._rate(number)}
            self._file.write(_event(self._before + number, summary=_summary(values)))
        self._done = len(epochs)
        self._file.flush()


def scalars(epoch: Epoch, measure: str) -> dict[str, float]:
    """Return an epoch's figures by their tags in TensorBoard, which shows those of one first word together."""
    layers = {
        f"{name}/{layer.scope}": value
        for name in STATISTICS
        for layer in epoch.layers
        if (value := getattr(layer, name)) is not None
    }
    return {
        "loss/train": epoch.train_loss, "loss/valid": epoch.valid_loss, f"{measure}/valid": epoch.valid_accuracy,
        **layers,
    }  # fmt: skip


def _summary(values: dict[str, float]) -> Any:
    summary = tf.compat.v1.Summary
    return summary(value=[summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def _event(step: int, **what: Any) -> bytes:
    message: bytes = tf.compat.v1.Event(wall_time=time.time(), step=step, **what).SerializeToString()
    return message


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(getattr(error, "message", error))
