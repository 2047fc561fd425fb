"""Named arrays of a checkpoint that holds no architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from registry.card import Preprocessing

CONVENTIONS = ("torch", "keras", "tensorflow", "caffe", "numpy")


@dataclass(frozen=True)
class Foreign:
    """What a file of weights holds.

    Attributes:
        format: what was read, such as `pytorch`.
        convention: in whose layout the arrays lie, one of `CONVENTIONS`; `numpy` where nobody says.
        shapes: the arrays' shapes by name, in the file's order.
        load: reads one array by name; each call may read the file again.
        notes: what the user should know of the file, a sentence each.
        preprocessing: how raw data become the model's input, where a file beside it says so.
        classes: the names of the model's outputs, likewise.
    """

    format: str
    convention: str
    shapes: Mapping[str, tuple[int, ...]]
    load: Callable[[str], NDArray[Any]]
    notes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    classes: tuple[str, ...] = ()
