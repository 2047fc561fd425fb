"""TFRecord files with a schema beside them: one, or a folder with those of several splits.

A file's split is what its name says: `train.tfrecord`, `flowers-valid.tfrecord-00001-of-00004`; files that say none are
not split. `tfrecord_schema` says what `schema.json` holds. Images stay in their file, of which only their places are
kept; numbers are put into a file of their own that is mapped into memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.data.arrays.found import Labelled, found
from transfer.data.arrays.keys import ALL, PARTS, SPLITS
from transfer.data.arrays.samples import ONLY
from transfer.data.hubs.places import Places
from transfer.data.hubs.spool import Spool
from transfer.data.hubs.tfrecord_example import features_of, value_of
from transfer.data.hubs.tfrecord_file import records
from transfer.data.hubs.tfrecord_schema import FILE, Form, Schema, read_schema
from transfer.data.reading import Reading
from transfer.data.records import Broken, Found, Records

ENDING = re.compile(r"\.tfrecords?(-\d+-of-\d+)?$|\.tfrec$", re.IGNORECASE)


def claims(path: Path) -> bool:
    """Tell whether a file is called as TFRecord files are, or a folder holds such."""
    return any(_is_record(file) for file in path.iterdir()) if path.is_dir() else _is_record(path)


def read(path: Path, ref: str, reading: Reading) -> Found:
    """Read a data set.

    Args:
        path: a file, or a folder.
        ref: what the data are called in results; the path where empty.
        reading: what the user asks for; the schema says which feature is what.

    Raises:
        ZooError: there are no such files or no schema; a record is damaged or holds something else.
    """
    files = _files(path)
    schema = read_schema(path if path.is_dir() else path.parent)
    if reading.targets or reading.image_column or reading.group_column:
        raise ZooError(
            f"{path}: {FILE} says which features are samples, label and group",
            "leave out --target, --image-column and --group-column",
        )
    broken: list[Broken] = []
    read_parts = {part: _Part(some, schema, reading.skip_broken, broken) for part, some in files.items()}
    if schema.image is not None:
        return Found(
            ref or str(path), "images", {part: one.images() for part, one in read_parts.items()}, tuple(broken)
        )
    arrays = found(ref or str(path), {part: one.arrays() for part, one in read_parts.items()}, reading)
    return Found(arrays.ref, arrays.kind, arrays.parts, (*broken, *arrays.broken))


class _Part:
    """The samples of a split's files; all records are read when it is made.

    Args:
        files: in their order.
        schema: what they hold.
        skip: leave out what is broken and add it to `broken`.
        broken: what was left out so far.
    """

    def __init__(self, files: list[Path], schema: Schema, skip: bool, broken: list[Broken]) -> None:
        self.schema, self.skip, self.broken = schema, skip, broken
        self.places = Places(files)
        self.spools = {} if schema.image else {name: Spool() for name in schema.samples}
        self.labels: list[Any] = []
        self.groups: list[str] = []
        for number, file in enumerate(files):
            for row, begin, record in self._records(file):
                self._add(number, row, begin, record)
        if not self.places:
            called = ", ".join(map(str, files[:3]))
            raise ZooError(
                f"{called} {'holds' if len(files) == 1 else 'hold'} no records", "write some, or remove the file"
            )

    def _records(self, file: Path) -> Iterator[tuple[int, int, bytes]]:
        row = 0
        try:
            for begin, record in records(file):
                yield row, begin, record
                row += 1
        except ZooError as error:
            if not self.skip:
                raise
            why = error.message.removeprefix(f"{file}, record {row}: ")
            self.broken.append(Broken(f"{file}, record {row}", f"{why}; it and all after it are left out"))

    def _add(self, number: int, row: int, begin: int, record: bytes) -> None:
        where = self.places.called(number, row)
        try:
            features = features_of(record, where)
            values = {name: value_of(features, name, form, where) for name, form in self.schema.features.items()}
        except ZooError as error:
            if not self.skip:
                raise
            self.broken.append(Broken(where, error.message.removeprefix(where).lstrip(": ")))
            return
        for name, spool in self.spools.items():
            spool.add(np.ascontiguousarray(values[name]).tobytes())
        # The image's bytes stand in the record as they are, so that they can be read from the file.
        image = values[self.schema.image] if self.schema.image else b""
        self.places.add(number, row, begin + record.find(image), len(image))
        self.labels.append(values[self.schema.label] if self.schema.label else None)
        self.groups.append(str(values[self.schema.group]) if self.schema.group else "")

    def images(self) -> Records:
        """Return them as encoded images."""
        from transfer.data.images.samples import EncodedImages

        labels = np.asarray(self.labels) if self.schema.label else None
        groups = np.asarray(self.groups, np.str_) if self.schema.group else None
        return Records(EncodedImages(self.places, self.places.where), labels, self.schema.classes, groups)

    def arrays(self) -> Labelled:
        """Return them as arrays."""
        arrays = {name: spool.done().rows(*_form(self.schema.features[name])) for name, spool in self.spools.items()}
        named = {ONLY: next(iter(arrays.values()))} if len(arrays) == 1 else arrays
        labels = np.asarray(self.labels) if self.schema.label else None
        groups = np.asarray(self.groups, np.str_) if self.schema.group else None
        return Labelled(named, str(self.places.files[0]), labels, self.schema.classes, groups)


def _form(form: Form | str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    assert isinstance(form, Form)
    return form.shape, np.dtype(form.dtype)


def _is_record(file: Path) -> bool:
    return ENDING.search(file.name) is not None


def _files(path: Path) -> dict[str, list[Path]]:
    """Return the files of each split; those that say none are `all`."""
    listed = sorted(file for file in path.iterdir() if _is_record(file)) if path.is_dir() else [path]
    by_part: dict[str, list[Path]] = {}
    for file in listed:
        words = re.split(r"[-_.]", file.name.lower())
        part = next((PARTS[word] for word in words if word in PARTS), ALL) if path.is_dir() else ALL
        by_part.setdefault(part, []).append(file)
    if not by_part:
        raise ZooError(f"{path} has no TFRecord files", "expected such as train.tfrecord")
    if ALL in by_part and len(by_part) > 1:
        odd = by_part[ALL][0]
        raise ZooError(f"{odd} does not say its split, as others there do", "put train, valid or test into its name")
    return {part: by_part[part] for part in (*SPLITS, ALL) if part in by_part}
