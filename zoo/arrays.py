"""Arrays that a user names: `.npy` in and out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.dataset import check_finite
from zoo.output import table

SHOWN = 20


def read(path: Path) -> NDArray[Any]:
    """Read samples `(n, ...)` from an `.npy` file.

    Raises:
        ZooError: it is missing, no `.npy`, holds objects, or values that are not finite.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise ZooError(f"there is no file {path}", "--input takes an .npy file") from error
    except (OSError, ValueError, EOFError) as error:
        raise ZooError(f"{path} is no readable .npy file: {error}", "write it with numpy.save") from error
    if not isinstance(array, np.ndarray) or array.ndim < 1 or array.dtype.kind not in "uifb":
        raise ZooError(f"{path} holds no array of numbers (n, ...)", "write it with numpy.save")
    check_finite(array, str(path))
    return array


def write(path: Path, array: NDArray[Any]) -> None:
    """Write an `.npy` file, whole or not at all.

    Raises:
        ZooError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            np.save(file, array)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error


def page(outputs: NDArray[np.float32], classes: Sequence[str]) -> str:
    """Show the largest output of each of the first rows."""
    flat = outputs.reshape(len(outputs), -1)
    rows = [
        [
            str(number),
            classes[row.argmax()] if len(classes) == len(row) else str(row.argmax()),
            f"{row.max():.4f}",
        ]
        for number, row in enumerate(flat[:SHOWN])
    ]
    more = len(flat) - len(rows)
    note = f"\nand {more:,} rows more (--output FILE.npy writes all)" if more else ""
    return table(["row", "class", "output"], rows, right=["row", "output"]) + note
