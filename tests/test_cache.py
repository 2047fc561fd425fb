from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import blobs, chain
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import WIDTH, build, build_joined

from registry.errors import ZooError
from transfer.backbone import describe, layer_of, model_inputs
from transfer.cache import FeatureCache
from transfer.cache_entries import entries
from transfer.cache_files import Shard, name_of, read, shards_in
from transfer.cache_keys import Key, key_of
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.samples import ArraySamples
from transfer.features import Cached, Inputs
from transfer.graph import closed
from transfer.inputs import ModelInput
from transfer.shards import Shards
from transfer.split import Halves, split

BELOW = ("X", "hidden1", "hidden2")
X, Y = blobs(70)


def of(x: np.ndarray, y: Any = None) -> Inputs:
    """Samples for the small dense net, or another of one input."""
    feed = ArrayFeed(ArraySamples.of(x, "d.npz"), (ModelInput("X", x.shape[1:]),), None)
    return Inputs(feed, np.zeros(len(x), np.int64) if y is None else y)


def inputs() -> dict[str, Inputs]:
    return {"train": of(X[:50], Y[:50]), "valid": of(X[50:], Y[50:])}


def made(model: Any, preparation: str = "as it is") -> tuple[Key, Halves]:
    halves = split(model, BELOW)
    return key_of(model, BELOW, halves, preparation), halves


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


Features = Callable[..., Cached]


@pytest.fixture
def features(cache: FeatureCache) -> Features:
    """Give the small dense net's features of some samples."""
    key, halves = made(chain())
    return lambda samples=None, **options: cache.features(key, halves, samples or inputs(), **options)


def test_features_are_the_trunks_outputs_and_the_second_time_they_lie_there(features: Features) -> None:
    _, halves = made(chain())
    stages: list[str] = []
    watch = lambda stage, done, total, note="": stages.append(stage)  # noqa: E731
    first, second = features(watch=watch), features(watch=watch)
    assert (first.hit, second.hit, first.extracted, second.extracted) == (False, True, 70, 0)
    assert stages == ["extract, train", "extract, valid"], "the second call extracts nothing"
    for name, rows in (("train", slice(50)), ("valid", slice(50, None))):
        expected = halves.trunk(X[rows])
        for cached in (first, second):
            assert np.allclose(cached.splits[name].arrays[0], expected, atol=1e-6)
            assert np.array_equal(cached.splits[name].labels, Y[rows])
    assert isinstance(second.splits["train"].arrays[0], np.memmap)


def test_one_changed_sample_is_extracted_alone(features: Features, cache: FeatureCache) -> None:
    features()
    x = X.copy()
    x[7, 3] += 1
    done: list[tuple[int, int]] = []
    again = features(
        {"train": of(x[:50]), "valid": of(x[50:])}, watch=lambda _, n, total, note="": done.append((n, total))
    )
    assert (again.extracted, done) == (1, [(1, 1)])
    assert np.allclose(again.splits["train"].arrays[0], made(chain())[1].trunk(x[:50]), atol=1e-6)
    assert [entry.samples for entry in entries(cache.root)] == [71], "the old sample's features stay"


def test_labels_order_and_splits_do_not_matter_to_what_is_extracted(features: Features) -> None:
    first = features()
    order = np.random.default_rng(1).permutation(70)
    others = {"train": of(X[order][:20], Y[order][:20] + 5), "valid": of(X[order][20:], np.ones((50, 4), np.float32))}
    other = features(others)
    assert (other.key, other.extracted) == (first.key, 0)
    expected = made(chain())[1].trunk(X[order]).numpy()
    assert np.allclose(np.concatenate([one.arrays[0] for one in other.splits.values()]), expected, atol=1e-6)
    assert np.array_equal(other.splits["train"].labels, Y[order][:20] + 5)


