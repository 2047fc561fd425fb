"""Preprocessing as a model's first layers: published, opened by plain Keras with raw samples, and taken off again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import chain
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import WIDTH, build_joined, joined_specs

import zoo
from registry.card import Lineage, Preprocessing, TensorSpec
from registry.errors import ZooError
from registry.home import Home
from registry.shelf import Shelf
from registry.spot import Spot
from transfer.backbone import describe, input_specs
from transfer.draft import draft
from transfer.importers.keras_file import read
from transfer.prepare import prepare
from transfer.raw_model import prepared_inputs, with_preprocessing, without_preprocessing
from zoo.front_matter import Facts
from zoo.publishing import Importable

Zoo = Callable[..., Any]
TORCH = Preprocessing((12, 10, 3), "uint8", (0.02, 0.03, 0.04), (-2.0, -1.5, -1.0), "rgb")
PLAIN = """
import sys, keras, numpy as np
for place in sys.argv[1:]:
    model = keras.saving.load_model(f"{place}/model.keras", safe_mode=True)
    np.save(f"{place}.outputs.npy", model.predict(np.load(f"{place}.raw.npy"), verbose=0))
assert not {"zoo", "registry", "transfer"} & set(sys.modules)
"""


def conv(shape: tuple[int | None, ...] = (12, 10, 3), outputs: int = 4) -> Any:
    layers = keras.layers
    keras.utils.set_random_seed(1)
    image = keras.Input(shape, name="image")
    hidden = layers.BatchNormalization(name="block>bn")(layers.Conv2D(4, 3, name="block>conv")(image))
    pooled = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="block>relu")(hidden))
    return keras.Model(image, layers.Dense(outputs, name="head")(pooled), name="net")


@settings(max_examples=15, deadline=None)
@given(joined_specs(), st.sampled_from(["float", "whole"]))
def test_on_and_off_are_inverse(spec: list[tuple[str, tuple[int, ...]]], kind: str) -> None:
    model = build_joined(spec)
    before = describe(model), input_specs(model)
    how = Preprocessing((WIDTH,), "uint8", 0.25 if kind == "whole" else 0.3, -1.0)
    assert prepared_inputs(model, how) == ("a", "b")
    whole = with_preprocessing(model, how)
    assert [f"{one.name} {one.dtype}" for one in input_specs(whole)] == ["a uint8", "b uint8", "tokens int32"]
    draws = np.random.default_rng(0)
    a, b = (draws.integers(0, 256, (3, WIDTH), np.uint8) for _ in "ab")
    tokens = np.zeros((3, 1), np.int32)
    expected = model([prepare(a, (WIDTH,), how), prepare(b, (WIDTH,), how), tokens]).numpy()
    assert np.array_equal(whole([a, b, tokens]), expected)
    bare = without_preprocessing(whole, how, before[1])
    for one in (model, bare):
        assert (describe(one), input_specs(one)) == before
    assert np.array_equal(bare([prepare(a, (WIDTH,), how), prepare(b, (WIDTH,), how), tokens]), expected)


def test_a_model_of_open_sizes_stays_one(tmp_path: Path) -> None:
    model, how = conv((None, None, 3)), replace(TORCH, resize="crop", channels="bgr")
    whole = with_preprocessing(model, how)
    assert whole.input.shape == (None, None, None, 3)
    for made in (model, whole):
        made.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    assert without_preprocessing(again, how).input.shape == (None, 12, 10, 3)
    bare = without_preprocessing(again, how, input_specs(model))
    assert (describe(bare), input_specs(bare)) == (describe(model), input_specs(model))
    bare.save(tmp_path / "bare.keras")
    x = np.random.default_rng(0).random((2, 20, 30, 3), np.float32)
    assert np.array_equal(keras.saving.load_model(tmp_path / "bare.keras")(x), model(x))


@pytest.mark.parametrize(
    ("model", "how"),
    [
        (lambda: conv(), None),
        (lambda: conv(), Preprocessing((12, 10, 3), "float32")),
        (lambda: conv(), Preprocessing((9, 9, 3))),
        (lambda: build_joined([]), Preprocessing((WIDTH, 1))),
        (lambda: with_preprocessing(conv(), TORCH), Preprocessing((12, 10, 3), scale=2.0)),
        (lambda: keras.Model(one := keras.Input(batch_shape=(2, 4)), keras.layers.Dense(1)(one)), Preprocessing((4,))),
    ],
    ids=["unknown", "raw floats", "another shape", "one of several inputs by another shape", "twice", "fixed batch"],
)
def test_where_it_cannot_be_put_in_front_it_stays_outside(
    model: Callable[[], Any], how: Preprocessing | None, tmp_path: Path
) -> None:
    made = model()
    assert prepared_inputs(made, how) == ()
    if how is not None:
        with pytest.raises(ZooError, match="cannot be put in front of the model"):
            with_preprocessing(made, how)


def published(model: Any, name: str, folder: Path, how: Preprocessing, **fields: Any) -> Any:
    """Publish a model to this test's catalogue."""
    folder.mkdir()
    samples = np.random.default_rng(0).random((4, *(size or 8 for size in model.input.shape[1:])), np.float32)
    card = replace(draft(model, folder / "model.keras", samples, preprocessing=how, **fields), name=name)
    return Shelf().publish(card, folder, Spot(name))


