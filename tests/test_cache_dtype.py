from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
from conftest import blobs, chain
from hypothesis import given
from hypothesis import strategies as st
from nets import WIDTH, build_joined
from test_cache import of
from test_cache_upkeep import digests, flipped

import transfer.spilled
import zoo
from registry.errors import ZooError
from transfer.backbone import layer_of
from transfer.cache import FeatureCache
from transfer.cache_checks import faults
from transfer.cache_dtypes import CACHE_DTYPES
from transfer.cache_entries import entries, stored
from transfer.cache_files import layout, name_of, read, shards_in, unfinished_in
from transfer.cache_keys import Key, key_of
from transfer.cache_writing import Writing
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.samples import ArraySamples
from transfer.data.target import Target
from transfer.extract import outputs
from transfer.features import Features, Inputs
from transfer.fitting.fit import fit
from transfer.fitting.fitted import DivergenceError, Fitted
from transfer.inputs import ModelInput
from transfer.narrow import narrowed, widened
from transfer.plan.hyperparameters import Training
from transfer.plan.plan import Plan
from transfer.split import Halves, split

BELOW = ("X", "hidden1", "hidden2")
HALVES = ["float16", "bfloat16"]
KINDS: dict[str, Any] = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
KEY = "a" * 64


def bits(values: Any) -> np.ndarray:
    """Return numbers as the integers that their bits are, which NaN and -0 can be compared by."""
    array = np.asarray(values)
    return array.view(np.uint16 if array.dtype.itemsize == 2 else np.uint32)


def made(model: Any, dtype: str) -> tuple[Key, Halves]:
    halves = split(model, BELOW)
    return key_of(model, BELOW, halves, "", dtype), halves


def begun(folder: Path, dtype: str, x: np.ndarray, most: int | None = None) -> Writing:
    """Write features and whole numbers of some samples, up to a number."""
    writing = Writing(folder, {"dtype": dtype}, ["hidden2", "ids"], digests(len(x), 0))
    for start in range(0, len(x) if most is None else most, 100):
        part = x[start : start + 100]
        writing.append([part, np.arange(start, start + len(part), dtype=np.uint16)[:, None]])
    return writing


# Numbers


@pytest.mark.parametrize(("dtype", "wide"), [("float16", "<e"), ("bfloat16", "")])
@given(st.lists(st.floats(-65000, 65000, width=32), min_size=1))
def test_numbers_are_rounded_to_the_nearest(dtype: str, wide: str, values: list[float]) -> None:
    x = np.array(values, np.float32)
    got = narrowed(x, dtype, "h")
    assert got.dtype == KINDS[dtype]
    if wide:  # Python's own packing, by IEEE 754
        assert bits(got).tolist() == [struct.unpack("<H", struct.pack(wide, value))[0] for value in values]
        return
    below = (x.view(np.uint32) >> 16 << 16).view(np.float32)  # towards zero: one of the two neighbours
    above = ((x.view(np.uint32) >> 16) + 1 << 16).view(np.float32)
    exact, low, high = (array.astype(np.float64) for array in (x, below, above))
    even = (x.view(np.uint32) >> 16) % 2 == 0
    nearer = np.where(abs(exact - low) == abs(high - exact), even, abs(exact - low) < abs(high - exact))
    assert np.array_equal(bits(widened(got)), bits(np.where(nearer, below, above)))


TIES = {
    "float16": ([2049.0, 2051.0, -2049.0], [2048.0, 2052.0, -2048.0]),
    "bfloat16": ([257.0, 259.0, -257.0], [256.0, 260.0, -256.0]),
}


@pytest.mark.parametrize("dtype", HALVES)
def test_ties_go_to_the_even(dtype: str) -> None:
    given_, expected = TIES[dtype]
    assert widened(narrowed(np.array(given_, np.float32), dtype, "h")).tolist() == expected


@pytest.mark.parametrize("dtype", HALVES)
def test_every_number_of_16_bits_comes_back_from_a_file_as_it_was(tmp_path: Path, dtype: str) -> None:
    """Infinite ones, NaN, both zeros and subnormals among them."""
    every = np.arange(2**16, dtype=np.uint16).view(KINDS[dtype])
    wide = widened(every)
    assert (wide.dtype, np.isinf(wide).sum()) == (np.float32, 2)
    begun(tmp_path / KEY, dtype, wide.reshape(-1, 16)).finish()
    (path,) = shards_in(tmp_path / KEY)
    back = np.asarray(read(path).arrays[0]).reshape(-1)
    assert back.dtype == KINDS[dtype]
    numbers = ~np.isnan(wide)
    assert np.array_equal(bits(back)[numbers], bits(every)[numbers])
    assert np.array_equal(np.isnan(widened(back)), ~numbers)


