"""The weights of a TensorFlow checkpoint, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from registry.errors import ZooError
from registry.watch import Watch, silent

# What the C++ reader raises: its status codes, and some of them untranslated.
UNREADABLE = (tf.errors.OpError, RuntimeError, ValueError, TypeError, IndexError, MemoryError)


@dataclass(frozen=True)
class Checkpoint:
    """An open checkpoint.

    Attributes:
        prefix: what its files' names begin with.
        shapes: the shape of each stored array.
        reader: TensorFlow's reader.
    """

    prefix: str
    shapes: dict[str, tuple[int, ...]]
    reader: Any

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """Return a stored array.

        Raises:
            ZooError: the files are damaged.
        """
        try:
            found = self.reader.get_tensor(name)
            return np.asarray(found, object if isinstance(found, bytes) else None)  # text keeps its last zeros
        except UNREADABLE as error:
            raise ZooError(
                f"cannot read {name} {list(self.shapes[name])} from {self.prefix}.data-*: {reason(error)}",
                "the file is damaged or cut short: copy it again and compare its size with the original",
            ) from error


def open_checkpoint(prefix: str, watch: Watch = silent) -> Checkpoint:
    """Open a checkpoint and read all of it once: optimizer slots lie at its end, and may hide that it is cut short.

    Args:
        prefix: what its files' names begin with.
        watch: called with progress.

    Raises:
        ZooError: its files are damaged.
    """
    try:
        # tf.train.load_checkpoint takes a prefix that ends in a slash for a folder
        reader = tf.compat.v1.train.NewCheckpointReader(prefix)
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except UNREADABLE as error:
        raise ZooError(
            f"cannot read {prefix}.index: {_in_words(reason(error))}",
            "the file is damaged or cut short: copy it again and compare its size with the original",
        ) from error
    found = Checkpoint(prefix, shapes, reader)
    for number, name in enumerate(shapes):
        watch("reading weights", number, len(shapes))
        found.read(name)
    return found


def _in_words(told: str) -> str:
    """Put TensorFlow's word for its own table into words that say what was expected."""
    return "it is no index of a TensorFlow checkpoint" if "sstable" in told else told


def reason(error: Exception) -> str:
    """Return the line of a TensorFlow error that says what is wrong."""
    lines = [line.strip() for line in str(getattr(error, "message", "") or error).splitlines()]
    telling = [
        line for line in lines if line and not line.startswith(("Graph execution error", "Detected at", "Node:"))
    ]
    return telling[0][:300] if telling else type(error).__name__
