from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import blobs, chain
from nets import WIDTH, build

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.backbone import describe, layer_of
from transfer.cache import FeatureCache, Key, key_of
from transfer.cache_files import entries, read
from transfer.features import Features
from transfer.graph import closed
from transfer.split import Halves, split

BELOW = ("X", "hidden1", "hidden2")


def inputs() -> dict[str, Features]:
    splits = {name: blobs(n, seed=n) for name, n in (("train", 50), ("valid", 20))}
    return {name: Features((x,), y) for name, (x, y) in splits.items()}


def made(model: Any, fingerprint: str = "data", how: Preprocessing | None = None) -> tuple[Key, Halves]:
    halves = split(model, BELOW)
    return key_of(model, BELOW, halves, how, fingerprint), halves


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def test_features_are_the_trunks_outputs_and_the_second_time_they_lie_there(cache: FeatureCache) -> None:
    model, splits = chain(), inputs()
    key, halves = made(model)
    stages: list[str] = []
    watch = lambda stage, done, total, note="": stages.append(stage)  # noqa: E731
    first = cache.features(key, halves, splits, watch=watch)
    second = cache.features(key, halves, splits, watch=watch)
    assert (first.hit, second.hit) == (False, True)
    assert stages == ["extract, train", "extract, valid"], "the second call extracts nothing"
    for name, split_ in splits.items():
        expected = halves.trunk(split_.arrays[0])
        for cached in (first, second):
            assert np.allclose(cached.splits[name].arrays[0], expected, atol=1e-6)
            assert np.array_equal(cached.splits[name].labels, split_.labels)
    assert isinstance(second.splits["train"].arrays[0], np.memmap)


def test_the_file_says_what_it_is(cache: FeatureCache) -> None:
    key, halves = made(chain())
    cache.features(key, halves, inputs())
    with h5py.File(cache.path(key)) as file:
        assert (file.attrs["format"], file.attrs["version"], file.attrs["key"]) == ("zoo-features", 1, key.digest)
        assert {"trunk", "cut", "preprocessing", "data", "dtype", "views"} <= set(file.attrs)
        group = file["train"]
        assert (group["0"].dtype, group["0"].shape, group["0"].chunks) == (np.float32, (50, 6), None)
        assert group["0"].attrs["scope"] == "hidden2"
        assert group["rows"][:].tolist() == list(range(50))
    (entry,) = entries(cache.root)
    assert (entry.key, entry.samples) == (key.digest, {"train": 50, "valid": 20})


def test_a_cut_of_several_tensors_has_a_dataset_each(cache: FeatureCache) -> None:
    model = build([("dense", (0,)), ("dense", (1,)), ("dense", (2,)), ("add", (1, 3))])
    below = closed(describe(model), {"block/l1", "block/l2"})
    halves = split(model, below)
    x = np.random.default_rng(0).normal(size=(9, WIDTH)).astype(np.float32)
    splits = {"train": Features((x,), np.zeros(9, np.int64))}
    features = cache.features(key_of(model, below, halves, None, "d"), halves, splits).splits["train"]
    assert len(features.arrays) == 2
    assert np.allclose(halves.tail(list(features.arrays)), model(x), atol=1e-6)


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
        made(chain(), fingerprint="other"),
        made(chain(), how=Preprocessing((8,))),
    ]
    digests = {key.digest for key, _ in keys}
    model = chain()
    digests.add(key_of(model, ("X", "hidden1"), split(model, ("X", "hidden1")), None, "data").digest)
    assert len(digests) == 6


def test_the_key_ignores_what_features_do_not_depend_on() -> None:
    plain, above, frozen = chain(), chain(), chain()
    layer_of(above, "outputs").set_weights([weight * 0 for weight in layer_of(above, "outputs").get_weights()])
    layer_of(frozen, "hidden1").trainable = False
    assert len({made(model)[0].digest for model in (plain, above, frozen)}) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupted_extraction_leaves_nothing(cache: FeatureCache, error: Any) -> None:
    key, halves = made(chain())

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        raise error

    with pytest.raises((KeyboardInterrupt, ZooError)) as caught:
        cache.features(key, halves, inputs(), watch=stop)
    assert not list(cache.root.iterdir())
    if isinstance(error, OSError):
        assert "cannot write the feature cache" in str(caught.value)
        assert "No space left on device" in str(caught.value)


def test_a_broken_file_says_what_to_do(cache: FeatureCache) -> None:
    key, halves = made(chain())
    cache.features(key, halves, inputs())
    path = cache.path(key)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ZooError, match="is broken") as caught:
        cache.features(key, halves, inputs())
    assert caught.value.hint == f"remove it; it is made again: rm {path}"
    with pytest.raises(ZooError, match="is broken"):
        entries(cache.root)
    path.unlink()
    cache.features(key, halves, inputs())
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 99
    with pytest.raises(ZooError, match="its version or key is another"):
        read(path)
    with h5py.File(path, "w") as file:
        file["x"] = [1]
    with pytest.raises(ZooError, match="it is no feature file"):
        read(path)


def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    key, halves = made(chain())
    with pytest.raises(ZooError, match="cannot create the folder"):
        FeatureCache(tmp_path / "file" / "cache").features(key, halves, inputs())
