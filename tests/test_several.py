"""Models with several inputs and outputs, through every command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs
from nets import build_joined

import zoo
from registry.model import Model
from registry.shelf import Shelf
from registry.spot import Spot

Zoo = Callable[..., Any]
SPEC = [("dense", (0,)), ("dense", (1,)), ("add", (3, 4)), ("lstm", (5,))]
QUICK = ("--epochs", "4", "--batch-size", "16", "--lr", "0.02", "--dropout", "0")


def arrays(n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Draw samples for the inputs `a`, `b` and `tokens`, and their classes."""
    x, y = blobs(n, width=10, seed=seed)
    return {"a": x[:, :5], "b": x[:, 5:], "tokens": (y[:, None] * 2).astype(np.int64)}, y


@pytest.fixture
def data(tmp_path: Path) -> Path:
    held: dict[str, np.ndarray] = {}
    for number, (name, n) in enumerate({"train": 60, "valid": 30, "test": 45}.items()):
        x, held[f"y_{name}"] = arrays(n, number)
        held |= {f"x_{name}.{key}": array for key, array in x.items()}
    np.savez(tmp_path / "data.npz", **held)
    return tmp_path / "data.npz"


def publish(folder: Path, outputs: tuple[int, ...] = (4, 2), name: str = "net") -> Model:
    from transfer.backbone import functional
    from transfer.draft import draft
    from transfer.samples import random_inputs

    folder.mkdir()
    model = functional(build_joined(SPEC, outputs))
    return Shelf().publish(draft(model, folder / "model.keras", random_inputs(model)), folder, Spot(name))


@pytest.fixture
def net(tmp_path: Path) -> Model:
    return publish(tmp_path / "net")


@pytest.mark.usefixtures("net")
def test_show_and_layers_name_every_input_and_output(zoo_command: Zoo) -> None:
    shown = zoo_command("show", "net")
    assert "a (?, 5) float32; b (?, 5) float32; tokens (?, 1) int32" in shown
    assert "head0 (?, 4) float32; head1 (?, 2) float32" in shown
    page = zoo_command("layers", "net", "--reuse", "block/l[12]")
    assert "tokens" in page.splitlines()[-1].split("cut after")[1], "an input that is read above the cut is part of it"


@pytest.mark.usefixtures("net")
def test_a_transfer_cuts_in_the_middle(zoo_command: Zoo, data: Path) -> None:
    choices = ("transfer", "net", "--data", data, "--reuse", "block/l[12]", *QUICK, "--json")
    first = zoo_command(*choices, "--top", "8", "--publish-as", "mine")
    assert first["phases"][0]["cut"] == ["merged"], "the top stands on both reused layers"
    card = zoo_command("show", "mine", "--json")
    assert [spec["name"] for spec in card["inputs"]] == ["a", "b"], "tokens feed nothing that is kept"
    assert [spec["name"] for spec in card["outputs"]] == ["outputs"]
    again = zoo_command(*choices, "--top", "8")
    uncached = zoo_command(*choices, "--top", "8", "--no-cache")
    losses = [[phase["valid_loss"] for phase in one["phases"]] for one in (first, again, uncached)]
    assert losses[0] == losses[1], "the same seed gives the same result"
    assert again["cache"]["hit"]
    assert np.allclose(losses[0], losses[2], rtol=1e-5)
    assert again["scratch"]["test_accuracy"] == first["scratch"]["test_accuracy"]
    scored = zoo_command("evaluate", "mine", "--data", data, "--json")
    assert scored["accuracy"] == first["accuracy"]
    assert zoo_command("verify", "mine") == "1 of 1 revisions verified\n"


def test_the_own_top_of_a_model_with_one_output(zoo_command: Zoo, data: Path, tmp_path: Path) -> None:
    source = publish(tmp_path / "one", (4,), "one")
    document = zoo_command(
        "transfer", "one", "--data", data, "--reuse", "block/l[12]|embedding", "--unfreeze", "none", *QUICK,
        "--publish-as", "mine", "--json",
    )  # fmt: skip
    assert document["phases"][0]["train"] == ["block/l4", "head0"]
    assert "tokens" not in document["cut"]
    assert zoo_command("evaluate", "mine", "--data", data, "--json")["accuracy"] == document["test_accuracy"]
    assert zoo_command("verify", "mine") == "1 of 1 revisions verified\n"
    first, second = zoo.load(source.ref).model, zoo.load("mine").model
    for scope in ("block>l1", "block>l2", "embedding"):
        pairs = zip(first.get_layer(scope).get_weights(), second.get_layer(scope).get_weights(), strict=True)
        assert all(one.tobytes() == other.tobytes() for one, other in pairs), f"{scope} is frozen"