GREY = Preprocessing((8,), "uint8", 1 / 255)
CASES = {
    "dense": (chain, GREY, (8,)),
    "flat-grey": (chain, Preprocessing((4, 2), "uint8", 1 / 16, -7.0, resize="pad"), (9, 14, 1)),
    "per-channel": (conv, replace(TORCH, offset=(-2, -1, 0)), (12, 10, 3)),
    "bgr-crop": (conv, replace(TORCH, channels="bgr", resize="crop"), (31, 40, 3)),
    "bicubic-stretch": (conv, replace(TORCH, resize="stretch", interpolation="bicubic"), (7, 50, 3)),
    "open-pad": (lambda: conv((None, None, 3)), replace(TORCH, resize="pad", scale=0.01, offset=-1.0), (31, 40, 3)),
}  # fmt: skip


def test_plain_keras_and_zoo_say_the_same_of_raw_samples(zoo_command: Zoo, zoo_home: Path, tmp_path: Path) -> None:
    places = []
    for name, (model, how, shape) in CASES.items():
        found = published(model(), name, tmp_path / name, how)
        assert found.card.preprocessing.embedded and not zoo.load(name).preprocessing.embedded
        assert zoo.load(name).layers == found.card.layers and found.card.inputs[0].dtype == "float32"
        np.save(tmp_path / f"{name}.raw.npy", np.random.default_rng(1).integers(0, 256, (5, *shape), np.uint8))
        places.append(str(tmp_path / name))
    done = subprocess.run([sys.executable, "-P", "-c", PLAIN, *places], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for name in CASES:
        zoo_command("predict", name, "--input", tmp_path / f"{name}.raw.npy", "--output", tmp_path / "zoo.npy")
        expected, got = np.load(tmp_path / "zoo.npy"), np.load(tmp_path / f"{name}.outputs.npy")
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6, err_msg=name)
    assert zoo_command("verify", "--json")["ok"]