def test_a_sample_that_occurs_twice_is_extracted_once(features: Features, cache: FeatureCache) -> None:
    twice = np.concatenate([X[:5], X[:5]])
    cached = features({"train": of(twice), "valid": of(X[3:6])})
    assert (cached.extracted, entries(cache.root)[0].samples) == (6, 6)
    assert np.array_equal(cached.splits["train"].arrays[0][:5], cached.splits["train"].arrays[0][5:])
    assert np.array_equal(cached.splits["valid"].arrays[0][:2], cached.splits["train"].arrays[0][3:5])


def test_the_file_says_what_it_is(features: Features, cache: FeatureCache) -> None:
    cached, (key, _) = features(), made(chain())
    paths = shards_in(cache.path(key))
    assert [path.name for path in paths] == sorted(name_of(one.feed.digests) for one in inputs().values())
    with h5py.File(cache.path(key) / name_of(inputs()["train"].feed.digests)) as file:
        assert (file.attrs["format"], file.attrs["version"], file.attrs["key"]) == ("zoo-features", 3, key.digest)
        assert {name: file.attrs[name] for name in vars(key)} == vars(key)
        assert (file["0"].dtype, file["0"].shape, file["0"].chunks) == (np.float32, (50, 6), None)
        assert file["0"].attrs["scope"] == "hidden2"
        assert np.array_equal(file["samples"], inputs()["train"].feed.digests)
    (entry,) = entries(cache.root)
    size = sum(path.stat().st_size for path in paths)
    assert (entry.key, entry.samples, entry.files, entry.bytes) == (key.digest, 70, 2, size)
    assert (cached.key, cached.bytes) == (key.digest, size)
    assert (entry.parts["cut"], entry.parts["preparation"]) == ("hidden2", "as it is")


def test_entries_are_the_newest_first(features: Features, cache: FeatureCache) -> None:
    features()
    other = made(chain(), "otherwise")
    cache.features(*other, {"train": of(X[:9])})
    for path in shards_in(cache.path(other[0])):
        os.utime(path, (1, 1))
    assert [(entry.samples, entry.files) for entry in entries(cache.root)] == [(70, 2), (9, 1)]
    (cache.root / "empty").mkdir()
    (cache.root / "digests").mkdir()
    assert len(entries(cache.root)) == 2
    assert entries(cache.root / "none") == []


def test_a_cut_of_several_tensors_has_a_dataset_each(cache: FeatureCache) -> None:
    model = build([("dense", (0,)), ("dense", (1,)), ("dense", (2,)), ("add", (1, 3))])
    below = closed(describe(model), {"block/l1", "block/l2"})
    halves = split(model, below)
    x = np.random.default_rng(0).normal(size=(9, WIDTH)).astype(np.float32)
    splits = {"train": of(x)}
    features = cache.features(key_of(model, below, halves, "as it is"), halves, splits).splits["train"]
    assert len(features.arrays) == 2
    assert np.allclose(halves.tail(list(features.arrays)), model(x), atol=1e-6)


def test_whole_numbers_that_are_read_above_the_cut_stay_whole(cache: FeatureCache) -> None:
    model = build_joined([("dense", (0,)), ("dense", (1,))])
    below = closed(describe(model), {"block/l1"})
    halves = split(model, below)
    x = np.random.default_rng(0).normal(size=(9, 2 * WIDTH)).astype(np.float32)
    arrays = {"a": x[:, :WIDTH], "b": x[:, WIDTH:], "tokens": (np.arange(9) % 7)[:, None]}
    feed = ArrayFeed(ArraySamples.of(arrays, "d.npz"), model_inputs(model), None)
    cached = cache.features(key_of(model, below, halves, ""), halves, {"train": Inputs(feed, np.zeros(9, np.int64))})
    assert {array.dtype for array in cached.splits["train"].arrays} == {np.dtype(np.float32), np.dtype(np.int32)}
    expected = model([arrays["a"], arrays["b"], arrays["tokens"].astype(np.int32)])
    assert np.allclose(halves.tail(list(cached.splits["train"].arrays)), expected, atol=1e-6)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=6), min_size=1, max_size=4), st.data())