@pytest.mark.usefixtures("net")
def test_what_cannot_be_done_says_what_can(zoo_command: Zoo, data: Path, tmp_path: Path) -> None:
    choices = ("transfer", "net", "--reuse", "block/l[12]", *QUICK, "--data")
    zoo_command(*choices, data, code=1)
    assert "which layer above the reused ones gives the classes is not clear: the model ends in several: head" in (
        zoo_command.err
    )
    assert "hint: say what stands above the reused layers instead: --top 100" in zoo_command.err
    held = dict(np.load(data))
    np.savez(tmp_path / "short.npz", **{key: array for key, array in held.items() if not key.endswith(".b")})
    zoo_command(*choices, tmp_path / "short.npz", "--top", "4", code=1)
    assert "train have no array for the input b; they have a, tokens" in zoo_command.err
    assert "hint: the model takes a (5) float32, b (5) float32" in zoo_command.err
    zoo_command("evaluate", "net", "--data", data, code=1)
    assert "the model has 2 outputs: head0, head1; expected one" in zoo_command.err


@pytest.mark.usefixtures("net")
def test_predict_with_several_inputs_and_outputs(zoo_command: Zoo, tmp_path: Path) -> None:
    x, _ = arrays(6, 0)
    np.savez(tmp_path / "x.npz", **x)
    document = zoo_command("predict", "net", "--input", tmp_path / "x.npz", "--json")
    model = zoo.load("net").model
    expected = model([x["a"], x["b"], x["tokens"].astype(np.int32)], training=False)
    assert list(document["outputs"]) == ["head0", "head1"]
    for got, want in zip(document["outputs"].values(), expected, strict=True):
        assert np.allclose(got, want, atol=1e-5)
    assert "head1\nROW" in zoo_command("predict", "net", "--input", tmp_path / "x.npz")
    shown = zoo_command("predict", "net", "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npz")
    assert shown == f"wrote head0 (6, 4) float32, head1 (6, 2) float32 to {tmp_path / 'y.npz'}\n"
    assert np.allclose(np.load(tmp_path / "y.npz")["head1"], expected[1], atol=1e-5)
    zoo_command("predict", "net", "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npy", code=1)
    assert "the model has 2 outputs, head0, head1: they do not fit into" in zoo_command.err
    np.save(tmp_path / "x.npy", x["a"])
    zoo_command("predict", "net", "--input", tmp_path / "x.npy", code=1)
    assert "the samples are one array; the model has 3 inputs: a (5) float32" in zoo_command.err
    np.savez(tmp_path / "x.npz", **(x | {"tokens": x["tokens"] + 5}))
    zoo_command("predict", "net", "--input", tmp_path / "x.npz", code=1)
    assert "hold 7 in row 1; the model takes 0 to 6 at tokens" in zoo_command.err
    assert set(zoo.predict("net", x)) == {"head0", "head1"}


def test_the_stored_test_of_every_output_is_replayed(zoo_command: Zoo, net: Model, tmp_path: Path) -> None:
    path = tmp_path / "net" / "test.npz"
    stored = dict(np.load(path))
    assert set(stored) == {"inputs.a", "inputs.b", "inputs.tokens", "outputs.head0", "outputs.head1"}
    assert stored["inputs.tokens"].dtype == np.int32
    spoilt: list[tuple[dict[str, Any], str]] = [
        ({"outputs.head1": stored["outputs.head1"] + 0.5}, "its outputs head1 for the stored test differ"),
        ({"outputs.head1": stored["outputs.head1"][:, :1]}, "its stored test has outputs head1 (16, 1), the weights"),
        (
            {"inputs.tokens": stored["inputs.tokens"] + 100},
            "its stored test cannot be computed: test.npz: input tokens",
        ),
        ({"inputs.tokens": np.float32(1)}, "its stored test cannot be computed: test.npz hold no numbers"),
    ]
    for number, (change, message) in enumerate(spoilt):
        np.savez(path, **(stored | change))
        Shelf().publish(replace(net.card, files=()), tmp_path / "net", Spot(f"spoilt{number}"))
        assert message in zoo_command("verify", f"spoilt{number}", code=1)
    del stored["outputs.head1"]
    np.savez(path, **stored)
    Shelf().publish(replace(net.card, files=()), tmp_path / "net", Spot("less"))
    shown = zoo_command("verify", "less", code=1)
    assert "its stored test has the outputs head0, the weights give head0, head1" in shown
