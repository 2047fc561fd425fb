from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_tables import people, real, text, write

from registry.errors import ZooError
from transfer.data.records import Samples
from transfer.data.tables.digest import row_digests
from transfer.data.tables.read import read_table
from transfer.data.tables.samples import TableSamples, all_rows


def samples(table: pa.Table, path: Path = Path("t.csv")) -> TableSamples:
    return TableSamples(table, all_rows(table), path)


def digests(columns: dict[str, Any]) -> list[bytes]:
    table = pa.table(columns)
    return [bytes(row) for row in row_digests(table, all_rows(table))]


def test_rows_are_chosen_in_order() -> None:
    whole = samples(real("iris"))
    assert isinstance(whole, Samples)
    some = whole.rows(np.array([5, 3, 140])).rows(np.array([2, 0]))
    assert (len(whole), len(some), some.index.tolist()) == (150, 2, [140, 5])
    assert some.take(np.array([1, 0])).column("kind").to_pylist() == ["setosa", "virginica"]
    np.testing.assert_array_equal(some.digests, whole.digests[[140, 5]])


def test_where_is_as_a_person_counts(tmp_path: Path) -> None:
    table = read_table(text(tmp_path, "a\n1\n2\n3\n"))
    assert samples(table).rows(np.array([2])).where(0) == "t.csv, line 4"
    assert samples(pa.table({"a": [1, 2, 3]}), Path("t.parquet")).where(2) == "t.parquet, row 3"


def test_the_digest_is_as_specified() -> None:
    cells = b"n" + np.array([1.5], "<f8").tobytes() + b"t" + hashlib.sha256("é".encode()).digest()
    known = hashlib.sha256(b'"a"\n"b"\n' + cells).digest()
    assert digests({"b": ["é"], "a": [1.5]}) == [known]
    missing = hashlib.sha256(b'"a"\n"b"\n' + b"-" + bytes(8) + b"-" + bytes(32)).digest()
    assert digests({"b": pa.array([None, ""], pa.string()), "a": [float("nan"), None]}) == [missing] * 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": [1, 2], "b": ["x", "y"]}, {"b": ["x", "y"], "a": [1, 2]}),
        ({"a": [1, 2]}, {"a": [1.0, 2.0]}),
        ({"a": [0.0]}, {"a": [-0.0]}),
        ({"a": [None, 1.0]}, {"a": [float("nan"), 1.0]}),
        ({"a": [True]}, {"a": ["true"]}),
        ({"a": ["x", "y"]}, {"a": pa.array(["x", "y"]).dictionary_encode()}),
        ({"a": pa.array(["x"], pa.large_string())}, {"a": ["x"]}),
        ({"a": pa.array([19782], pa.date32())}, {"a": pa.array([19782 * 86400], pa.timestamp("s"))}),
    ],
)
def test_the_same_content_has_the_same_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digests(one) == digests(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": [1]}, {"b": [1]}),
        ({"a": [1], "b": [2]}, {"a": [2], "b": [1]}),
        ({"a": [1]}, {"a": ["1"]}),
        ({"a": [1]}, {"a": pa.array([1], pa.date32())}),
        ({"a": [0]}, {"a": pa.array([None], pa.int64())}),
        ({"a": ["x"], "b": ["yz"]}, {"a": ["xy"], "b": ["z"]}),
        ({"a": [[1]]}, {"a": [[2]]}),
        ({'a"\n"b': [1]}, {"a": [1]}),
    ],
)
def test_other_content_has_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not set(digests(one)) & set(digests(other))


def test_every_cell_counts_and_the_file_does_not(tmp_path: Path) -> None:
    table = people(30)
    known = row_digests(table, all_rows(table))
    assert len({bytes(row) for row in known}) == 30
    for suffix in ("csv", "parquet", "arrow"):
        read = read_table(write(table, tmp_path / f"t.{suffix}"))
        np.testing.assert_array_equal(row_digests(read, all_rows(read)), known)
    for place, name in enumerate(table.column_names):
        turned = np.roll(np.arange(30), 1)
        changed = row_digests(table.set_column(place, name, table.column(name).take(pa.array(turned))), all_rows(table))
        same = [a == b for a, b in zip(table.column(name).to_pylist(), turned_values(table, name, turned), strict=True)]
        assert (changed == known).all(axis=1).tolist() == same


def turned_values(table: pa.Table, name: str, turned: Any) -> list[Any]:
    values = table.column(name).to_pylist()
    return [values[row] for row in turned]


def test_a_hundred_thousand_rows_are_hashed_in_time() -> None:
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {f"n{place}": random.normal(size=100_000) for place in range(14)}
    columns |= {f"c{place}": random.choice(["a", "bb", "ccc"], 100_000) for place in range(6)}
    table = pa.table(columns)
    start = time.perf_counter()
    assert row_digests(table, all_rows(table)).shape == (100_000, 32)
    assert time.perf_counter() - start < 4, "about half a second on one core"


def test_columns_are_read_again_as_they_were_written(tmp_path: Path) -> None:
    path = text(tmp_path, "code,n\n01,1\n10,2\n")
    whole = samples(read_table(path), path)
    assert whole.table.column("code").to_pylist() == [1, 10]
    assert whole.as_texts(["code"]).table.column("code").to_pylist() == ["01", "10"]
    assert whole.as_texts([]) is whole
    packed = samples(pa.table({"code": [1]}))
    assert packed.as_texts(["code"]) is packed
    text(tmp_path, "code,n\n01,1\n")
    with pytest.raises(ZooError, match=r"table\.csv has changed while it was read"):
        whole.as_texts(["code"])
