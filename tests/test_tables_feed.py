from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_tables import people, text, write

from registry.columns import Column, width_of
from registry.errors import ZooError
from transfer.data.reading import Reading
from transfer.data.tables.columns import fit_columns
from transfer.data.tables.encode import encode
from transfer.data.tables.feed import TableFeed
from transfer.data.tables.read import read_table
from transfer.data.tables.reader import read, read_unlabelled
from transfer.data.tables.samples import TableSamples, all_rows
from transfer.feeding import Feed
from transfer.inputs import ModelInput

INPUT = [ModelInput("in", (None,))]


def samples(path: Path) -> TableSamples:
    table = read_table(path)
    return TableSamples(table, all_rows(table), path)


def test_a_feed_gives_encoded_rows_in_the_order_asked_for(tmp_path: Path) -> None:
    data = read(write(people(), tmp_path / "t.csv"), "people", Reading(target="bought"))
    rows = data.parts["all"].samples
    assert isinstance(rows, TableSamples)
    train = rows.rows(np.arange(10, 30))
    assert isinstance(train, TableSamples)
    columns = fit_columns(train.table, train.names, train.index).columns
    feed: Feed = TableFeed(train, columns, [ModelInput("in", (width_of(columns),))])
    assert (feed.shapes, feed.dtypes, len(feed)) == (((width_of(columns),),), ("float32",), 20)
    expected = encode(people().slice(10, 20), columns)
    np.testing.assert_array_equal(feed.read(np.arange(20))[0], expected)
    order = np.random.default_rng(0).permutation(20)
    blocks = list(feed.blocks(order, 6))
    assert [len(block) for block, _ in blocks] == [6, 6, 6, 2]
    np.testing.assert_array_equal(np.concatenate([block for block, _ in blocks]), order)
    np.testing.assert_array_equal(np.concatenate([arrays[0] for _, arrays in blocks]), expected[order])
    np.testing.assert_array_equal(feed.digests, train.digests)
    assert feed.read(np.array([], np.int64))[0].shape == (0, width_of(columns))


def test_a_broken_value_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = text(tmp_path, "x,n\na,1\nb,2\nc,three\n")
    feed = TableFeed(samples(path).rows(np.array([2, 0])), [Column("n", "number")], INPUT)
    assert feed.read(np.array([1]))[0].tolist() == [[1]]
    with pytest.raises(ZooError, match=r"table\.csv, line 4, column 'n': 'three' is not a number") as caught:
        list(feed.blocks(np.array([1, 0]), 1))
    assert caught.value.hint == "put it right, or leave the value empty"


@pytest.mark.parametrize(
    ("shape", "dtype", "indices", "message"),
    [
        (
            (4,),
            "float32",
            None,
            r"encoded as 5 numbers a row; the model takes in \(4\) float32\. They are n \(number, 2",
        ),
        ((5, 1), "float32", None, r"wide\), word \(category, 3 wide\)$"),
        ((5,), "int32", None, r"encoded as float32; the model takes whole numbers at in \(5\) int32"),
        ((5,), "float32", 9, "encoded as float32; the model takes whole numbers"),
    ],
)
def test_a_model_of_another_input_is_refused(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, indices: int | None, message: str
) -> None:
    columns = [Column("n", "number", missing=True), Column("word", "category", values=("a", "b"))]
    rows = samples(text(tmp_path, "n,word\n1,a\n"))
    TableFeed(rows, columns, [ModelInput("in", (5,))])
    with pytest.raises(ZooError, match=message):
        TableFeed(rows, columns, [ModelInput("in", shape, dtype, indices)])


def test_what_to_do_about_another_width_is_said(tmp_path: Path) -> None:
    rows = samples(text(tmp_path, "n\n1\n"))
    with pytest.raises(ZooError) as caught:
        TableFeed(rows, [Column("n", "number")], [ModelInput("in", (4,))])
    assert "leave columns out of the table or add those that are lacking" in caught.value.hint
    many = [Column(f"n{place}", "number") for place in range(50)]
    table = TableSamples(pa.table({column.name: [1] for column in many}), np.array([0]), Path("t.csv"))
    with pytest.raises(ZooError, match=r"n39 \(number, 1 wide\) and 10 more$"):
        TableFeed(table, many, [ModelInput("in", (4,))])


def test_a_model_of_several_inputs_is_refused(tmp_path: Path) -> None:
    rows = samples(text(tmp_path, "n\n1\n"))
    with pytest.raises(ZooError, match=r"one array of 1 numbers a row; the model has 2 inputs: a \(1\) float32, b"):
        TableFeed(rows, [Column("n", "number")], [ModelInput("a", (1,)), ModelInput("b", (1,))])


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    path = text(tmp_path, "m,k\n1,2\n")
    with pytest.raises(ZooError, match=r"table\.csv has no column 'n', which the model takes") as caught:
        TableFeed(samples(path), [Column("n", "number")], INPUT)
    assert caught.value.hint == "there are: k, m"


@pytest.mark.parametrize(
    ("content", "values", "expected"),
    [
        ("w\n01\n", ("01", "A"), [[0, 1, 0]]),
        ("w\n1.50\n", ("1.50", "A"), [[0, 1, 0]]),
        ("w\nTrue\n", ("A", "True"), [[0, 0, 1]]),
        ("w\nTRUE\n", ("false", "true"), [[0, 0, 1]]),
        ("w\n2024-02-29\n", ("2024-02-29", "A"), [[0, 1, 0]]),
        ("w,n\n,1\n", ("", "A"), [[0, 1, 0]]),
    ],
)
def test_a_category_is_read_as_it_is_written_whatever_it_looks_like(
    tmp_path: Path, content: str, values: tuple[str, ...], expected: list[list[float]]
) -> None:
    data = read_unlabelled(text(tmp_path, content), "rows")
    rows = data.parts["all"].samples
    assert isinstance(rows, TableSamples)
    feed = TableFeed(rows, [Column("w", "category", values=values, missing="" in values)], INPUT)
    assert feed.read(np.array([0]))[0].tolist() == expected


def test_what_is_not_passed_on_is_counted(tmp_path: Path) -> None:
    rows = samples(text(tmp_path, "w,n\na,1\nz,\ny,3\n"))
    columns = [Column("w", "category", values=("a",)), Column("n", "number")]
    feed = TableFeed(rows, columns, INPUT)
    assert feed.remarks == (
        "column 'w': 2 of 3 rows hold what no training row did: 'z', 'y'",
        "column 'n': 1 of 3 rows have no value, and no training row lacked one; the mean is taken, 0",
    )
    assert TableFeed(rows.rows(np.array([0])), columns, INPUT).remarks == ()
