"""A file's arrays, of which the samples and labels are read and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from registry.errors import ZooError
from transfer.data.arrays.found import Labelled, found
from transfer.data.arrays.keys import ALL, Pair, Spec, pairs
from transfer.data.arrays.samples import Rowed
from transfer.data.dataset import Array
from transfer.data.reading import Reading
from transfer.data.records import Found

Samples = Callable[[str], Rowed]
Whole = Callable[[str], Array]


def chosen(path: Path, ref: str, specs: Mapping[str, Spec], reading: Reading, samples: Samples, whole: Whole) -> Found:
    """Find out which arrays are samples and labels, and read these.

    Args:
        path: the file, for errors.
        ref: what the data are called in results; the path where empty.
        specs: all arrays by their keys.
        reading: what the user asks for.
        samples: returns the array of a key; its rows may be read later.
        whole: reads the array of a key.

    Raises:
        ZooError: as `pairs` and `found`; or the user asks for what arrays do not have.
    """
    _refuse(path, reading)
    target = reading.targets[0] if reading.targets else None
    held = {key: spec for key, spec in specs.items() if key != reading.group_column}
    parts = pairs(held, str(path), target)
    groups = _groups(path, specs, parts, reading.group_column, whole)
    read = {
        part: Labelled(
            {name: samples(key) for name, key in pair.samples.items()},
            f"{path}: {_called(pair)}",
            None if pair.labels is None else whole(pair.labels),
            groups=groups,
        )
        for part, pair in parts.items()
    }
    return found(ref or str(path), read, reading)


def _called(pair: Pair) -> str:
    name, key = next(iter(pair.samples.items()))
    return key[: -len(name) - 1] if name else key


def _refuse(path: Path, reading: Reading) -> None:
    if reading.image_column is not None:
        raise ZooError(f"{path} holds arrays and has no image column", "leave out --image-column")
    if len(reading.targets) > 1:
        raise ZooError(
            f"{path} holds arrays: expected one key for --target, got {len(reading.targets)}",
            "put several labels a sample into one array (n, k) of 0 and 1",
        )


def _groups(
    path: Path, specs: Mapping[str, Spec], parts: Mapping[str, Pair], key: str | None, whole: Whole
) -> Array | None:
    if key is None:
        return None
    if ALL not in parts:
        raise ZooError(f"{path} is split already; --group-column is for data that are not", "leave out --group-column")
    rows = specs[next(iter(parts[ALL].samples.values()))].shape[:1]
    if key not in specs or specs[key].shape != rows:
        got = str(specs[key]) if key in specs else "no such array"
        raise ZooError(f"{path}: --group-column {key} wants an array of shape {rows}; got {got}")
    return whole(key)
