"""Rows of the package `datasets` as samples with labels; they stay in its files, which it maps into memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from registry.errors import ZooError
from transfer.data.hubs.labels import label_array, label_of
from transfer.data.reading import Reading
from transfer.data.records import Found, Records

Splits = Mapping[str, Any]


def found_of(splits: Splits, reading: Reading, where: str) -> Found:
    """Take the images of a data set that has some, and its rows as a table's otherwise.

    Args:
        splits: a `datasets.Dataset` for each split.
        reading: what the user asks for.
        where: the data set, as an error calls it.

    Raises:
        ZooError: a column is missing, or the rows are no sound table.
    """
    features = next(iter(splits.values())).features
    label = label_of(list(features), reading, None, where) if len(reading.targets) < 2 else ""
    image = _image(features, reading, where)
    if image is None:
        return _table(splits, features, label, reading, where)
    if reading.group_column is not None and reading.group_column not in features:
        raise ZooError(f"{where} has no column {reading.group_column!r}; it has {', '.join(features)}")
    found = {
        part: _records(one, image, label or reading.targets[0], reading.group_column, f"{where}: {part}")
        for part, one in splits.items()
    }
    return Found(where, "images", found)


def _image(features: Any, reading: Reading, where: str) -> str | None:
    images = [name for name, feature in features.items() if type(feature).__name__ == "Image"]
    chosen = reading.image_column
    if chosen is not None and chosen not in images:
        raise ZooError(f"{where} has no images in a column {chosen!r}; it has {', '.join(features)}")
    if chosen is None and len(images) > 1:
        raise ZooError(f"{where} has several columns of images: {', '.join(images)}", f"--image-column {images[0]}")
    return chosen or (images[0] if images else None)


def _records(split: Any, image: str, label: str, group: str | None, where: str) -> Records:
    from transfer.data.images.samples import EncodedImages

    def place(row: int) -> str:
        return f"{where}, row {row}"

    names = _names(split.features[label])
    labels = label_array(_cells(split, label), names)
    groups = None if group is None else np.asarray([str(one) for one in _cells(split, group)], np.str_)
    return Records(EncodedImages(Pictures(split.data.column(image), place), place), labels, names, groups)


class Pictures(Sequence[bytes]):
    """The bytes of a column of images.

    Args:
        column: of pyarrow: `{bytes, path}` each, of which one is null.
        place: what a row is called in an error.
    """

    def __init__(self, column: Any, place: Any) -> None:
        from datasets import config
        from huggingface_hub import constants

        self._column, self._place = column, place
        self._caches = [Path(one).resolve() for one in (constants.HF_HUB_CACHE, config.HF_DATASETS_CACHE)]

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...
    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        """Read an image, or several; a path that leaves the packages' caches is refused, since a stranger wrote it."""
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        cell = self._column[int(number)].as_py()
        if cell and cell["bytes"] is not None:
            return bytes(cell["bytes"])
        path = Path(cell["path"]) if cell and cell["path"] else None
        if path is None or not any(path.resolve().is_relative_to(cache) for cache in self._caches):
            raise ZooError(f"{self._place(number)} holds no image", "--skip-broken leaves such rows out and lists them")
        try:
            return path.read_bytes()
        except OSError as error:
            raise ZooError(f"{self._place(number)}: {path} cannot be read: {error.strerror}") from error


def _table(splits: Splits, features: Any, label: str, reading: Reading, where: str) -> Found:
    from transfer.data.hubs.tabled import tabled

    tables = {
        part: (Path(f"{where.removeprefix('hf://datasets/')}: {part}"), _named(split)) for part, split in splits.items()
    }
    return tabled(tables, where, label, reading)


def _named(split: Any) -> Any:
    """Return the rows as a table that shows the names of classes, not their numbers."""
    import pyarrow as pa

    table = split.data.table
    for position, (name, feature) in enumerate(split.features.items()):
        if names := _names(feature):
            numbers = table.column(name).combine_chunks()
            table = table.set_column(position, name, pa.array(names).take(numbers) if not _many(feature) else numbers)
    return table.replace_schema_metadata(None)


def _cells(split: Any, name: str) -> list[Any]:
    cells: list[Any] = split.data.column(name).to_pylist()
    return cells


def _many(feature: Any) -> bool:
    return hasattr(feature, "feature")


def _names(feature: Any) -> tuple[str, ...]:
    inner = getattr(feature, "feature", feature)  # of a list
    return tuple(inner.names) if type(inner).__name__ == "ClassLabel" and inner.names else ()
