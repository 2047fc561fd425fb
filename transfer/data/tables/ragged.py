"""Rows of a text that have another number of values than its header."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from registry.errors import ZooError
from transfer.data.records import Broken
from transfer.data.tables.text_lines import open_text
from transfer.files.shown import shown


def ragged_rows(path: Path, delimiter: str) -> Iterator[Broken]:
    """Yield the rows that have more or fewer values than the header.

    Raises:
        ZooError: a value is longer than 128 KiB, as where a quote is left open.
    """
    with open_text(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as decoded:
        records = _records(decoded, delimiter, path)
        _, names = next(records, (1, []))
        for line, record in records:
            if len(record) != len(names):
                why = f"{len(record)} values; expected {len(names)}, as in the header: {shown(delimiter.join(record))}"
                yield Broken(f"{path}, line {line}", why)


def _records(text: io.TextIOWrapper, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield rows that are not blank, each with the line that it begins on."""
    reader = csv.reader(text, delimiter=delimiter)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise ZooError(f"{path}, line {line}: {error}", "is a quote left open?") from error
