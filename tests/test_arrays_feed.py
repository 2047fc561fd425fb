"""Samples in arrays: which rows they are, what their content is called, and how a model takes them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.arrays import samples as samples_module
from transfer.data.arrays.ahead import ahead
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.pictures import coloured
from transfer.data.arrays.samples import ArraySamples
from transfer.data.records import Samples
from transfer.feeding import Feed
from transfer.inputs import ModelInput, feed

X = np.arange(40, dtype=np.float32).reshape(10, 4)
UNIT = Preprocessing((4, 4, 3), scale=1 / 255)
GREY = Preprocessing((4, 4), scale=1 / 255)


def rows(*numbers: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(numbers, np.int64)


def grey(n: int = 6, size: int = 4) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (n, size, size), np.uint8)


# Samples


def test_they_are_samples() -> None:
    assert isinstance(ArraySamples.of(X, "x"), Samples)


def test_choosing_keeps_the_rows_and_copies_nothing() -> None:
    whole = ArraySamples.of(X, "d.npz: x")
    some = whole.rows(rows(7, 1, 1, 9)).rows(rows(3, 0))
    assert (len(whole), len(some)) == (10, 2) and some.arrays[""] is X
    assert np.array_equal(some.take(rows(0, 1)), X[[9, 7]])
    assert [some.where(row) for row in range(2)] == ["d.npz: x, row 9", "d.npz: x, row 7"]
    assert len(whole.rows(rows())) == 0 and whole.rows(rows()).digests.shape == (0, 32)


def test_several_inputs_stay_together() -> None:
    some = ArraySamples.of({"b": X, "a": X + 1}, "x").rows(rows(2, 5))
    taken = some.take(rows(1))
    assert isinstance(taken, dict) and np.array_equal(taken["a"], taken["b"] + 1) and taken["b"][0, 0] == 20


def test_digests_are_of_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def digests(array: Any) -> list[bytes]:
        return [bytes(one) for one in ArraySamples.of(array, "any").digests]

    expected = digests(X)
    assert len(set(expected)) == 10
    changed = X.copy()
    changed[3, 2] += 1
    assert [row for row in range(10) if digests(changed)[row] != expected[row]] == [3]
    others = [X.astype(np.float64), X.reshape(10, 2, 2), X.view(np.int32), {"a": X}, {"b": X}, {"a": X, "b": X}]
    assert len({one for other in others for one in digests(other)} | set(expected)) == 70
    assert digests({"b": X, "a": X + 1}) == digests({"a": X + 1, "b": X})
    np.save(tmp_path / "x.npy", X)
    assert digests(np.load(tmp_path / "x.npy", mmap_mode="r")) == digests(np.asfortranarray(X)) == expected
    monkeypatch.setattr(samples_module, "BLOCK_BYTES", 50)
    assert digests(X) == expected


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=4))
def test_digests_of_some_are_those_of_the_whole(chosen: list[list[int]]) -> None:
    whole = ArraySamples.of(X, "x")
    expected = ArraySamples.of(X, "y").digests
    for numbers in chosen:
        assert np.array_equal(whole.rows(rows(*numbers)).digests, expected[numbers])


def test_digests_are_fast() -> None:
    images = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), np.uint8)
    begin = time.process_time()
    assert ArraySamples.of(images, "x").digests.shape == (60_000, 32)
    assert time.process_time() - begin < 1


# Colours


def test_grey_and_colours_are_pillows() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8)
    luma = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    assert np.array_equal(coloured(images, 1)[..., 0], luma)
    repeated = np.stack([np.asarray(Image.fromarray(image).convert("RGB")) for image in luma])
    assert np.array_equal(coloured(luma, 3), repeated)
    assert np.array_equal(coloured(luma[..., None], 3), repeated)


# The feed


def test_a_feed_gives_what_the_model_takes() -> None:
    inputs = (ModelInput("a", (4,)), ModelInput("ids", (4,), "int32"))
    arrays = {"a": X, "ids": X.astype(np.int64), "unused": X}
    given_ = ArrayFeed(ArraySamples.of(arrays, "d.npz: x").rows(rows(9, 3, 5)), inputs, None)
    made: Feed = given_
    assert (len(made), made.shapes, made.dtypes) == (3, ((4,), (4,)), ("float32", "int32"))
    first, second = made.read(rows(2, 0))
    assert (first.dtype, second.dtype) == (np.float32, np.int32)
    assert np.array_equal(first, X[[5, 9]]) and np.array_equal(second, X[[5, 9]])
    assert made.digests.shape == (3, 32)


def test_blocks_come_in_order() -> None:
    made = ArrayFeed(ArraySamples.of(X, "x"), (ModelInput("a", (2, 2)),), None)
    order = np.random.default_rng(0).permutation(10)
    blocks = list(made.blocks(order, 4))
    assert [len(numbers) for numbers, _ in blocks] == [4, 4, 2]
    assert np.array_equal(np.concatenate([numbers for numbers, _ in blocks]), order)
    assert np.array_equal(np.concatenate([one for _, (one,) in blocks]).reshape(10, 4), X[order])
    assert list(made.blocks(rows(), 4)) == []


def test_the_next_block_is_prepared_meanwhile_and_no_more() -> None:
    begun: list[int] = []
    second = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            second.set()
        return number

    results = ahead(work, range(9))
    assert next(results) == (0, 0)
    assert second.wait(10) and begun == [0, 1]
    results.close()  # type: ignore[attr-defined]  # a generator


INPUTS: dict[str, tuple[ModelInput, Preprocessing | None, Any, tuple[int, ...]]] = {
    "grey for RGB": (ModelInput("x", (4, 4, 3)), UNIT, coloured(grey(), 3), (4, 4, 3)),
    "grey for RGB of any size": (ModelInput("x", (None, None, 3)), UNIT, coloured(grey(), 3), (4, 4, 3)),
    "grey with a channel": (ModelInput("x", (4, 4, 1)), GREY, grey()[..., None], (4, 4, 1)),
    "grey as a row": (ModelInput("x", (16,)), GREY, grey().reshape(-1, 16), (16,)),
    "grey for an RGB row": (ModelInput("x", (48,)), UNIT, coloured(grey(), 3).reshape(-1, 48), (48,)),
}  # fmt: skip


@pytest.mark.parametrize("name", INPUTS)
def test_images_in_other_colours(name: str) -> None:
    one, how, expected, shape = INPUTS[name]
    made = ArrayFeed(ArraySamples.of(grey(), "x"), (one,), how)
    (got,) = made.read(np.arange(6))
    assert made.shapes == (shape,) == (got.shape[1:],)
    assert np.allclose(got, np.asarray(expected, np.float32) / 255)


def test_rgb_for_a_grey_row() -> None:
    images = coloured(grey(), 3)
    made = ArrayFeed(ArraySamples.of(images, "x"), (ModelInput("x", (16,)),), Preprocessing((4, 4), scale=1 / 255))
    assert np.allclose(made.read(rows(1))[0], coloured(images[1:2], 1).reshape(1, 16) / 255)


def doubled(images: Any) -> Any:
    assert images.dtype == np.uint8
    return images.repeat(2, 1).repeat(2, 2).astype(np.float32) / 255


@pytest.mark.parametrize("shape", [(8, 8, 3), (192,)])
def test_images_of_another_size_are_resized(shape: tuple[int, ...]) -> None:
    how = Preprocessing((8, 8, 3), scale=1 / 255)
    made = ArrayFeed(ArraySamples.of(grey(), "x"), (ModelInput("x", shape),), how, doubled)
    (got,) = made.read(rows(2, 1))
    assert np.array_equal(got, doubled(coloured(grey()[[2, 1]], 3)).reshape(2, *shape))
    assert made.shapes == (shape,)


def test_without_a_resize_another_size_is_refused() -> None:
    made = ArrayFeed(ArraySamples.of(grey(), "d.npz: x"), (ModelInput("x", (8, 8, 3)),), UNIT)
    with pytest.raises(ZooError, match=r"d\.npz: x have samples of shape \(4, 4, 3\); the model expects \(8, 8, 3\)"):
        made.read(rows(0))


def test_floats_and_whole_numbers_are_no_images() -> None:
    prepared = grey().astype(np.float32)
    made = ArrayFeed(ArraySamples.of(prepared, "x"), (ModelInput("x", (4, 4, 1)),), UNIT, doubled)
    assert np.array_equal(made.read(rows(0))[0][..., 0], prepared[:1])
    ids = ArrayFeed(ArraySamples.of(grey(), "x"), (ModelInput("x", (4, 4), "int32"),), None, doubled)
    assert np.array_equal(ids.read(rows(0))[0], grey()[:1])


def test_numbers_are_prepared_as_without_a_feed() -> None:
    raw = np.random.default_rng(1).integers(0, 256, (9, 4, 4, 3), np.uint8)
    how = Preprocessing((4, 4, 3), scale=(0.1, 0.2, 0.3), offset=(1.0, 2.0, 3.0), channels="bgr")
    inputs = (ModelInput("x", (4, 4, 3)),)
    (got,) = ArrayFeed(ArraySamples.of(raw, "x"), inputs, how).read(np.arange(9))
    assert np.array_equal(got, feed(raw, inputs, how)[0])


def test_a_sample_at_fault_is_named() -> None:
    large = X.astype(np.float64)
    large[6, 0] = 1e300
    made = ArrayFeed(ArraySamples.of(large, "d.npz: x").rows(rows(8, 7, 6, 5)), (ModelInput("a", (4,)),), None)
    with pytest.raises(ZooError) as caught:
        list(made.blocks(np.arange(4), 3))
    assert caught.value.message == "d.npz: x, row 6, as float32, holds NaN or infinite values"
    ids = ArrayFeed(ArraySamples.of(X.astype(np.int64), "d.npz: x"), (ModelInput("a", (4,), "int32", 20),), None)
    with pytest.raises(ZooError) as caught:
        ids.read(rows(0, 8, 7))
    assert caught.value.message == "d.npz: x, row 8 hold 32; the model takes 0 to 19 at a"
