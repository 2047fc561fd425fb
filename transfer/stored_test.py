"""A model's stored test: inputs, and the outputs that belong to them, in an `.npz`.

Keys: `inputs` and `outputs` where there is one; `inputs.NAME` and `outputs.NAME` for each where there are several.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from registry.card import TensorSpec
from registry.errors import ZooError
from transfer.data.dataset import Array, Samples


@dataclass(frozen=True)
class StoredTest:
    """What a file holds: one array, or one by name; for the inputs and for the outputs."""

    inputs: Samples
    outputs: Samples

    def expected(self, names: tuple[str, ...]) -> Mapping[str, Array]:
        """Return the outputs by name; those of a model with one output are stored without its name."""
        return self.outputs if isinstance(self.outputs, Mapping) else {names[0]: self.outputs}


def write(path: Path, inputs: Sequence[TensorSpec], x: Sequence[Array], outputs: Mapping[str, Array]) -> None:
    """Write a stored test; the inverse of `read`.

    Args:
        path: the `.npz`.
        inputs: the model's inputs.
        x: samples `(n, ...)` for each of them.
        outputs: the model's outputs by name.
    """
    given = {spec.name: array for spec, array in zip(inputs, x, strict=True)}
    arrays: dict[str, Any] = _keyed("inputs", given) | _keyed("outputs", outputs)
    np.savez_compressed(path, **arrays)


def read(path: Path) -> StoredTest:
    """Read a stored test.

    Raises:
        ZooError: the file is missing or broken, or lacks a key.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        return StoredTest(_held(arrays, "inputs"), _held(arrays, "outputs"))
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ZooError(f"{path.name} cannot be read: {error}") from error


def _keyed(what: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {what if len(arrays) == 1 else f"{what}.{name}": array for name, array in arrays.items()}


def _held(arrays: Mapping[str, Array], what: str) -> Samples:
    if what in arrays:
        return arrays[what]
    named = {key.removeprefix(f"{what}."): array for key, array in arrays.items() if key.startswith(f"{what}.")}
    if not named:
        raise KeyError(f"no key {what}")
    return named