def test_shards_are_one_collection_of_samples(held: list[list[int]], data: st.DataObject) -> None:
    def digests(numbers: list[int]) -> np.ndarray:
        found = [hashlib.sha256(bytes([number])).digest() for number in numbers]
        return np.frombuffer(b"".join(found), np.uint8).reshape(-1, 32)

    shards = Shards([Shard(digests(one), (np.array(one, np.float32)[:, None],)) for one in held])
    here = sorted({number for one in held for number in one})
    wanted = data.draw(st.lists(st.sampled_from(here), max_size=12)) if here else []
    assert shards.take(digests(wanted))[0][:, 0].tolist() == wanted
    asked = data.draw(st.lists(st.integers(0, 9), max_size=12))
    missing = {number: asked.index(number) for number in asked if number not in here}
    assert shards.missing(digests(asked)).tolist() == sorted(missing.values())


def changed_weight(model: Any) -> Any:
    kernel, bias = layer_of(model, "hidden1").get_weights()
    kernel[0, 0] = np.nextafter(kernel[0, 0], np.float32(9))
    layer_of(model, "hidden1").set_weights([kernel, bias])
    return model


def test_the_key_covers_all_that_features_depend_on() -> None:
    keys = [
        made(chain()),
        made(changed_weight(chain())),
        made(chain(activation="relu")),
        made(chain(), preparation="scaled"),
    ]
    digests = {key.digest for key, _ in keys}
    model = chain()
    digests.add(key_of(model, ("X", "hidden1"), split(model, ("X", "hidden1")), "as it is").digest)
    assert len(digests) == 5


def test_the_key_ignores_what_features_do_not_depend_on() -> None:
    plain, above, frozen = chain(), chain(), chain()
    layer_of(above, "outputs").set_weights([weight * 0 for weight in layer_of(above, "outputs").get_weights()])
    layer_of(frozen, "hidden1").trainable = False
    assert len({made(model)[0].digest for model in (plain, above, frozen)}) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(5, "Input/output error")])