def test_what_is_published_is_reused_exported_and_published_again(zoo_command: Zoo, tmp_path: Path) -> None:
    published(conv(), "net", tmp_path / "net", replace(TORCH, resize="crop"))
    shown = zoo_command("layers", "net")
    assert "preprocess" not in shown and "block/conv" in shown
    draws = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = (draws.integers(0, 60, (60, 12, 10, 3)) + 60 * y[:, None, None, None]).astype(np.uint8)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    words = ("--data", tmp_path / "d.npz", "--reuse", "block", "--epochs", "2", "--no-compare-scratch", "-q")
    zoo_command("transfer", "net", *words, "--publish-as", "again")
    made = zoo.show("again")
    assert made.card.preprocessing == replace(TORCH, resize="crop", embedded=True)
    folder = Shelf().folder(made)
    zoo_command("evaluate", "again", "--data", tmp_path / "d.npz")
    raw = draws.integers(0, 256, (3, 40, 20, 3), np.uint8)
    plain = keras.saving.load_model(folder / "model.keras", compile=False)
    np.testing.assert_allclose(plain.predict(raw, verbose=0), zoo.predict("again", raw), rtol=1e-6, atol=1e-6)
    zoo_command("export", "again", "--to", "keras", "--output", tmp_path / "x.keras")
    assert keras.saving.load_model(tmp_path / "x.keras").input.shape == (None, 12, 10, 3)
    assert zoo_command("verify", "--json")["ok"]


def test_a_keras_file_that_is_kept_as_it_came_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    conv().save(path)
    imported = replace(read(path, compare=False), preprocessing=TORCH)
    lineage, facts = Lineage("m.keras"), Facts()
    for name, kept in (("kept", path), ("written", None)):
        model = Importable(imported, Spot(name), lineage, facts, kept=kept).commit()
        assert model.card.preprocessing == replace(TORCH, embedded=kept is None)
        stored = (Shelf().folder(model) / "model.keras").read_bytes()
        assert (stored == path.read_bytes()) == (kept is not None)
        assert zoo.load(name).layers == model.card.layers


@pytest.mark.parametrize("kind", ["none", "from two inputs", "read beside it", "another factor", "one more layer"])
def test_a_file_that_does_not_begin_as_its_card_says_is_refused(kind: str, zoo_home: Path, tmp_path: Path) -> None:
    layers = keras.layers
    one, other = keras.Input((4,), name="one"), keras.Input((4,), name="other")
    if kind == "none":
        model = keras.Model(one, layers.Dense(1, name="d")(one))
    elif kind == "from two inputs":
        model = keras.Model([one, other], layers.Dense(1, name="d")(layers.Add(name="preprocess>add")([one, other])))
    elif kind == "another factor":
        model = with_preprocessing(keras.Model(one, layers.Dense(1, name="d")(one)), Preprocessing((4,), scale=2.0))
    elif kind == "one more layer":
        made = layers.Rescaling(1.0, name="preprocess>scale", dtype="float32")(one)
        model = keras.Model(one, layers.Dense(1, name="d")(layers.ReLU(name="preprocess>relu")(made)))
    else:
        made = layers.Rescaling(2.0, name="preprocess>scale")(one)
        model = keras.Model(one, layers.Dense(1, name="d")(layers.Concatenate(name="c")([made, one])))
    folder = tmp_path / "net"
    folder.mkdir()
    card = draft(model, folder / "model.keras", [np.zeros((2, 4), np.float32)] * len(model.inputs))
    how = Preprocessing((4,), embedded=True)
    Shelf(Home(zoo_home)).publish(replace(card, name="net", preprocessing=how, tests=""), folder, Spot("net"))
    with pytest.raises(
        ZooError, match="its card says that the file begins with the preprocessing; its layers preprocess/"
    ) as caught:
        zoo.load("net")
    assert "zoo import FILE --as NAME --preprocess" in caught.value.hint


def test_the_card_speaks_of_the_model_without_it(tmp_path: Path) -> None:
    model = conv()
    card = draft(model, tmp_path / "model.keras", np.zeros((2, 12, 10, 3), np.float32), preprocessing=TORCH)
    assert card.inputs == (TensorSpec("image", (None, 12, 10, 3)),)
    assert card.layers == describe(model)
    again = draft(model, tmp_path / "a.keras", np.zeros((2, 12, 10, 3), np.float32), preprocessing=TORCH, embed=False)
    assert again == replace(card, weights="a.keras", preprocessing=TORCH)
