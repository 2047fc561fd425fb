"""A published model's own preprocessing gives what training was given, in plain Keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_tables import REAL, people, real

from registry.columns import Column
from registry.errors import ZooError
from transfer.data.tables.columns import fit_columns
from transfer.data.tables.encode import encode
from transfer.data.tables.layers import table_layers
from transfer.data.tables.raw import raw_columns


def reloaded(columns: tuple[Column, ...], folder: Path) -> Any:
    inputs, output = table_layers(columns)
    path = folder / "table.keras"
    keras.Model(inputs, output).save(path)
    return keras.models.load_model(path, safe_mode=True, compile=False)


def tensors(table: pa.Table, columns: tuple[Column, ...]) -> dict[str, Any]:
    return {name: tf.constant(array) for name, array in raw_columns(table, columns).items()}


def check_equal(model: Any, table: pa.Table, columns: tuple[Column, ...]) -> None:
    """Bit by bit, op by op as well as compiled."""
    expected, raw = encode(table, columns), tensors(table, columns)
    assert model.output_shape == (None, expected.shape[1])
    np.testing.assert_array_equal(model(raw).numpy(), expected)
    np.testing.assert_array_equal(model.predict(raw, verbose=0, batch_size=7), expected)


@pytest.mark.parametrize("name", REAL)
def test_real_tables_are_encoded_alike(tmp_path: Path, name: str) -> None:
    table = real(name)
    columns = fit_columns(table, table.column_names, np.arange(0, table.num_rows, 2)).columns
    check_equal(reloaded(columns, tmp_path), table, columns)


def test_every_kind_of_column_is_encoded_alike(tmp_path: Path) -> None:
    columns = fit_columns(people(), people().column_names, np.arange(12)).columns
    model = reloaded(columns, tmp_path)
    check_equal(model, people(), columns)
    empty = pa.table({column.name: pa.array([None] * 3) for column in columns})
    check_equal(model, empty, columns)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(
    ["[UNK]", "[[UNK]]", "a/b", " a", "a ", "é", "東京", "NA", "\0", "a\n", "\r"]
)
FLOATS = st.floats(width=32, allow_infinity=False).map(lambda value: None if value != value else value)
VALUES = {
    pa.float32(): FLOATS | st.none(),
    pa.float64(): st.floats(-1e30, 1e30) | st.none() | st.just(float("nan")),
    pa.int64(): st.integers(-(2**62), 2**62) | st.none(),
    pa.string(): TEXTS | st.none(),
    pa.bool_(): st.booleans() | st.none(),
    pa.date32(): st.integers(-100_000, 100_000) | st.none(),
    pa.timestamp("ms"): st.integers(-(2**50), 2**50) | st.none(),
}
NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0>/"), min_size=1, max_size=6), min_size=1,
                 max_size=6, unique=True)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[pa.Table, pa.Table]:
    """Draw training rows and others of the same columns."""
    kinds = {name: draw(st.sampled_from(sorted(VALUES, key=str))) for name in draw(NAMES)}

    def rows(count: int) -> pa.Table:
        return pa.table(
            {
                name: pa.array(draw(st.lists(VALUES[kind], min_size=count, max_size=count)), kind)
                for name, kind in kinds.items()
            }
        )

    return rows(draw(st.integers(1, 8))), rows(draw(st.integers(1, 8)))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=tables())
def test_any_table_is_encoded_alike(tmp_path_factory: pytest.TempPathFactory, drawn: tuple[pa.Table, pa.Table]) -> None:
    train, other = drawn
    try:
        columns = fit_columns(train, train.column_names, np.arange(train.num_rows)).columns
        encode(other, columns)
    except ZooError as error:
        assert "too large" in error.message
        return
    model = reloaded(columns, tmp_path_factory.mktemp("drawn"))
    for table in (train, other):
        expected = encode(table, columns)
        # Numbers below the least normal float32 may be zero in one place and not in the other.
        np.testing.assert_allclose(model(tensors(table, columns)).numpy(), expected, rtol=0, atol=1.2e-38)


def test_only_keras_own_layers_are_used_and_called_so(tmp_path: Path) -> None:
    columns = fit_columns(people(), people().column_names, np.arange(12)).columns
    model = reloaded(columns, tmp_path)
    names = {operation.name for operation in model.operations}
    assert {name for name in names if not name.startswith("preprocess>")} == set(people().column_names)
    assert sorted(model.input) == sorted(people().column_names)
    config = json.loads(zipfile.ZipFile(tmp_path / "table.keras").read("config.json"))
    modules = {layer["module"] for layer in config["config"]["layers"]}
    assert all(module.startswith(("keras.layers", "keras.src.ops", "keras.ops")) for module in modules), modules


def test_layers_stand_before_a_model_and_are_saved_with_it(tmp_path: Path) -> None:
    table = people()
    columns = fit_columns(table, ["age", "town", "income"], np.arange(12)).columns
    inputs, encoded = table_layers(columns)
    top = keras.Sequential([keras.Input((9,)), keras.layers.Dense(2, name="top")])
    keras.Model(inputs, top(encoded)).save(tmp_path / "whole.keras")
    whole = keras.models.load_model(tmp_path / "whole.keras")
    np.testing.assert_allclose(
        whole.predict(tensors(table, columns), verbose=0), top.predict(encode(table, columns), verbose=0), atol=1e-6
    )


def test_two_tables_layers_can_be_in_one_process() -> None:
    """Their operations have names of their own, which Keras's counter does not know."""
    columns = (Column("n/m", "number", 1.0, 2.0, missing=True),)
    first, second = table_layers(columns), table_layers(columns)
    for inputs, output in (first, second):
        assert list(inputs) == ["n>m"]
        given = {"n>m": tf.constant([[3.0], [float("nan")]])}
        assert keras.Model(inputs, output)(given).numpy().tolist() == [[1, 0], [0, 1]]


def test_columns_that_keras_would_call_the_same_are_refused() -> None:
    with pytest.raises(ZooError, match="two columns would be called 'a>b' in Keras, which forbids /"):
        table_layers([Column("a/b", "number"), Column("a>b", "number")])


def test_raw_columns_are_checked_like_encoded_ones() -> None:
    columns = (Column("n", "number"),)
    with pytest.raises(ZooError, match="has no column 'n'"):
        raw_columns(pa.table({"m": [1]}), columns)
    with pytest.raises(ZooError, match="row 2, column 'n': 'x' is not a number"):
        raw_columns(pa.table({"n": ["1", "x"]}), columns)
    raw = raw_columns(
        pa.table({"n": [1, None], "w/v": ["a", None]}), (*columns, Column("w/v", "category", values=("a",)))
    )
    assert raw["n"].dtype == np.float32 and raw["n"].shape == (2, 1) and np.isnan(raw["n"][1, 0])
    assert raw["w>v"].tolist() == [["a"], [""]]
