"""Engines: what they compute is what TensorFlow computes, and how one is chosen."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import skewed_engine
from conftest import chain
from nets import WIDTH, build_joined
from test_graph_layer import made as graph_layer

import zoo
from registry.errors import ZooError
from transfer.backbone import joined, layer_of
from transfer.cache import FeatureCache
from transfer.cache_files import BLOCK, read, shards_in
from transfer.cache_keys import key_of
from transfer.cache_upkeep import prune
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.samples import ArraySamples
from transfer.engines import choosing, table
from transfer.engines.choice import LARGEST_BATCH, Choice
from transfer.engines.choosing import Trial
from transfer.engines.extractor import Extractor
from transfer.engines.remembered import FOLDER, KEPT, place, recall, remember
from transfer.engines.running import CLOSE
from transfer.engines.table import BACKENDS, NAMES, Backend, backend_of
from transfer.extract import passed
from transfer.features import Inputs
from transfer.feeding import Sliced
from transfer.inputs import ModelInput
from transfer.split import split

OTHERS = [backend for backend in BACKENDS if backend.extra]
MANY = 10**9  # samples, for which any engine pays
SKEWED = Backend("skewed", "Skewed", "skewed_engine", (("numpy", "numpy"),), "skewed")


def draws(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def dense() -> tuple[Any, tuple[np.ndarray, ...]]:
    model = chain()
    return joined(model.inputs, [layer_of(model, "hidden3").output]), (draws(7, 8),)


def convolutional(side: int | None = 12) -> tuple[Any, tuple[np.ndarray, ...]]:
    """Two cuts, one of them maps, and one of them twice."""
    keras.utils.set_random_seed(0)
    image = tensor = keras.Input((side, side, 3), name="image")
    tensor = keras.layers.Conv2D(5, 3, padding="same", name="conv1")(tensor)
    first = keras.layers.ReLU(6, name="relu1")(keras.layers.BatchNormalization(name="norm1")(tensor))
    second = keras.layers.DepthwiseConv2D(3, strides=2, name="conv2")(first)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(second)
    return keras.Model(image, [first, pooled, first]), (draws(7, 12, 12, 3),)


def of_any_size() -> tuple[Any, tuple[np.ndarray, ...]]:
    return convolutional(None)


def several_inputs() -> tuple[Any, tuple[np.ndarray, ...]]:
    """Whole numbers and an input go through as they are, and one input is not read by anything that is made."""
    model = build_joined([("dense", (0,)), ("dense", (1,))])
    a, b, tokens = model.inputs
    made = [layer_of(model, "block/l1").output, layer_of(model, "flat").output]
    return keras.Model([a, b, tokens], [tokens, *made, b]), (
        draws(7, WIDTH),
        draws(7, WIDTH),
        np.arange(7)[:, None] % 7,
    )


TRUNKS = [dense, convolutional, of_any_size, several_inputs]


def sliced(model: Any, arrays: tuple[np.ndarray, ...]) -> Sliced:
    return Sliced(tuple(array.astype(tensor.dtype) for array, tensor in zip(arrays, model.inputs, strict=True)))


@pytest.mark.parametrize("backend", OTHERS, ids=lambda backend: backend.name)
@pytest.mark.parametrize("trunk", TRUNKS)
def test_engines_agree_with_tensorflow_in_batches_of_any_size(
    backend: Backend, trunk: Callable[[], tuple[Any, tuple[np.ndarray, ...]]]
) -> None:
    model, arrays = trunk()
    feed = sliced(model, arrays)
    plain, other = backend_of("tensorflow").build(model, feed), backend.build(model, feed)
    for rows in (slice(4), slice(4, 7), slice(0, 1), slice(7)):
        batch = next(feed.blocks(np.arange(7)[rows], 7))[1]
        expected, got = plain(batch), other(batch)
        assert [array.shape for array in got] == [array.shape for array in expected]
        assert [array.dtype for array in got] == [array.dtype for array in expected]
        for ours, theirs in zip(got, expected, strict=True):
            assert np.allclose(ours, theirs, rtol=0, atol=1e-5 * max(1.0, float(np.abs(theirs).max())))


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_several_batches_at_once_are_the_same_batches(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_THREADS", "4")
    model, (x,) = convolutional()[0], (draws(203, 12, 12, 3),)
    engine, seen = backend.build(model, Sliced((x,))), list[int]()
    found = list(
        passed(engine, 16, Sliced((x,)), np.arange(203), watch=lambda stage, done, total, note="": seen.append(done))
    )
    assert seen == [*range(16, 203, 16), 203]
    for number, batch in enumerate(found):
        alone = engine((x[16 * number : 16 * number + 16],))
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(batch, alone, strict=True)), "bit by bit"
    assert sum(len(batch[0]) for batch in found) == 203
    together = list(passed(engine, 16, Sliced((x,)), np.arange(203), together=3))
    assert [len(batch[0]) for batch in together] == [48, 48, 48, 48, 11]
    for output in range(3):
        whole = np.concatenate([batch[output] for batch in together])
        assert np.array_equal(whole, np.concatenate([batch[output] for batch in found])), "bit by bit"


def test_a_batch_divides_a_block_of_the_cache() -> None:
    assert BLOCK % LARGEST_BATCH == 0 and LARGEST_BATCH & (LARGEST_BATCH - 1) == 0


def trial(model: Any, arrays: tuple[np.ndarray, ...], total: int = MANY) -> Trial:
    feed = sliced(model, arrays)
    return Trial(model, feed, next(feed.blocks(np.arange(7), 7))[1], 8, total)


def only(monkeypatch: pytest.MonkeyPatch, *backends: Backend) -> None:
    """Let there be no other engines beside TensorFlow."""
    for module in (choosing, table):
        monkeypatch.setattr(module, "BACKENDS", (backend_of("tensorflow"), *backends))


def strange() -> tuple[Any, tuple[np.ndarray, ...]]:
    """A trunk with a layer that ONNX has no rule for."""
    source = keras.Input((3,), name="x")
    return keras.Model(source, graph_layer()(source)), (draws(7, 3),)


def test_auto_takes_what_is_fastest_and_says_so() -> None:
    engine, choice = trial(*convolutional()).choose("auto")
    assert choice.backend in NAMES and choice.batch <= 4
    if choice.backend == "tensorflow":
        assert "is no faster on the first batch" in choice.said and choice.said.endswith(": TensorFlow is used")
    else:
        assert choice.said.startswith(f"extraction: {engine.name}, ")
        assert "times TensorFlow on the first batch" in choice.said


def test_an_engine_that_differs_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, SKEWED)
    engine, choice = trial(*dense()).choose("auto")
    assert (engine.name, choice.backend) == ("TensorFlow", "tensorflow")
    assert choice.said == "extraction: Skewed 1.0 differs by 0.003 on the first batch: TensorFlow is used"
    with pytest.raises(ZooError) as caught:
        trial(*dense()).choose("skewed")
    assert caught.value.message == "Skewed 1.0 differs by 0.003 on the first batch; at most 0.0001 is accepted"
    assert caught.value.hint == "let it be chosen: --backend auto"


def test_an_engine_that_lacks_a_layer_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = backend_of("onnx")
    only(monkeypatch, onnx)
    model, arrays = strange()
    _, choice = trial(model, arrays).choose("auto")
    assert choice.backend == "tensorflow"
    assert choice.said == (
        "extraction: the model cannot be written as ONNX: there is no rule for norm (GraphLayer): TensorFlow is used"
    )
    with pytest.raises(ZooError, match=r"there is no rule for norm \(GraphLayer\)"):
        trial(model, arrays).choose("onnx")


def test_an_engine_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    only(monkeypatch, backend_of("onnx"))
    _, choice = trial(*dense()).choose("auto")
    assert choice.said == ("extraction: ONNX Runtime is not installed (pip install 'zoo[onnx]'): TensorFlow is used")
    with pytest.raises(ZooError, match="ONNX Runtime is not installed") as caught:
        trial(*dense()).choose("onnx")
    assert caught.value.hint == "pip install 'zoo[onnx]'"


def test_an_engine_without_room_for_its_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, backend_of("onnx"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    _, choice = trial(*dense()).choose("auto")
    assert choice.backend == "tensorflow"
    assert choice.said == "extraction: ONNX Runtime cannot be made ready: No such file or directory: TensorFlow is used"


def test_a_package_that_another_distribution_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brought_by_another.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert replace(backend_of("onnx"), packages=(("brought_by_another", "none"),)).version == "brought_by_another"


def test_weights_that_are_too_large_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "LARGEST_BYTES", 100)
    only(monkeypatch, backend_of("onnx"))
    _, choice = trial(*dense()).choose("auto")
    assert choice.said.startswith("extraction: ONNX Runtime is not tried, since the weights take 0.0 GB")


def test_little_work_is_left_to_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, SKEWED)  # which would be refused, and spoken of
    assert trial(*dense(), total=8).choose("auto")[1] == Choice("tensorflow", 4)


def test_what_comparing_would_cost_more_than_it_gains_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, SKEWED)  # which costs nothing to make ready
    monkeypatch.setattr(choosing, "QUICK", 0.0)
    assert trial(*dense(), total=20).choose("auto")[1] == Choice("tensorflow", 4)
    assert trial(*dense(), total=1000).choose("auto")[1].said.startswith("extraction: Skewed 1.0 differs by 0.003")


def test_how_far_an_engine_may_differ_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, SKEWED)
    monkeypatch.setattr(skewed_engine, "SHARE", 5e-5)
    assert trial(*dense()).choose("skewed")[1].backend == "skewed", "close enough for features"
    with pytest.raises(ZooError) as caught:
        replace(trial(*dense()), within=CLOSE).choose("skewed")
    assert caught.value.message == "Skewed 1.0 differs by 5e-05 on the first batch; at most 1e-05 is accepted"


def test_parts_of_a_model_are_run_as_was_chosen_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, feed, rows = dense()[0], Sliced((draws(3000, 8),)), np.arange(3000)
    known = Choice("onnx", 32)
    ready = Extractor("auto", tmp_path, 3000, known=known).ready(model, feed, rows, ["trunk"])
    assert (ready.choice, ready.engine.name.split(" 1")[0]) == (known, "ONNX Runtime")
    assert not list(tmp_path.iterdir()), "nothing was chosen"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    ready = Extractor("auto", tmp_path, 3000, known=known).ready(model, feed, rows, ["trunk"])
    assert ready.choice.backend == "tensorflow"


def test_choices_that_nothing_has_used_for_long_go(tmp_path: Path) -> None:
    def kept() -> set[str]:
        return {path.name for path in (tmp_path / FOLDER).iterdir()}

    paths = [place(tmp_path / FOLDER, "auto", [name], 5000) for name in ("old", "recalled", "new")]
    left = tmp_path / FOLDER / "tmp-killed"
    for path in paths:
        remember(path, Choice("onnx", 16))
    left.touch()
    for path in (*paths[:2], left):
        os.utime(path, (time.time() - KEPT - 60,) * 2)
    assert recall(paths[1]) == Choice("onnx", 16), "which counts as its use"
    prune(tmp_path, dry_run=True)
    assert len(kept()) == 4
    prune(tmp_path)
    assert kept() == {path.name for path in paths[1:]}
    prune(tmp_path / "none")


def test_a_few_batches_are_not_timed(tmp_path: Path) -> None:
    model, arrays = dense()
    ready = Extractor("auto", tmp_path, 7).ready(model, sliced(model, arrays), np.arange(7), ["trunk"])
    assert str(ready) == f"TensorFlow, batches of {LARGEST_BATCH}"
    assert not list(tmp_path.iterdir())


def test_a_choice_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, feed = dense()[0], Sliced((draws(3000, 8),))
    rows, total = np.arange(3000), 3000

    def chosen(total: int = total) -> Choice:
        return Extractor("auto", tmp_path, total).ready(model, feed, rows, ["trunk"]).choice

    assert chosen().backend == "tensorflow"
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(b'{"backend":"onnx","batch":32,"said":"extraction: so it was"}')
    assert chosen() == Choice("onnx", 32, "extraction: so it was"), "it is not timed again"
    assert chosen(2500) == chosen(), "about as many samples"
    assert chosen(9000).backend == "tensorflow", "many more samples"
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert chosen().backend == "tensorflow", "what it was made with is gone"
    path.write_bytes(b'{"backend":"onnx","ba')
    monkeypatch.undo()
    assert chosen().backend == "tensorflow"
    assert recall(path) == chosen(), "a broken file is made anew"


@pytest.mark.parametrize(
    "kept",
    [
        b'{"backend":"none","batch":64}',
        b'{"backend":"tensorflow","batch":1000000000}',
        b'{"backend":"onnx","batch":64}',
    ],
)
def test_a_kept_choice_that_cannot_be_made_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bytes
) -> None:
    model, feed, rows = dense()[0], Sliced((draws(3000, 8),)), np.arange(3000)
    Extractor("auto", tmp_path, 3000).ready(model, feed, rows, ["trunk"])
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(kept)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))  # no room for an exported trunk
    choice = Extractor("auto", tmp_path, 3000).ready(model, feed, rows, ["trunk"]).choice
    assert choice.backend == "tensorflow" and choice.batch <= LARGEST_BATCH


def test_the_first_choice_counts(tmp_path: Path) -> None:
    path = place(tmp_path / "engines", "auto", ["trunk"], 5000)
    assert recall(path) is None
    assert remember(path, Choice("onnx", 16)) == Choice("onnx", 16)
    assert remember(path, Choice("litert", 64)) == Choice("onnx", 16), "of another process"
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    (tmp_path / "file").write_text("")
    assert remember(tmp_path / "file" / "a.json", Choice("onnx", 16)) == Choice("onnx", 16), "for this time"


def inputs(x: np.ndarray) -> dict[str, Inputs]:
    feed = ArrayFeed(ArraySamples.of(x, "d.npz"), (ModelInput("X", x.shape[1:]),), None)
    return {"train": Inputs(feed, np.zeros(len(x), np.int64))}


@pytest.mark.parametrize("backend", NAMES)
def test_the_cache_is_filled_by_any_of_them_and_says_by_which(tmp_path: Path, backend: str) -> None:
    model, below = chain(), ("X", "hidden1", "hidden2")
    halves, x = split(model, below), draws(300, 8)
    key, cache = key_of(model, below, halves, ""), FeatureCache(tmp_path, backend)
    found = cache.features(key, halves, inputs(x)).splits["train"].arrays[0]
    assert np.allclose(found, halves.trunk(x), atol=1e-5)
    (path,) = shards_in(cache.path(key))
    with h5py.File(path, "r", locking=False) as file:
        assert file.attrs["engine"].split(",")[0].split()[0] in {"TensorFlow", "ONNX", "LiteRT"}
        assert "batches of " in file.attrs["engine"]
    other = FeatureCache(tmp_path, "tensorflow").features(key, halves, inputs(x))
    assert other.hit, "who made it is not part of the key"


@pytest.mark.parametrize("backend", ["tensorflow", "onnx"])
def test_an_interrupted_extraction_goes_on_with_the_same_batches(tmp_path: Path, backend: str) -> None:
    model, below = chain(units=(64, 64, 64)), ("X", "hidden1", "hidden2")
    halves, x = split(model, below), draws(1500, 8)
    key = key_of(model, below, halves, "")
    whole = FeatureCache(tmp_path / "whole", backend).features(key, halves, inputs(x))

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if done >= 1000:
            raise KeyboardInterrupt

    if (made := tmp_path / "whole" / "engines").exists():  # a choice that was timed anew could be another
        shutil.copytree(made, tmp_path / "other" / "engines")
    cache = FeatureCache(tmp_path / "other", backend)
    with pytest.raises(KeyboardInterrupt):
        cache.features(key, halves, inputs(x), watch=stop)
    rest = cache.features(key, halves, inputs(x))
    assert 0 < rest.extracted < 1500
    assert np.array_equal(rest.splits["train"].arrays[0], whole.splits["train"].arrays[0]), "bit by bit"
    assert len(shards_in(cache.path(key))) >= 1
    assert all(len(read(path).samples) for path in shards_in(cache.path(key)))


def test_a_transfer_takes_the_choice_and_repeats_it(data_file: Path, zoo_home: Path) -> None:
    from zoo.report import command

    run = zoo.transfer("mnist-dnn", reuse="hidden[12]", epochs=1, limit_per_class=5, backend="onnx", unfreeze="none")
    assert "--backend onnx" in command(run.folder.plan)
    paths = list((zoo_home / "cache").glob("*/*.h5"))
    engines = set()
    for path in paths:
        with h5py.File(path, "r", locking=False) as file:
            engines.add(file.attrs["engine"].split(",")[0])
    assert engines and all(name.startswith("ONNX Runtime ") for name in engines)
