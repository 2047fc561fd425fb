"""Setting large variables by rows, and writing a model without copies: the same numbers, and the same file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from conftest import chain

from transfer.assign import LARGE, assign, sparing
from transfer.keras_archive import save

ROWS = LARGE // 4 // 1000 + 7  # a thousand float32 each: more than is assigned at once, and no whole number of parts
BIG = np.random.default_rng(0).standard_normal((ROWS, 1000), np.float32)


def variable() -> keras.Variable:
    return keras.Variable(np.zeros(BIG.shape, np.float32))


def test_a_large_array_and_one_in_a_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for array in (BIG, file.create_dataset("a", data=BIG)):
            weight = variable()
            assign(weight, array)
            np.testing.assert_array_equal(weight.numpy(), BIG)


def test_a_small_array_and_a_single_number() -> None:
    weight, single = keras.Variable(np.zeros((2, 3), np.float32)), keras.Variable(0.0)
    assign(weight, BIG[:2, :3])
    assign(single, np.array(2.5, np.float32))
    np.testing.assert_array_equal(weight.numpy(), BIG[:2, :3])
    assert single.numpy() == 2.5


def test_reading_what_was_assigned_copies_nothing() -> None:
    weight = variable()
    assign(weight, BIG)
    first, second = (np.asarray(weight.value.read_value()) for _ in range(2))
    assert np.shares_memory(first, second)


def test_another_shape_is_refused_by_keras() -> None:
    with pytest.raises(ValueError, match="The shape of the target variable and the shape of the target value"):
        assign(variable(), BIG.T)


def test_keras_assigns_so_only_within() -> None:
    own, weight = keras.Variable.assign, variable()
    with sparing():
        assert keras.Variable.assign is not own
        weight.assign(BIG)
        weight.assign(BIG * 2)
    assert keras.Variable.assign is own
    np.testing.assert_array_equal(weight.numpy(), BIG * 2)


def test_a_saved_model_is_the_file_that_keras_writes(tmp_path: Path) -> None:
    model = chain()
    save(model, tmp_path / "ours.keras")
    model.save(tmp_path / "keras.keras")
    ours, theirs = (zipfile.ZipFile(tmp_path / f"{name}.keras") for name in ("ours", "keras"))
    assert set(ours.namelist()) == set(theirs.namelist())
    assert ours.read("config.json") == theirs.read("config.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keras.keras", "ours.keras"]
    loaded = keras.models.load_model(tmp_path / "ours.keras")
    for one, other in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
