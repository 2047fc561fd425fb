from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_tables import REAL, people, real, text, write

from registry.columns import Column
from registry.errors import ZooError
from transfer.data.tables.columns import fit_columns
from transfer.data.tables.encode import encode, unseen
from transfer.data.tables.read import read_table

NUMBER = Column("c", "number", 2.0, 0.5)
SOMETIMES = Column("c", "number", 2.0, 0.5, missing=True)
WORD = Column("c", "category", values=("", "a", "b"), missing=True)
DATE = Column("c", "date", 10.0, 2.0)


@pytest.mark.parametrize("name", REAL)
def test_real_tables_are_standardised(name: str) -> None:
    table = real(name)
    encoded = encode(table, fit_columns(table, table.column_names, np.arange(table.num_rows)).columns)
    width = len(table.column_names) - 1
    assert encoded.dtype == np.float32 and encoded.shape[1] > width
    np.testing.assert_allclose(encoded[:, :width].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(encoded[:, :width].std(axis=0), 1, atol=1e-5)
    assert (encoded[:, width:].sum(axis=1) == 1).all() and not encoded[:, width].any()


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (NUMBER, [1, 2, 3], [[-2], [0], [2]]),
        (NUMBER, [1.0, None, float("nan")], [[-2], [0], [0]]),
        (NUMBER, ["1", " 3 ", "NA", ""], [[-2], [2], [0], [0]]),
        (SOMETIMES, [1, None], [[-2, 0], [0, 1]]),
        (SOMETIMES, [None, None], [[0, 1], [0, 1]]),
        (Column("c", "number", 0.0, 1e-30), [1e-31, 2e-30], [[0], [2]]),
        (WORD, ["b", "a", None, "c", ""], [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]),
        (Column("c", "category", values=("a",)), [None, "a"], [[1, 0], [0, 1]]),
        (WORD, ["a\0\0", "\0"], [[0, 0, 1, 0], [0, 1, 0, 0]]),
        (Column("c", "category", values=("1", "true")), [1, 2], [[0, 1, 0], [1, 0, 0]]),
        (Column("c", "category", values=("false", "true")), [True, None], [[0, 0, 1], [1, 0, 0]]),
        (DATE, [datetime.date(1970, 1, 11), datetime.date(1970, 1, 15), None], [[0], [2], [0]]),
        (DATE, [datetime.datetime(1970, 1, 11, 12), None], [[0.25], [0]]),
        (DATE, ["1970-01-13", "1970-01-11T13:00:00+01:00", ""], [[1], [0.25], [0]]),
    ],
)
def test_values_are_encoded(column: Column, values: list[Any], expected: list[list[float]]) -> None:
    np.testing.assert_array_equal(encode(pa.table({"more": [0] * len(values), "c": values}), [column]), expected)


def test_a_signalling_nan_is_missing_without_a_warning() -> None:
    values = np.array([0x7FF0000000000001, 0x3FF0000000000000], np.uint64).view(np.float64)
    assert encode(pa.table({"c": values}), [SOMETIMES]).tolist() == [[0, 1], [-2, 0]]


def test_columns_lie_side_by_side_in_the_order_of_the_fit() -> None:
    table = people()
    names = ["town", "age", "income"]
    columns = fit_columns(table, names, np.arange(table.num_rows)).columns
    encoded = encode(table, columns)
    parts = [encode(table, [column]) for column in columns]
    np.testing.assert_array_equal(encoded, np.concatenate(parts, axis=1))
    assert encode(table.slice(0, 0), columns).shape == (0, 9)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (NUMBER, [1.0, float("inf")], "row 2, column 'c': inf is infinite, or too large: at most 1e"),
        (
            Column("c", "number", 0.0, 1e-30),
            [0.0, 1e10],
            "row 2, column 'c': 1e.10 is too large where training rows vary",
        ),
        (NUMBER, ["1", "x", "y"], "row 2, column 'c': 'x' is not a number"),
        (NUMBER, [datetime.date(2024, 2, 29)], "row 1, column 'c': '2024-02-29' is not a number"),
        (NUMBER, [[1], [2]], r"row 1, column 'c': '\[1\]' is not a number"),
        (DATE, ["2024-02-29", "29.2.2024", "1.3.2024"], r"row 2, column 'c': '29\.2\.2024' is not a date such as"),
        (DATE, ["2024-02-29", "2023-02-29"], "row 2, column 'c': '2023-02-29' is not a date such as 2024-02-29"),
        (DATE, [None, 5], "row 2, column 'c': '5' is not a date such as 2024-02-29"),
        (WORD, [b"\xff"], "row 1, column 'c': .* is not a text"),
        (WORD, [["a"]], "row 1, column 'c': .* is not a text"),
    ],
)
def test_what_is_not_of_its_kind_is_named(column: Column, values: list[Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        encode(pa.table({"c": values}), [column])


def test_texts_are_said_with_the_line(tmp_path: Path) -> None:
    table = read_table(text(tmp_path, "c\n1\n2\nthree\n"))
    with pytest.raises(ZooError, match="line 4, column 'c': 'three' is not a number"):
        encode(table, [NUMBER])


def test_a_missing_column_is_named_with_near_ones() -> None:
    with pytest.raises(ZooError, match="the table has no column 'c', which the model takes") as caught:
        encode(pa.table({"cc": [1], "d": [2]}), [NUMBER])
    assert caught.value.hint == "did you mean cc?"
    with pytest.raises(ZooError, match="has no column 'c', 'height'") as caught:
        encode(pa.table({"x": [1], "y": [2]}), [NUMBER, Column("height", "number")])
    assert caught.value.hint == "there are: x, y"


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (WORD, ["a", None], ""),
        (WORD, ["a", "x", "y", "x"], "3 of 4 rows hold what no training row did: 'x', 'y'"),
        (WORD, list("uvwxyz"), "6 of 6 rows hold what no training row did: 'u', 'v', 'w', 'x', 'y' and 1 more"),
        (Column("c", "category", values=("a",)), ["", "a"], "1 of 2 rows hold what no training row did: no value"),
        (SOMETIMES, [1, None], ""),
        (NUMBER, [1, None, None], "2 of 3 rows have no value, and no training row lacked one; the mean is taken, 2"),
    ],
)
def test_what_is_not_passed_on_is_said(column: Column, values: list[Any], expected: str) -> None:
    assert unseen(pa.table({"c": values}), [column]) == ((f"column 'c': {expected}",) if expected else ())


@pytest.mark.parametrize("suffix", ["csv", "tsv", "ssv", "csv.gz", "parquet", "feather", "arrow", "arrows"])
def test_all_formats_give_the_same_numbers(tmp_path: Path, suffix: str) -> None:
    table = people()
    columns = fit_columns(table, table.column_names, np.arange(20)).columns
    read = read_table(write(table, tmp_path / f"t.{suffix}"))
    assert fit_columns(read, read.column_names, np.arange(20)).columns == columns
    np.testing.assert_array_equal(encode(read, columns), encode(table, columns))