def test_an_interrupted_extraction_leaves_nothing(features: Features, cache: FeatureCache, error: Any) -> None:
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        raise error

    with pytest.raises((KeyboardInterrupt, OSError)) as caught:
        features(watch=stop)
    assert caught.value is error or isinstance(error, type), "what did not fail while writing is not told as writing"
    assert not [path for path in cache.root.rglob("*") if path.is_file()]
    assert entries(cache.root) == []
    assert features().extracted == 70


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "posix_fallocate"])
def test_a_disk_that_takes_no_more_is_named(
    features: Features, cache: FeatureCache, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(ZooError, match=r"cannot write the feature cache .*: No space left on device") as caught:
            features()
    assert "zoo cache prune" in caught.value.hint
    assert features().extracted in (20, 70), "what is complete but for its name is gone on with"


def test_what_was_extracted_before_an_interruption_is_kept(features: Features) -> None:
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "extract, valid":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        features(watch=stop)
    assert features().extracted == 20


def test_an_extraction_goes_on_after_the_last_complete_block(features: Features, cache: FeatureCache) -> None:
    x = np.random.default_rng(5).normal(size=(30_000, X.shape[1])).astype(np.float32)

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if total // 2 < done < total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        features({"train": of(x)}, watch=stop)
    (left,) = entries(cache.root)
    assert left.state == "part"
    assert left.samples >= 256
    again = features({"train": of(x)})
    assert again.extracted == 30_000 - left.samples
    assert [(entry.state, entry.files, entry.samples) for entry in entries(cache.root)] == [("whole", 1, 30_000)]
    assert isinstance(again.splits["train"].arrays[0], np.memmap), "it is one file, and is not copied"
    assert np.allclose(again.splits["train"].arrays[0], made(chain())[1].trunk(x), atol=1e-5)


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import chain
from test_cache import made, many, of
from transfer.cache import FeatureCache

def slowly(stage, done, total, note=""):
    print(done, flush=True)
    time.sleep(0.2)

FeatureCache(Path({root!r})).features(*made(chain()), {{"train": of(many())}}, watch=slowly)
"""


def many() -> np.ndarray:
    return np.random.default_rng(6).normal(size=(60_000, X.shape[1])).astype(np.float32)


def test_an_extraction_that_is_killed_is_gone_on_with(features: Features, cache: FeatureCache) -> None:
    code = KILLED.format(tests=str(Path(__file__).parent), root=str(cache.root))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = 0
        while seen < 20_000:
            seen = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    (left,) = entries(cache.root)
    again = features({"train": of(many())})
    assert left.state == "part"
    assert 0 < again.extracted == 60_000 - left.samples < 60_000
    assert [(entry.state, entry.files, entry.samples) for entry in entries(cache.root)] == [("whole", 1, 60_000)]
    assert np.allclose(again.splits["train"].arrays[0], made(chain())[1].trunk(many()), atol=1e-5)


def test_a_broken_sample_leaves_nothing(features: Features, cache: FeatureCache) -> None:
    x = X.copy()
    x[3, 3] = np.inf
    with pytest.raises(ZooError, match=r"d\.npz, row 3"):
        features({"train": of(x)})
    assert not [path for path in cache.root.rglob("*") if path.is_file()]


def test_a_broken_file_says_what_to_do(features: Features, cache: FeatureCache) -> None:
    features()
    path = shards_in(cache.path(made(chain())[0]))[0]
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ZooError, match="is broken") as caught:
        features()
    assert caught.value.hint == f"remove it; it is made again: rm {path}"
    assert [entry.state for entry in entries(cache.root)] == ["broken"], "a list of what is there shows it"
    path.unlink()
    assert features().extracted in (20, 50), "only what lay in that file is made again"


SPOILT: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "version": (lambda file: file.attrs.__setitem__("version", 99), "its version or key is another"),
    "key": (lambda file: file.attrs.__setitem__("key", "0" * 64), "its version or key is another"),
    "format": (lambda file: file.attrs.__delitem__("format"), "it is no feature file"),
    "no samples": (lambda file: file.__delitem__("samples"), "samples"),
    "a folder": (lambda file: replace(file, "0", lambda: file.create_group("0")), "/0 holds no numbers"),
    "words": (lambda file: replace(file, "0", lambda: file.create_dataset("0", data=["a"])), "/0 holds no numbers"),
    "no features": (lambda file: file.__delitem__("0"), "it holds no features"),
    "fewer samples": (
        lambda file: replace_samples(file, file["samples"][:-1]),
        "it has samples (49, 32) uint8 and features (50, 6)",
    ),
    "other digests": (
        lambda file: replace_samples(file, file["samples"][:, :9]),
        "it has samples (50, 9) uint8 and features (50, 6)",
    ),
}


def replace(file: h5py.File, name: str, make: Callable[[], Any]) -> None:
    del file[name]
    make()


def replace_samples(file: h5py.File, samples: np.ndarray) -> None:
    del file["samples"]
    file["samples"] = samples


@pytest.mark.parametrize("name", SPOILT)
def test_files_that_are_none_of_the_keys(features: Features, cache: FeatureCache, name: str) -> None:
    features()
    spoil, message = SPOILT[name]
    path = cache.path(made(chain())[0]) / name_of(inputs()["train"].feed.digests)
    with h5py.File(path, "a") as file:
        spoil(file)
    with pytest.raises(ZooError, match="is broken") as caught:
        read(path)
    assert message in caught.value.message
    with pytest.raises(ZooError, match="is broken"):
        features()


def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    key, halves = made(chain())
    with pytest.raises(ZooError, match="cannot create the folder"):
        FeatureCache(tmp_path / "file" / "cache").features(key, halves, inputs())
