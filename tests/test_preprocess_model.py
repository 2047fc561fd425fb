"""Preprocessing as Keras layers and as functions of arrays: the same numbers to the bit, for all sizes and threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.prepare import prepare
from transfer.preparer import batch_preparer, image_preparer
from transfer.preprocess_model import preprocess_layers, raw_input

CROP = Preprocessing((6, 4, 3), "uint8", (1 / 127.5, 2.0, 0.3), -1.0, "bgr", "crop")
sizes_of_numbers = st.floats(1e-6, 300)  # TensorFlow takes numbers below 1e-38 for 0
numbers = st.just(0.0) | sizes_of_numbers | sizes_of_numbers.map(lambda number: -number)


@st.composite
def preprocessings(draw: st.DrawFn) -> Preprocessing:
    resize = draw(st.sampled_from(["", "stretch", "crop", "pad"]))
    sides = draw(st.lists(st.integers(1, 9), min_size=2 if resize else 1, max_size=2))
    channels = draw(st.sampled_from([(), (1,), (3,)])) if len(sides) == 2 else ()
    shape = (*sides, *channels)
    by_place = st.tuples(*shape[-1] * [numbers])
    colours = draw(st.sampled_from(["rgb", "bgr"])) if channels == (3,) else ""
    dtype = draw(st.sampled_from(["uint8", "uint8", "uint16", "int32"]))
    scale, offset = draw(numbers | by_place), draw(numbers | by_place)
    method = draw(st.sampled_from(["bilinear", "bicubic", "nearest"]))
    return Preprocessing(shape, dtype, scale, offset, colours, resize, method)


@settings(max_examples=60, deadline=None)
@given(preprocessings(), st.data())
def test_keras_and_numpy_prepare_alike(how: Preprocessing, data: st.DataObject) -> None:
    sizes = [data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))]
    shape = (*sizes, *(how.shape[2:] or (1,))) if how.resize else how.shape
    most = min(2**20, np.iinfo(how.dtype).max)
    raw = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, most, (2, *shape), endpoint=True)
    raw = raw.astype(how.dtype)
    tensor = raw_input(how)
    layers = keras.Model(tensor, preprocess_layers(how, tensor))
    expected = layers(raw).numpy()
    assert (expected.dtype, expected.shape) == (np.float32, (2, *how.shape))
    for found in (prepare(raw, how.shape, how), batch_preparer(how)(raw), image_preparer(how)(raw[1])[np.newaxis]):
        assert np.array_equal(found, expected[-len(found) :])


def test_layers_are_kept_in_a_file_that_plain_keras_opens(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).integers(0, 256, (2, 9, 17, 3), np.uint8)
    tensor = raw_input(CROP, "block/image")
    model = keras.Model(tensor, preprocess_layers(CROP, tensor, "block/image"))
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    names = [f"preprocess>block>image>{part}" for part in ("resize", "bgr", "scale")]
    assert [layer.name for layer in again.operations] == ["block>image", *names]
    assert again.input.dtype == "uint8" and again.input.shape == (None, None, None, 3)
    assert np.array_equal(again.predict(raw, verbose=0), model(raw))


def test_one_function_serves_all_sizes_and_threads() -> None:
    prepare_image = image_preparer(CROP)
    draws = np.random.default_rng(0)
    images = [draws.integers(0, 256, (*draws.integers(1, 60, 2), 3), np.uint8) for _ in range(60)]
    expected = [prepare(image[np.newaxis], CROP.shape, CROP)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(prepare_image, images))
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def resized(image: list[list[int]], shape: tuple[int, int], resize: str, method: str = "bilinear") -> Any:
    how = Preprocessing((*shape, 1), "uint8", resize=resize, interpolation=method)
    return image_preparer(how)(np.array(image, np.uint8)[..., np.newaxis])[..., 0].tolist()


def test_how_an_image_of_other_proportions_gets_the_size() -> None:
    wide = [[9, 5, 5, 9]] * 2
    assert resized(wide, (2, 2), "crop") == [[5, 5], [5, 5]]
    assert resized(wide, (4, 4), "pad") == [[0] * 4, [9, 5, 5, 9], [9, 5, 5, 9], [0] * 4]
    assert resized(wide, (2, 2), "stretch", "nearest") == [[5, 9], [5, 9]]
    assert resized([[0, 200], [100, 255]], (2, 2), "stretch", "bicubic") == [[0, 200], [100, 255]]


def test_fewer_pixels_are_an_average_not_a_choice() -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).tolist()
    assert 120 < np.min(resized(board, (8, 8), "stretch")) <= np.max(resized(board, (8, 8), "stretch")) < 135
    assert set(np.ravel(resized(board, (8, 8), "stretch", "nearest"))) <= {0, 255}


def test_a_channel_that_is_the_only_one_may_be_left_out() -> None:
    how = Preprocessing((4, 4), "uint8", 0.5, resize="stretch")
    raw = np.random.default_rng(0).integers(0, 256, (3, 8, 6), np.uint8)
    assert prepare(raw, (16,), how).tolist() == prepare(raw[..., np.newaxis], (16,), how).tolist()
    whole = np.ones((2, 4, 4, 1), np.int64)
    assert prepare(whole, (4, 4), how).tolist() == np.full((2, 4, 4), 0.5).tolist()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((2, 5, 5, 1), np.uint8), r"raw samples are uint8 \(5, 5, 1\); the preprocessing takes uint8 \(\?"),
        (np.zeros((2, 5, 5, 3), np.int16), r"raw samples are int16 \(5, 5, 3\); the preprocessing takes uint8"),
        (np.zeros((2, 0, 5, 3), np.uint8), r"raw samples are uint8 \(0, 5, 3\)"),
        (np.zeros((2, 5, 3), np.uint8), r"raw samples are uint8 \(5, 3\)"),
    ],
)
def test_raw_samples_that_do_not_fit_are_refused(raw: np.ndarray[Any, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        batch_preparer(CROP)(raw)
    assert "--preprocess 'shape=... dtype=... resize=...'" in caught.value.hint


def test_arrays_that_cannot_be_resized_are_named() -> None:
    with pytest.raises(ZooError, match=r"x are int64 of shape \(5, 5, 3\), which cannot be resized to \(6, 4") as e:
        prepare(np.zeros((2, 5, 5, 3), np.int64), (6, 4, 3), CROP, "x")
    assert "give uint8 images" in e.value.hint
    with pytest.raises(ZooError, match=r"x have samples of shape \(5, 5, 4\); the model expects \(6, 4, 3\)"):
        prepare(np.zeros((2, 5, 5, 4), np.uint8), (6, 4, 3), CROP, "x")


def test_a_dtype_that_keras_does_not_prepare_is_named() -> None:
    with pytest.raises(ZooError, match="raw samples of uint64 cannot be prepared by a Keras model"):
        raw_input(Preprocessing((3,), "uint64"))
    with pytest.raises(ZooError, match="raw samples of int64 cannot be resized by a Keras model") as caught:
        image_preparer(replace(CROP, dtype="int64"))
    assert "uint8, uint16" in caught.value.hint
