"""Tables for tests: real ones of scikit-learn in every format, and a made one with all that a column can hold."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet

REAL = ("iris", "wine", "breast_cancer")
DAY = datetime.date(2024, 2, 29)


def real(name: str) -> pa.Table:
    """One of scikit-learn's tables, its label in the last column as text."""
    import sklearn.datasets

    data = getattr(sklearn.datasets, f"load_{name}")()
    columns = {str(column): data.data[:, place] for place, column in enumerate(data.feature_names)}
    return pa.table({**columns, "kind": [str(data.target_names[label]) for label in data.target]})


def people(rows: int = 40) -> pa.Table:
    """A made table: numbers, categories, dates, truth values, and missing ones of each but `age`."""
    random = np.random.default_rng(7)
    town = random.choice(["Zürich", "São Paulo", 'a "quoted", town', "東京"], rows)
    return pa.table(
        {
            "age": random.integers(18, 90, rows),
            "income": pa.array(random.normal(3e4, 1e4, rows), mask=random.random(rows) < 0.2),
            "town": pa.array(town, pa.string(), mask=random.random(rows) < 0.2),
            "since": pa.array(
                [DAY + datetime.timedelta(days=int(d)) if d else None for d in random.integers(0, 9, rows)]
            ),
            "seen": pa.array(
                [
                    datetime.datetime(2024, 1, 1, int(hour), 30) if hour else None
                    for hour in random.integers(0, 23, rows)
                ]
            ),
            "member": pa.array(random.random(rows) < 0.5, mask=random.random(rows) < 0.1),
            "bought": np.arange(rows) % 2,
        }
    )


def write(table: pa.Table, path: Path) -> Path:
    """Write a table in the format of the path's suffix."""
    suffix = path.suffix
    if suffix == ".parquet":
        pa.parquet.write_table(table, path)
    elif suffix == ".feather":
        pa.feather.write_feather(table, path)
    elif suffix in (".arrow", ".arrows"):
        opened = pa.ipc.new_file if suffix == ".arrow" else pa.ipc.new_stream
        with opened(str(path), table.schema) as writer:
            writer.write_table(table)
    else:
        _write_text(table, path)
    return path


def _write_text(table: pa.Table, path: Path) -> None:
    sink = pa.BufferOutputStream()
    delimiter = {".tsv": "\t", ".ssv": ";", ".bsv": "|"}.get(path.suffix, ",")
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(delimiter=delimiter))
    content = sink.getvalue().to_pybytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def text(path: Path, content: str | bytes, name: str = "table.csv") -> Path:
    """Write a file as it is."""
    file = path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def plain(table: pa.Table) -> dict[str, list[Any]]:
    """A table's values, without types and notes."""
    return {name: table.column(name).to_pylist() for name in table.column_names}
