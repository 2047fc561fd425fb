from __future__ import annotations

import datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from made_tables import REAL, people, real

from registry.columns import Column, check_columns, width_of
from registry.errors import ZooError
from transfer.data.tables.columns import Fitted, fit_columns


def fit(values: Any, kind: pa.DataType | None = None, rows: Any = None) -> Fitted:
    table = pa.table({"c": pa.array(values, kind)})
    return fit_columns(table, ["c"], np.arange(len(values)) if rows is None else np.array(rows), "t.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "a column has no name"),
        ({"kind": "text"}, "column 'c' is of kind 'text'; expected number, category, date"),
        ({"mean": float("nan")}, "column 'c' has a mean of nan and a deviation of 1.0"),
        ({"deviation": 0.0}, "column 'c' has a mean of 0.0 and a deviation of 0.0"),
        ({"deviation": -1.0}, "column 'c' has a mean of 0.0 and a deviation of -1.0"),
        ({"values": ("a",)}, "column 'c' is a number and has values"),
        ({"kind": "category"}, "column 'c' has no values, or one twice"),
        ({"kind": "category", "values": ("a", "a")}, "column 'c' has no values, or one twice"),
        ({"kind": "category", "values": ("a",), "mean": 1.0}, "column 'c' is a category with a mean, or is missing"),
        (
            {"kind": "category", "values": ("a",), "missing": True},
            "column 'c' is a category with a mean, or is missing",
        ),
        ({"kind": "category", "values": ("", "a")}, "column 'c' is a category with a mean, or is missing"),
    ],
)
def test_impossible_columns_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Column(**{"name": "c", "kind": "number", **options})


def test_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="columns have the same name: a"):
        check_columns([Column("a", "number"), Column("b", "number"), Column("a", "date")])
    check_columns([Column("a", "number"), Column("b", "number")])


@pytest.mark.parametrize("name", REAL)
def test_real_tables_are_fitted_exactly_and_survive_json(name: str) -> None:
    table = real(name)
    rows = np.arange(0, table.num_rows, 2)
    fitted = fit_columns(table, table.column_names[:-1], rows)
    assert not fitted.remarks
    for column in fitted.columns:
        values = table.column(column.name).to_numpy()[rows].astype(np.float32).astype(np.float64)
        assert (column.kind, column.missing, column.width) == ("number", False, 1)
        assert column.mean == pytest.approx(values.mean(), rel=1e-6)
        assert column.deviation == pytest.approx(values.std(), rel=1e-6)
    assert msgspec.json.decode(msgspec.json.encode(fitted.columns), type=tuple[Column, ...]) == fitted.columns


def test_kinds_are_found() -> None:
    table = people()
    fitted = fit_columns(table, table.column_names, np.arange(table.num_rows))
    kinds = {column.name: (column.kind, column.missing, column.width) for column in fitted.columns}
    assert kinds == {
        "age": ("number", False, 1),
        "income": ("number", True, 2),
        "town": ("category", True, 6),
        "since": ("date", True, 2),
        "seen": ("date", True, 2),
        "member": ("category", True, 4),
        "bought": ("number", False, 1),
    }
    assert width_of(fitted.columns) == 18
    towns = next(column for column in fitted.columns if column.name == "town")
    assert towns.values == ("", "São Paulo", "Zürich", 'a "quoted", town', "東京")


