"""Arrays that a user names: `.npy` in and out, or `.npz` where a model has several inputs or outputs."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from registry.whole import whole
from transfer.data.dataset import Array, Samples, check_finite
from zoo.output import table

SHOWN = 20
HINT = "--input takes an .npy file, or an .npz with an array for each of the model's inputs, or samples such as x"


def read(path: Path) -> Samples:
    """Read samples `(n, ...)`: an `.npy` file's array, or an `.npz` file's arrays by the names of a model's inputs.

    Raises:
        ZooError: it is missing, no such file, holds objects, or values that are not finite.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return _checked(loaded, str(path), path)
        with loaded:
            return {name: _checked(loaded[name], f"{path}: {name}", path) for name in loaded.files}
    except FileNotFoundError as error:
        raise ZooError(f"there is no file {path}", HINT) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ZooError(f"{path} is no readable .npy file: {error}", "write it with numpy.save") from error


def _checked(array: Any, where: str, path: Path) -> Array:
    if not isinstance(array, np.ndarray) or array.ndim < 1 or array.dtype.kind not in "uifb":
        raise ZooError(f"{where} holds no array of numbers (n, ...)", f"write it with numpy.{_saver(path)}")
    check_finite(array, where)
    return array


def _saver(path: Path) -> str:
    return "savez" if path.suffix == ".npz" else "save"


def write(path: Path, outputs: Samples) -> None:
    """Write outputs, whole or not at all: one array as `.npy`, or by name as `.npz`.

    Raises:
        ZooError: it cannot be written, or there are several outputs and it is no `.npz`.
    """
    several = isinstance(outputs, Mapping)
    if several and path.suffix != ".npz":
        raise ZooError(
            f"the model has {len(outputs)} outputs, {', '.join(outputs)}: they do not fit into {path}",
            f"--output {path.with_suffix('.npz')}",
        )
    try:
        with whole(path) as temporary, temporary.open("wb") as file:
            if isinstance(outputs, Mapping):
                np.savez(file, **dict[str, Any](outputs))
            elif path.suffix == ".npz":
                np.savez(file, outputs=outputs)
            else:
                np.save(file, outputs)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error


def document(outputs: Samples) -> Any:
    """Return outputs as JSON holds them: a list, or an object of lists by output."""
    if isinstance(outputs, Mapping):
        return {name: array.tolist() for name, array in outputs.items()}
    return outputs.tolist()


def sizes(outputs: Samples) -> str:
    """Say what outputs are: `(10, 3) float32`."""
    if isinstance(outputs, Mapping):
        return ", ".join(f"{name} {array.shape} {array.dtype}" for name, array in outputs.items())
    return f"{outputs.shape} {outputs.dtype}"


def pages(outputs: Samples, classes: Sequence[str]) -> str:
    """Show the largest output of each of the first rows, for each output."""
    if isinstance(outputs, Mapping):
        return "\n\n".join(f"{name}\n{page(array, classes)}" for name, array in outputs.items())
    return page(outputs, classes)


def page(outputs: Array, classes: Sequence[str]) -> str:
    """Show the largest output of each of the first rows, and which it is where there are several."""
    flat = outputs.reshape(len(outputs), -1)
    names = classes if len(classes) == flat.shape[1] else [str(place) for place in range(flat.shape[1])]
    rows = [[str(number), names[row.argmax()], f"{row.max():.4f}"] for number, row in enumerate(flat[:SHOWN])]
    headers = ["row", "class", "output"]
    if flat.shape[1] == 1 and not classes:
        rows, headers = [[number, value] for number, _, value in rows], ["row", "output"]
    more = len(flat) - len(rows)
    note = f"\nand {more:,} rows more (--output FILE.npy writes all)" if more else ""
    return table(headers, rows, right=["row", "output"]) + note
