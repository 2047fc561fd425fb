"""The weights manifest of a TF.js model: names, shapes, dtypes, quantisation; and arrays out of the shards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN
from transfer.importers.tfjs.shards import Shard, found, taken

# tfjs-core/src/io/types.ts: WeightsManifestEntry.
DTYPES = {"float32": "<f4", "int32": "<i4", "bool": "|u1", "uint8": "|u1"}
QUANTISED = {"uint8": "|u1", "uint16": "<u2", "float16": "<f2"}


@dataclass(frozen=True)
class Entry:
    """One array.

    Attributes:
        name: its name, without the folder of the model.
        shape: its shape.
        dtype: of its numbers in the shards, as NumPy writes it.
        scale: a factor; None where it is not quantised to whole numbers.
        least: added after the factor.
        offset: where it begins in the shards of its group.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    least: float
    offset: int

    @property
    def size(self) -> int:
        """How many bytes it takes in the shards."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def load(self, shards: Sequence[Shard]) -> NDArray[Any]:
        """Read it as float32: `stored * scale + least` (tfjs-core/src/io/io_utils.ts, `decodeWeights`)."""
        stored = np.frombuffer(taken(shards, self.offset, self.size), self.dtype).reshape(self.shape)
        array = stored.astype(np.float32)
        if self.scale is not None:
            array *= np.float32(self.scale)
            array += np.float32(self.least)
        return array


def listed(manifest: Any, folder: Path, model: Path) -> list[tuple[Entry, list[Shard]]]:
    """Read a manifest.

    Args:
        manifest: `weightsManifest` of a model file: a list of groups with `paths` and `weights`.
        folder: where the shards lie.
        model: the model file.

    Raises:
        ZooError: it is no manifest, or its shards are missing, elsewhere or of another size.
    """
    if not isinstance(manifest, list) or not all(_is_group(group) for group in manifest):
        raise ZooError(f"{model} has no weightsManifest: expected a list of groups with paths and weights")
    return [pair for group in manifest for pair in _group(group, folder, model)]


def _is_group(group: Any) -> bool:
    return isinstance(group, Mapping) and all(isinstance(group.get(key), list) for key in ("paths", "weights"))


def _group(group: Mapping[str, Any], folder: Path, model: Path) -> list[tuple[Entry, list[Shard]]]:
    entries: list[Entry] = []
    for item in group["weights"]:
        offset = entries[-1].offset + entries[-1].size if entries else 0
        entries.append(_entry(item, offset, model))
    declared = sum(entry.size for entry in entries)
    shards = found(folder, group["paths"], model)
    held = sum(shard.size for shard in shards)
    if held != declared:
        names = ", ".join(shard.path.name for shard in shards[:5])
        raise ZooError(
            f"the shards of {model} ({names}) hold {held:,} bytes; expected {declared:,} by its manifest", AGAIN
        )
    return [(entry, shards) for entry in entries]


def _entry(item: Any, offset: int, model: Path) -> Entry:
    read: Mapping[str, Any] = item if isinstance(item, Mapping) else {}
    name, shape = read.get("name"), read.get("shape")
    sizes: list[int] = shape if isinstance(shape, list) else [-1]
    good = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in sizes)
    if not isinstance(name, str) or not good or len(sizes) > 16:
        raise ZooError(f"{model} is damaged: an entry of its manifest is {str(item)[:80]}: expected a name and a shape")
    dtype, quantised = read.get("dtype"), read.get("quantization")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ZooError(f"{model}: the weights {name} are {dtype}: expected one of {', '.join(DTYPES)}")
    if quantised is None:
        return Entry(name, tuple(sizes), DTYPES[dtype], None, 0.0, offset)
    if not isinstance(quantised, Mapping) or str(quantised.get("dtype")) not in QUANTISED:
        raise ZooError(f"{model}: the weights {name} are quantised to {str(quantised)[:80]}: expected uint8, uint16 …")
    stored = QUANTISED[quantised["dtype"]]
    if stored == "<f2":
        return Entry(name, tuple(sizes), stored, None, 0.0, offset)
    scale: Any = quantised.get("scale")
    least: Any = quantised.get("min")
    if not _is_finite(scale) or not _is_finite(least):
        raise ZooError(f"{model}: the weights {name} are quantised without a scale and a min")
    return Entry(name, tuple(sizes), stored, scale, least, offset)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