DAYS = (datetime.date(2024, 2, 29) - datetime.date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2, 3], None, Column("c", "number", 2.0, float(np.float32(np.sqrt(2 / 3))))),
        ([1.0, float("nan"), 3.0, None], None, Column("c", "number", 2.0, 1.0, missing=True)),
        ([1, 3], pa.decimal128(9, 2), Column("c", "number", 2.0, 1.0)),
        ([1e-31, 3e-31], None, Column("c", "number")),
        ([0, 1, 0, 1], None, Column("c", "number", 0.5, 0.5)),
        ([True, False], None, Column("c", "category", values=("false", "true"))),
        (["b", "a", None, "", "b"], None, Column("c", "category", values=("", "a", "b"), missing=True)),
        (["b", "a"], pa.dictionary(pa.int8(), pa.string()), Column("c", "category", values=("a", "b"))),
        (["b", "a"], pa.large_string(), Column("c", "category", values=("a", "b"))),
        (["1", "2"], None, Column("c", "category", values=("1", "2"))),
        (["2024-02-28", "", "2024-03-01T00:00:00Z"], None, Column("c", "date", DAYS, 1.0, missing=True)),
        (["2024-02-29 12:00", "2024-02-29T13:00:00+01:00"], None, Column("c", "date", DAYS + 0.5)),
        ([datetime.date(2024, 2, 28), datetime.date(2024, 3, 1)], None, Column("c", "date", DAYS, 1.0)),
        ([DAYS * 86_400_000 - 1, DAYS * 86_400_000 + 1], pa.timestamp("ms"), Column("c", "date", DAYS)),
    ],
)
def test_a_column_is_fitted(values: list[Any], kind: pa.DataType | None, expected: Column) -> None:
    assert fit(values, kind).columns == (expected,)


def test_only_training_rows_count() -> None:
    assert fit([1.0, 3.0, None, 1e9], rows=[0, 1]).columns == (Column("c", "number", 2.0, 1.0),)
    assert fit(["a", "b", "c", None], rows=[1, 0]).columns == (Column("c", "category", values=("a", "b")),)


@pytest.mark.parametrize(
    ("values", "remark"),
    [
        ([7, 7], "column 'c' has the same value in every training row: 7"),
        ([0.1] * 7, "column 'c' has the same value in every training row: 0.1"),
        (["x", "x"], "column 'c' has the same value in every training row: 'x'"),
        ([None, None], "column 'c' has no value in any training row"),
        (
            [1_700_000_000, 1_700_000_600],
            "column 'c' varies by 320 around 1.7e+09, which float32 holds coarsely: subtract",
        ),
    ],
)
def test_what_tells_little_is_kept_and_said(values: list[Any], remark: str) -> None:
    fitted = fit(values)
    assert len(fitted.columns) == 1
    assert len(fitted.remarks) == 1 and fitted.remarks[0].startswith(remark), fitted.remarks


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([f"name {row}" for row in range(11)], "column 'c' holds 11 different texts in 11 training rows"),
        ([str(row % 1001) for row in range(9009)], "column 'c' holds 1001 different texts in 9009 training rows"),
        (
            [[1], [2]],
            "column 'c' holds list<.*>: a model cannot learn from that; expected numbers, dates, or texts that repeat",
        ),
        ([b"a", b"b"], "column 'c' holds binary"),
        ([datetime.time(1), datetime.time(2)], "column 'c' holds time64"),
        (
            [1.0, float("inf"), float("-inf")],
            r"t\.csv, row 2, column 'c': inf is infinite, or too large: at most 1e.* \(2 rows are so",
        ),
        ([1.0, 1e300], r"t\.csv, row 2, column 'c': 1e\+300 is infinite, or too large: at most 1e\+37"),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(values: list[Any], message: str) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        fit(values)
    assert "leave" in caught.value.hint or "remove" in caught.value.hint


def test_all_such_columns_are_named_at_once() -> None:
    table = pa.table({f"id{place}": [f"{place} {row}" for row in range(20)] for place in range(7)})
    with pytest.raises(
        ZooError,
        match=r"'id0' holds 20 .*'id4' holds 20 different texts in 20 training rows and 2 more: a model cannot",
    ) as caught:
        fit_columns(table, table.column_names, np.arange(20))
    assert caught.value.hint.startswith(
        "leave out names, ids and free text: --ignore-columns id0,id1,id2,id3,id4,id5,id6; and"
    )


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(ZooError, match="the table has 0 training rows of 1 columns"):
        fit_columns(pa.table({"a": [1]}), ["a"], np.array([], np.int64))
