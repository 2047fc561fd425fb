"""Labels of a hub's data set: which feature holds them, and their form. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from registry.errors import ZooError, near
from transfer.data.dataset import Array
from transfer.data.reading import Reading

USUAL = ("label", "labels", "target", "class", "fine_label")


def label_of(names: Sequence[str], reading: Reading, known: str | None, where: str) -> str:
    """Return the feature that holds the labels: the user's, the data set's own, or the one that is called so.

    Raises:
        ZooError: there is none, or the user names several, or one that is not there.

    >>> label_of(["image", "label"], Reading(), None, "digits")
    'label'
    """
    if len(reading.targets) > 1:
        raise ZooError(f"{where} takes one feature as --target, got {len(reading.targets)}")
    chosen = reading.targets[0] if reading.targets else known
    if chosen is not None:
        if chosen not in names:
            raise ZooError(f"{where} has no feature {chosen!r}", near(chosen, names))
        return chosen
    found = next((name for name in USUAL if name in names), None)
    if found is None:
        raise ZooError(f"{where} does not say which feature is the label", f"say it: --target; {near('', names)}")
    return found


def label_array(values: Sequence[Any], classes: Sequence[str]) -> Array:
    """Return labels as one array; lists of classes become a row of 0 and 1 each.

    >>> label_array([1, 0], ["a", "b"]).tolist(), label_array([[1], [], [0, 1]], ["a", "b"]).tolist()
    ([1, 0], [[0, 1], [0, 0], [1, 1]])
    >>> label_array([b"cat", b"dog"], []).tolist()
    ['cat', 'dog']
    """
    if classes and len(values) and isinstance(values[0], list | np.ndarray) and np.ndim(values[0]):
        marked = np.zeros((len(values), len(classes)), np.uint8)
        for row, held in enumerate(values):
            marked[row, np.asarray(held, np.int64)] = 1
        return marked
    if len(values) and isinstance(values[0], bytes):
        values = [value.decode("utf-8", "backslashreplace") for value in values]
    return np.asarray(values)
