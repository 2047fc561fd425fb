"""Examples of TensorFlow Datasets, as they come, put down as samples with labels; memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transfer.data.arrays.found import Labelled, found
from transfer.data.arrays.samples import ONLY
from transfer.data.dataset import Array
from transfer.data.hubs.labels import label_array
from transfer.data.hubs.spool import Spool
from transfer.data.hubs.tfds_features import Use
from transfer.data.reading import Reading
from transfer.data.records import Found, Records

Examples = Mapping[str, Iterable[Mapping[str, Any]]]


def found_of(parts: Examples, use: Use, reading: Reading, where: str) -> Found:
    """Read all examples of each split.

    Raises:
        ZooError: they are no sound data, or there is no room for them in the temporary folder.
    """
    if use.encoded:
        return Found(where, "images", {part: _images(one, use, f"{where}: {part}") for part, one in parts.items()})
    if use.shape is None:
        return _table(parts, use, reading, where)
    arrays = {part: _arrays(one, use, f"{where}: {part}") for part, one in parts.items()}
    return found(where, arrays, reading)


def _images(examples: Iterable[Mapping[str, Any]], use: Use, where: str) -> Records:
    from transfer.data.images.samples import EncodedImages

    spool, labels, groups = _spooled(examples, use, lambda value: bytes(value))
    return Records(EncodedImages(spool, lambda row: f"{where}, row {row}"), labels, use.classes, groups)


def _arrays(examples: Iterable[Mapping[str, Any]], use: Use, where: str) -> Labelled:
    shape, dtype = use.shape, use.dtype
    assert shape is not None and dtype is not None
    spool, labels, groups = _spooled(examples, use, lambda value: np.asarray(value, dtype).tobytes())
    return Labelled({ONLY: spool.rows(shape, dtype)}, where, labels, use.classes, groups)


def _spooled(examples: Iterable[Mapping[str, Any]], use: Use, as_bytes: Any) -> tuple[Spool, Array, Any]:
    spool, labels, groups = Spool(), [], []
    for example in examples:
        spool.add(as_bytes(example[use.samples[0]]))
        labels.append(example[use.label])
        groups.append(example[use.group] if use.group else None)
    grouped = label_array(groups, ()).astype(np.str_) if use.group else None
    return spool.done(), label_array(labels, use.classes), grouped


def _table(parts: Examples, use: Use, reading: Reading, where: str) -> Found:
    from transfer.data.hubs.tabled import tabled

    names = dict(use.named) | ({use.label: use.classes} if use.classes else {})
    tables = {}
    for part, examples in parts.items():
        held: dict[str, list[Any]] = {name: [] for name in use.names}
        for example in examples:
            for name in use.names:
                held[name].append(example[name])
        tables[part] = (
            Path(f"{where}: {part}"),
            {name: _column(cells, names.get(name)) for name, cells in held.items()},
        )
    return tabled(tables, where, use.label, reading)


def _column(cells: list[Any], names: tuple[str, ...] | None) -> Any:
    values = label_array(cells, ())
    if names is None:
        return values
    return [names[value] if 0 <= value < len(names) else None for value in values.tolist()]
