"""What goes to workers: packed so that what lies in a file stays there, and large arrays are shared and not copied.

Samples are read, decoded and prepared by the worker that extracts them. Decoded images that went through Ray's object
store would take more of a core for being packed, sent and unpacked than a JPEG takes to decode, and a hundred times its
bytes of the network.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.cluster.placed import Placed, placed
from transfer.data.dataset import Array


@dataclass(frozen=True)
class Packed:
    """A value: its pickle, and the memory of its arrays, which the workers of a machine map and share."""

    pickled: bytes
    buffers: tuple[NDArray[np.uint8], ...]

    def unpacked(self) -> Any:
        """Return the value; its arrays are read-only.

        Raises:
            ZooError: a file that it is mapped from is not there, or another one.
        """
        return pickle.loads(self.pickled, buffers=self.buffers)


def packed(value: Any) -> Packed:
    """Pack a value, with the functions in it; an array that is mapped from a file goes as the place where it lies."""
    from ray import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # Ray is untyped here
        def reducer_override(self, given: Any) -> Any:
            if isinstance(given, np.memmap):
                there = placed(given)
                return (Placed.array, (there,)) if there else _plain(given)
            return super().reducer_override(given)

    buffers, into = list[pickle.PickleBuffer](), io.BytesIO()
    Pickler(into, protocol=5, buffer_callback=buffers.append).dump(value)
    return Packed(into.getvalue(), tuple(np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers))


def _plain(given: Array) -> Any:
    return np.ascontiguousarray(given.view(np.ndarray)).__reduce_ex__(5)