TOO_LARGE = {
    "float16": (
        np.float32(-70000.5), "the features hidden2 are as large as 70,000.5; float16 ends at 65,504",
        "store them in a type that holds them: --cache-dtype bfloat16",
    ),
    "the nearest is not finite": (
        np.float32(65520), "the features hidden2 are as large as 65,520; float16 ends at 65,504",
        "store them in a type that holds them: --cache-dtype bfloat16",
    ),
    "bfloat16": (
        np.finfo(np.float32).max,
        "the features hidden2 are as large as 3.4028235e+38; bfloat16 ends at 3.3895314e+38",
        "store them in a type that holds them: --cache-dtype float32",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_would_become_infinite_is_refused_and_nothing_of_it_is_kept(tmp_path: Path, name: str) -> None:
    value, message, hint = TOO_LARGE[name]
    x = np.ones((700, 6), np.float32)
    x[650, 2:4] = value, np.nan
    x[651] = -np.inf
    dtype = "bfloat16" if name == "bfloat16" else "float16"
    writing = begun(tmp_path / KEY, dtype, x, most=600)
    assert [one.samples for one in stored(tmp_path)] == [512]
    with pytest.raises(ZooError) as caught:
        writing.append([x[600:], np.zeros((100, 1), np.uint16)])
    assert (caught.value.message, caught.value.hint) == (message, hint)
    writing.close()
    assert stored(tmp_path) == []


def test_the_largest_that_rounds_to_a_finite_number_is_kept() -> None:
    assert narrowed(np.array([65519.99], np.float32), "float16", "h").tolist() == [65504]


# Files


def x_of(n: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, 6)).astype(np.float32)


def test_a_number_takes_half_the_bytes_and_whole_numbers_stay(tmp_path: Path) -> None:
    sizes = {}
    for dtype in CACHE_DTYPES:
        begun(tmp_path / dtype, dtype, x_of(1000)).finish()
        (path,) = shards_in(tmp_path / dtype)
        assert list(faults(path)) == []
        features, ids = read(path).arrays
        sizes[dtype] = path.stat().st_size
        assert features.nbytes == 1000 * 6 * CACHE_DTYPES[dtype]
        assert (ids.dtype, ids.reshape(-1).tolist()) == (np.uint16, list(range(1000)))
        assert np.array_equal(features, x_of(1000).astype(KINDS[dtype]))
        assert isinstance(features, np.memmap)
    assert sizes["float16"] <= sizes["float32"] - 1000 * 6 * 2
    assert sizes["bfloat16"] <= sizes["float32"] - 1000 * 6 * 2 + 512


@pytest.mark.parametrize("dtype", HALVES)
def test_a_file_that_was_left_is_gone_on_with(tmp_path: Path, dtype: str) -> None:
    x = x_of(700)
    begun(tmp_path / KEY, dtype, x, most=400).close()
    (left,) = unfinished_in(tmp_path / KEY)
    assert (len(read(left).samples), list(faults(left))) == (256, [])
    rest = Writing(tmp_path / KEY, {"dtype": dtype}, ["hidden2", "ids"], digests(700, 0)[256:])
    rest.append([x[256:], np.zeros((444, 1), np.uint16)])
    rest.finish()
    (path,) = shards_in(tmp_path / KEY)
    assert (path.name, list(faults(path)), unfinished_in(tmp_path / KEY)) == (name_of(digests(700, 0)), [], [])
    assert np.array_equal(read(path).arrays[0], x.astype(KINDS[dtype]))


@pytest.mark.parametrize("dtype", HALVES)
def test_a_flipped_bit_is_found(tmp_path: Path, dtype: str) -> None:
    begun(tmp_path / KEY, dtype, x_of(300)).finish()
    (path,) = shards_in(tmp_path / KEY)
    place = layout(path).tensors[0]
    assert place.row == 12
    flipped(path, place.end - 1)
    assert list(faults(path)) == ["the features hidden2 of its samples 256 to 299 are damaged"]


WRONG = {
    "a type": ("float8", "/0 says that its <u2 are 'float8'"),
    "numbers": (np.arange(3), "/0 says that its <u2 are '[0 1 2]'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_type_that_nothing_knows_is_refused(tmp_path: Path, name: str) -> None:
    begun(tmp_path / KEY, "bfloat16", x_of(20)).finish()
    (path,) = shards_in(tmp_path / KEY)
    value, message = WRONG[name]
    with h5py.File(path, "r+") as file:
        file["0"].attrs["dtype"] = value
    with pytest.raises(ZooError) as caught:
        read(path)
    assert caught.value.message == f"the feature cache {path} is broken: {message}"
    assert caught.value.hint == f"remove it; it is made again: rm {path}"


def test_what_is_no_16_bits_is_no_bfloat16(tmp_path: Path) -> None:
    begun(tmp_path / KEY, "float32", x_of(20)).finish()
    (path,) = shards_in(tmp_path / KEY)
    with h5py.File(path, "r+") as file:
        file["0"].attrs["dtype"] = "bfloat16"
    with pytest.raises(ZooError, match="/0 says that its <f4 are 'bfloat16'"):
        read(path)


# Features of a model


@pytest.mark.parametrize("dtype", HALVES)
def test_features_are_the_rounded_ones_and_types_are_not_mixed(tmp_path: Path, dtype: str) -> None:
    x, model = blobs(600)[0], chain()
    (exact, halves), (rounded, _) = made(model, "float32"), made(model, dtype)
    assert exact.digest != rounded.digest
    cache = FeatureCache(tmp_path, "tensorflow")
    whole = cache.features(exact, halves, {"train": of(x)}).splits["train"].arrays[0]
    first = cache.features(rounded, halves, {"train": of(x)})
    assert first.extracted == 600, "what is there in another type is extracted again"
    got = first.splits["train"].arrays[0]
    assert (got.dtype, got.nbytes * 2) == (KINDS[dtype], whole.nbytes)
    assert np.array_equal(bits(got), bits(whole.astype(KINDS[dtype])))
    order = np.random.default_rng(0).permutation(600)
    again = cache.features(rounded, halves, {"train": of(x[order])})
    assert again.hit
    assert np.array_equal(bits(again.splits["train"].arrays[0]), bits(got[order]))
    assert {entry.parts["dtype"] for entry in entries(tmp_path)} == {"float32", dtype}


def test_inputs_of_whole_numbers_go_through(tmp_path: Path) -> None:
    below = ("a", "b", "tokens", "block/l1")
    model, draws = build_joined([("dense", (0,)), ("dense", (1,))]), np.random.default_rng(0)
    halves = split(model, below)
    takes = (ModelInput("a", (WIDTH,)), ModelInput("b", (WIDTH,)), ModelInput("tokens", (1,), "int32"))
    floats = draws.normal(size=(2, 60, WIDTH)).astype(np.float32)
    tokens = draws.integers(0, 7, (60, 1)).astype(np.int32)
    feed = ArrayFeed(ArraySamples.of({"a": floats[0], "b": floats[1], "tokens": tokens}, "d.npz"), takes, None)
    key = key_of(model, below, halves, "", "bfloat16")
    found = FeatureCache(tmp_path).features(key, halves, {"train": Inputs(feed, np.zeros(60, np.int64))})
    arrays = dict(zip(halves.cut, found.splits["train"].arrays, strict=True))
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "a": "bfloat16", "b": "bfloat16", "tokens": "int32", "block/l1": "bfloat16",
    }  # fmt: skip
    assert np.array_equal(arrays["tokens"], tokens)
    assert np.array_equal(bits(arrays["b"]), bits(floats[1].astype(KINDS["bfloat16"])))


def test_an_error_in_a_later_batch_leaves_no_file(tmp_path: Path) -> None:
    x, model = blobs(9000)[0], chain(activation="relu")
    x[8990] = 1e6
    key, halves = made(model, "float16")
    with pytest.raises(ZooError) as caught:
        FeatureCache(tmp_path, "tensorflow").features(key, halves, {"train": of(x)})
    assert caught.value.message.startswith("the features hidden2 are as large as ")
    assert caught.value.message.endswith("; float16 ends at 65,504")
    assert caught.value.hint == "store them in a type that holds them: --cache-dtype bfloat16"
    assert stored(tmp_path) == []
    key, _ = made(model, "bfloat16")
    assert FeatureCache(tmp_path, "tensorflow").features(key, halves, {"train": of(x)}).extracted == 9000


# Training


def trained(arrays: np.ndarray, y: np.ndarray, epochs: int = 4) -> tuple[Fitted, list[np.ndarray], Any]:
    model = chain(outputs=3)
    how = Training(epochs=epochs, patience=epochs, batch_size=16, lr=0.01)
    splits = {"train": Features((arrays[100:],), y[100:]), "valid": Features((arrays[:100],), y[:100])}
    fitted = fit(model, splits, how, Target("class", ("a", "b", "c")), lr=how.lr, seed=1)
    return fitted, model.get_weights(), model


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("epochs", [4, 300])
def test_training_on_16_bits_is_training_on_the_same_numbers_in_32(dtype: str, epochs: int) -> None:
    """Also where XLA compiles the loop, from 6,000 steps on."""
    x, y = blobs(500)
    narrow = x.astype(KINDS[dtype])
    (fitted, weights, model), (exact, expected, _) = trained(narrow, y, epochs), trained(widened(narrow), y, epochs)
    assert [epoch.valid_loss for epoch in fitted.epochs] == [epoch.valid_loss for epoch in exact.epochs]
    assert all(np.array_equal(a, b) for a, b in zip(weights, expected, strict=True))
    assert np.allclose(outputs(model, narrow), outputs(model, widened(narrow)), atol=1e-6)
    plain, _, _ = trained(x, y, epochs)
    assert fitted.epochs[3].valid_loss == pytest.approx(plain.epochs[3].valid_loss, rel=0.02)


@pytest.mark.parametrize("dtype", HALVES)
def test_streamed_features_are_the_same_ones(tmp_path: Path, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = blobs(500)
    narrow = x.astype(KINDS[dtype])
    (tmp_path / "x").write_bytes(narrow.tobytes())
    mapped = np.memmap(tmp_path / "x", narrow.dtype, "r", shape=narrow.shape)
    expected = trained(narrow, y)[1]
    monkeypatch.setattr(transfer.spilled, "IN_MEMORY", 100)
    assert all(np.array_equal(a, b) for a, b in zip(trained(mapped, y)[1], expected, strict=True))


@pytest.mark.parametrize("dtype", HALVES)
def test_samples_that_are_no_numbers_are_counted(dtype: str) -> None:
    x, y = blobs(300)
    x[120:123, 2] = np.nan
    with pytest.raises(DivergenceError, match="what the trained layers read is no finite number in 3 of 200 train"):
        trained(x.astype(KINDS[dtype]), y)


# The option


def test_a_transfer_takes_the_choice_and_repeats_it(data_file: Path, zoo_home: Path, zoo_command: Any) -> None:
    from zoo.report import command

    line = [
        "transfer",
        "mnist-dnn",
        "--reuse",
        "hidden[12]",
        "--epochs",
        1,
        "--limit-per-class",
        5,
        "--unfreeze",
        "none",
    ]
    document = zoo_command(*line, "--cache-dtype", "bfloat16", "--json")
    assert document["cache"]["extracted"] > 0
    shown = zoo_command("cache", "list")
    assert shown.splitlines()[0].split() == ["KEY", "CUT", "DTYPE", "SAMPLES", "SIZE", "WRITTEN", "USED", "NOTE"]
    assert "bfloat16" in shown
    run = zoo.transfer(
        "mnist-dnn", reuse="hidden[12]", epochs=1, limit_per_class=5, unfreeze="none", cache_dtype="bfloat16"
    )
    assert run.result.cache.extracted == 0
    assert "--cache-dtype bfloat16" in command(run.folder.plan)
    assert run.folder.plan.cache_dtype == "bfloat16"
    assert "--cache-dtype" not in command(replace(run.folder.plan, cache_dtype="float32"))


def test_search_depth_fills_the_cache_in_the_type_that_its_next_command_reads(zoo_home: Path, zoo_command: Any) -> None:
    document = zoo_command(
        "search-depth", "mnist-dnn", "--epochs", 1, "--limit-per-class", 5, "--cache-dtype", "float16", "--json"
    )
    assert "--cache-dtype float16" in document["next"]
    assert {entry.parts["dtype"] for entry in entries(zoo_home / "cache")} == {"float16"}


def test_a_plan_without_the_choice_is_of_float32() -> None:
    assert Plan("m", "d", "hidden1").cache_dtype == "float32"
    assert layer_of(chain(), "hidden1").dtype == "float32", "what the tests above round is float32"
