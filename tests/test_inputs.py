"""Samples for the inputs of a model: which array goes where, and what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs
from found_data import data_set
from nets import build_joined

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.backbone import functional
from transfer.data.arrays.samples import ArraySamples
from transfer.inputs import ModelInput, feed
from transfer.samples import random_inputs

FLOATS = ModelInput("a", (4,))
TOKENS = ModelInput("words/ids", (None,), "int32", indices=9)
MASK = ModelInput("mask", (2,), "bool")
BOTH = (FLOATS, TOKENS)
A, IDS = np.zeros((3, 4), np.float32), np.arange(6).reshape(3, 2)


def test_arrays_come_in_the_models_order_with_its_types() -> None:
    a, ids = feed({"words/ids": IDS, "other": A[:1], "a": A.astype(float)}, BOTH, None)
    assert (a.dtype, ids.dtype, ids.tolist()) == (np.float32, np.int32, IDS.tolist())
    (mask,) = feed(np.array([[0, 1]]), (MASK,), None)
    assert (mask.dtype, mask.tolist()) == (bool, [[False, True]])
    assert feed({"a": A}, (FLOATS,), None)[0].tolist() == A.tolist()


def test_whole_numbers_that_an_embedding_reads_as_floats_are_not_raw() -> None:
    legacy = ModelInput("ids", (2,), "float32", indices=9)
    for kind in (np.int64, np.float64):
        (ids,) = feed(IDS.astype(kind), (legacy,), None)
        assert (ids.dtype, ids.tolist()) == (np.float32, IDS.tolist())


def test_preprocessing_belongs_to_the_inputs_of_its_shape() -> None:
    how = Preprocessing((2, 2), "uint8", 0.5)
    raw = np.full((3, 2, 2), 8, np.uint8)
    (prepared,) = feed(raw, (FLOATS,), how)
    assert prepared.tolist() == [[4.0] * 4] * 3
    other = ModelInput("b", (3,))
    a, b = feed({"a": raw, "b": np.ones((3, 3))}, (FLOATS, other), how)
    assert (a.tolist(), b.tolist()) == ([[4.0] * 4] * 3, [[1.0] * 3] * 3)
    with pytest.raises(ZooError, match="the data: input b: are uint8 and the model's card does not say how"):
        feed({"a": raw, "b": np.ones((3, 3), np.uint8)}, (FLOATS, other), how)


def test_images_of_any_size_belong_to_the_inputs_that_they_are_resized_for() -> None:
    how = Preprocessing((2, 2, 1), "uint8", 0.5, resize="stretch")
    image, other = ModelInput("image", (2, 2, 1)), ModelInput("b", (3,))
    samples = {"image": np.full((4, 6, 5, 1), 8, np.uint8), "b": np.ones((4, 3))}
    prepared, b = feed(samples, (image, other), how)
    assert (prepared.tolist(), b.tolist()) == (np.full((4, 2, 2, 1), 4.0).tolist(), np.ones((4, 3)).tolist())


@pytest.mark.parametrize(
    ("samples", "inputs", "message"),
    [
        (A, BOTH, "the data are one array; the model has 2 inputs: a (4) float32, words/ids (?) int32"),
        ({"a": A}, BOTH, "the data have no array for the input words/ids; they have a"),
        ({}, BOTH, "the data have no array for the input a, words/ids; they have none"),
        ({"a": A, "words/ids": IDS[:2]}, BOTH, "have not as many rows for each input: a 3, words/ids 2"),
        ({"a": A, "words/ids": A}, BOTH, "input words/ids: are float32; the model takes int32 at words/ids"),
        ({"a": A, "words/ids": IDS * 2}, BOTH, "hold 10 in row 2; the model takes 0 to 8 at words/ids"),
        ({"a": A, "words/ids": IDS - 1}, BOTH, "hold -1 in row 0; the model takes 0 to 8 at words/ids"),
        ({"a": A[:, :3], "words/ids": IDS}, BOTH, "input a: have samples of shape (3,); the model expects (4)"),
        (IDS + 2**40, (ModelInput("n", (2,), "int32"),), "the model takes -2147483648 to 2147483647 at n"),
        (IDS, (MASK,), "hold 2 in row 1; the model takes 0 to 1 at mask"),
        (IDS, (ModelInput("text", (2,), "string"),), "cannot be given: the model takes string at text"),
        (np.float32(3), (FLOATS,), "hold no numbers (n, ...): got float32 ()"),
        (A.astype(str), (FLOATS,), "hold no numbers (n, ...): got <U32 (3, 4)"),
    ],
)  # fmt: skip
def test_what_does_not_fit(samples: Any, inputs: tuple[ModelInput, ...], message: str) -> None:
    with pytest.raises(ZooError) as caught:
        feed(samples, inputs, None)
    assert message in caught.value.message


def test_random_inputs_fit() -> None:
    model = functional(build_joined([("dense", (0,))]))
    a, b, tokens = random_inputs(model, 50)
    assert (a.dtype, a.shape, b.shape, tokens.dtype, tokens.shape) == (np.float32, (50, 5), (50, 5), np.int32, (50, 1))
    assert (tokens.min(), tokens.max()) == (0, 6)
    assert np.array_equal(random_inputs(model, 50)[2], tokens)
    assert not np.array_equal(a, b)


X, Y = blobs(60)


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path / "d.npz", **arrays)
    return path / "d.npz"


def arrays_of(samples: Any) -> dict[str, np.ndarray]:
    assert isinstance(samples, ArraySamples)
    taken = samples.take(np.arange(len(samples)))
    assert isinstance(taken, dict)
    return taken


def test_each_input_has_its_own_array_in_a_data_file(tmp_path: Path) -> None:
    data = data_set(save(tmp_path, **{"x.a": X, "x.words/ids": np.arange(60), "y": Y}))
    assert [len(split) for split in data.splits.values()] == [42, 9, 9]
    for split in data.splits.values():
        taken = arrays_of(split.samples)
        rows = taken["words/ids"]
        assert np.array_equal(taken["a"], X[rows]), "the inputs' rows stay together"
        assert np.array_equal(split.y, Y[rows])
    arrays = {"x_train.a": X, "x_train.b": X, "y_train": Y, "x_valid.a": X, "x_valid.b": X, "y_valid": Y}
    data = data_set(save(tmp_path, **arrays))
    assert (sorted(arrays_of(data.train.samples)), len(data.test)) == (["a", "b"], 0)


def test_the_fingerprint_is_of_each_inputs_name_and_numbers(tmp_path: Path) -> None:
    files: list[dict[str, Any]] = [
        {"x.a": X, "x.b": X + 1}, {"x.b": X, "x.a": X + 1}, {"x.a": X, "x.b": X}, {"x.a": X}, {"x.c": X}, {"x": X},
    ]  # fmt: skip
    prints = [data_set(save(tmp_path, **arrays, y=Y)).fingerprint for arrays in files]
    assert len(set(prints)) == len(files)
    assert data_set(save(tmp_path, y=Y, **{"x.b": X + 1, "x.a": X})).fingerprint == prints[0], (
        "the order does not count"
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X, "x.a": X, "y": Y}, "holds both x and x.a"),
        ({"x.a": X, "x.b": X[:9], "y": Y}, "x, input 'b', has 9 samples and labels of shape (60,)"),
        ({"x.a": X, "x.b": X.astype(str), "y": Y}, "x, input 'b', samples are of dtype <U32; expected numbers"),
        ({"x.a": X, "x.b": np.full((60, 1), np.inf), "y": Y}, "x, input 'b', holds NaN or infinite values"),
        ({"x_train.a": X, "x_train.b": X, "y_train": Y, "x_valid.a": X, "y_valid": Y},
         "x_valid holds the inputs a; expected the inputs a, b, as in x_train"),
        ({"x_train.a": X, "y_train": Y, "x_valid": X, "y_valid": Y},
         "x_valid holds one array; expected the inputs a, as in x_train"),
        ({"x.a": X}, "carries no labels"),
    ],
)  # fmt: skip
def test_bad_data_files(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError) as caught:
        data_set(save(tmp_path, **arrays))
    assert message in caught.value.message
