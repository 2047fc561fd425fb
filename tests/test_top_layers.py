"""A top's layers: where each part stands, what it computes, and that it trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import blobs, chain

from registry.errors import ZooError
from transfer.backbone import describe, joined, layer_of
from transfer.data.target import Target
from transfer.draft import draft
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.graph import closed
from transfer.plan.activation import KNOWN, parse_activation
from transfer.plan.hyperparameters import Training
from transfer.plan.selection import choose
from transfer.plan.style import Style
from transfer.plan.top import Top
from transfer.student import Student
from transfer.tops.fresh import INITIALIZERS
from transfer.tops.parts import activation_layer
from transfer.tops.rrelu import RReLU, for_inference

THREE = Target("class", ("a", "b", "c"))
X = np.linspace(-3, 3, 41, dtype=np.float32)[:, None] * np.ones((1, 5), np.float32)
SELU = (1.6732632423543772, 1.0507009873554805)


def maker(top: Top, source: Any = None, reuse: str = "hidden1") -> Student:
    source = source or chain()
    return Student(source, choose(describe(source), reuse), top, THREE)


def built(top: Top, source: Any = None, reuse: str = "hidden1") -> Any:
    student = maker(top, source, reuse)
    return student.build(0, kept=student.selection.reused)


def above(model: Any, scope: str = "hidden1") -> list[str]:
    names = [layer.name for layer in describe(model)]
    return names[names.index(scope) + 1 :]


def types(model: Any) -> dict[str, str]:
    return {layer.name: layer.type for layer in describe(model)}


def train(model: Any, **options: Any) -> Any:
    splits = {name: Features((blobs(n, seed=n)[0],), blobs(n, seed=n)[1]) for name, n in (("train", 60), ("valid", 30))}
    how = Training(epochs=6, patience=6, batch_size=20, lr=0.01)
    return fit(model, splits, how, THREE, lr=0.01, seed=0, **options)


def erf(x: np.ndarray) -> np.ndarray:
    import math

    return np.vectorize(math.erf)(x)


FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "leaky_relu(0.01)": lambda x: np.where(x > 0, x, 0.01 * x),
    "rrelu": lambda x: np.where(x > 0, x, (1 / 8 + 1 / 3) / 2 * x),
    "rrelu(0.1,0.3)": lambda x: np.where(x > 0, x, 0.2 * x),
    "prelu": lambda x: np.where(x > 0, x, 0.25 * x),
    "prelu(0.1)": lambda x: np.where(x > 0, x, 0.1 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "elu(0.5)": lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1)),
    "selu": lambda x: SELU[1] * np.where(x > 0, x, SELU[0] * (np.exp(x) - 1)),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "swish": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@pytest.mark.parametrize("text", FORMULAS)
def test_activations_compute_their_formula(text: str) -> None:
    expected = FORMULAS[text](X.astype(np.float64))
    apart = activation_layer(parse_activation(text), "a/activation", 0)
    np.testing.assert_allclose(apart(X), expected, rtol=1e-5, atol=1e-6)
    model = built(Top(units=(5,), activation=text, dropout=0.0))
    hidden = layer_of(model, "top1/activation" if "top1/activation" in types(model) else "top1").output
    kernel, bias = layer_of(model, "top1").get_weights()
    x = blobs(20)[0]
    below = keras.Model(model.inputs[0], [layer_of(model, "hidden1").output, hidden])
    read, got = (np.asarray(part) for part in below(x))
    np.testing.assert_allclose(got, FORMULAS[text](read @ kernel.astype(np.float64) + bias), rtol=1e-4, atol=1e-5)


def test_every_activation_has_its_formula_here() -> None:
    assert {text.split("(")[0] for text in FORMULAS} == set(KNOWN)


def test_a_randomised_slope_is_drawn_for_each_unit_in_training() -> None:
    layer = RReLU(0.1, 0.3, seed=3)
    x = np.full((200, 50), -1, np.float32)
    drawn, again = (-np.asarray(layer(x, training=True)) for _ in range(2))
    assert 0.1 <= drawn.min() < 0.101 and 0.299 < drawn.max() <= 0.3
    assert drawn.mean() == pytest.approx(0.2, abs=0.002)
    assert drawn.var() == pytest.approx(0.2**2 / 12, rel=0.03), "uniform"
    assert not np.array_equal(drawn, again)
    assert np.array_equal(drawn, -np.asarray(RReLU(0.1, 0.3, seed=3)(x, training=True)))
    np.testing.assert_array_equal(layer(np.abs(x), training=True), np.abs(x))


def test_what_a_randomised_slope_draws_is_not_cached() -> None:
    model = built(Top(activation="rrelu", dropout=0.0))
    scopes = [layer.name for layer in describe(model)]
    assert closed(describe(model), scopes[: scopes.index("hidden3")])[-1] == "hidden2/activation", "named as frozen"
    assert closed(describe(model), ("hidden1", "hidden2"))[-1] == "hidden2"


@pytest.mark.parametrize("activation", [None, *FORMULAS])
@pytest.mark.parametrize("units", [None, (6,)], ids=["same", "new"])
def test_every_activation_trains(activation: str | None, units: tuple[int, ...] | None) -> None:
    model = built(Top(units, activation=activation, dropout=0.0))
    before = [weight.copy() for weight in model.get_weights()]
    fitted = train(model)
    assert fitted.epochs[-1].train_loss < 0.9 * fitted.epochs[0].train_loss
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert all(moved), "slopes of PReLU among them"


@pytest.mark.parametrize("init", sorted(INITIALIZERS))
def test_every_initialiser_trains(init: str) -> None:
    fitted = train(built(Top((6, 5), init=init, dropout=0.0)))
    assert fitted.epochs[-1].train_loss < 0.9 * fitted.epochs[0].train_loss


@pytest.mark.parametrize(
    ("top", "names"),
    [
        (Top((5,), batch_norm=True, dropout=0.0), ["top1", "top1/batch_norm", "outputs"]),
        (Top((5,), "elu", batch_norm_before=True, dropout=0.0),
         ["top1", "top1/batch_norm", "top1/activation", "outputs"]),
        (Top((5,), "prelu", batch_norm=True), ["top1/dropout", "top1", "top1/activation", "top1/batch_norm",
                                               "outputs/dropout", "outputs"]),
        (Top(batch_norm=True, dropout=0.0),
         ["hidden2", "hidden2/batch_norm", "hidden3", "hidden3/batch_norm", "outputs"]),
        (Top(batch_norm_before=True, dropout=0.0),
         ["hidden2", "hidden2/batch_norm", "hidden2/activation", "hidden3", "hidden3/batch_norm", "hidden3/activation",
          "outputs"]),
    ],
)  # fmt: skip
def test_where_a_normalisation_stands(top: Top, names: list[str]) -> None:
    model = built(top)
    assert above(model) == names
    first = names[1 if names[0].endswith("dropout") else 0]
    apart = f"{first}/activation" in names
    assert layer_of(model, first).activation.__name__ == ("linear" if apart else "elu")
    if apart and top.activation in (None, "elu"):
        assert layer_of(model, f"{first}/activation").activation.__name__ == "elu"
    assert train(model).improved


@pytest.mark.parametrize("first", ["prelu", "leaky_relu(0.3)", None])
@pytest.mark.parametrize("place", ["batch_norm", "batch_norm_before"])
def test_a_students_own_parts_are_not_doubled(first: str | None, place: str) -> None:
    before = built(Top(activation=first, dropout=0.1, **{place: True}))
    names = above(before)
    again = built(Top(activation="elu(0.5)", dropout=0.2, **{place: True}), before)
    assert above(again) == (
        names if "hidden2/activation" in names else above(built(Top(activation="prelu", batch_norm=True)))
    )
    assert types(again)["hidden2/activation"] == "ELU"
    assert layer_of(again, "hidden2").activation.__name__ == "linear"
    kept = built(Top(dropout=0.2), before)
    assert types(kept) == types(before), "with no activation named, the source's stays"


def test_an_activation_that_is_a_layer_in_the_source_is_replaced() -> None:
    x = keras.Input((8,), name="X")
    tensor = keras.layers.Dense(6, "elu", name="hidden1")(x)
    tensor = keras.layers.Dense(400, name="hidden2")(tensor)
    tensor = keras.layers.BatchNormalization(name="bn")(tensor)
    tensor = keras.layers.Activation("tanh", name="act")(tensor)
    source = keras.Model(x, keras.layers.Dense(4, name="outputs")(tensor))
    model = built(Top(activation="relu", dropout=0.0, batch_norm_before=True), source)
    assert above(model) == ["hidden2", "bn", "act", "outputs"]
    assert layer_of(model, "act").activation.__name__ == "relu"
    variance = {name: layer_of(built(Top(activation=name, dropout=0.0), source), "hidden2").get_weights()[0].var()
                for name in (None, "selu", "relu")}  # fmt: skip
    assert variance[None] == pytest.approx(2 / 406, rel=0.1), "Xavier, since its activation is tanh"
    assert variance["selu"] == pytest.approx(1 / 6, rel=0.1)
    assert variance["relu"] == pytest.approx(2 / 6, rel=0.1)


@pytest.mark.parametrize("before", [False, True])
def test_the_initialiser_follows_an_activation_that_stands_apart(before: bool) -> None:
    source = chain((400, 400), width=400)
    for units, scope in (((400,), "top1"), (None, "hidden2")):
        for activation, variance in (("selu", 1 / 400), ("tanh", 2 / 800), ("rrelu", 2 / 400), ("prelu", 2 / 400)):
            model = built(Top(units, activation, batch_norm_before=before, dropout=0.0), source)
            assert layer_of(model, scope).get_weights()[0].var() == pytest.approx(variance, rel=0.05)


def test_moving_statistics_keep_what_they_are_told_to() -> None:
    assert layer_of(built(Top((5,), batch_norm=True, bn_momentum=0.9)), "top1/batch_norm").momentum == 0.9


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    model = built(Top((400,), "selu", dropout=0.2, alpha_dropout=True))
    layer = layer_of(model, "outputs/dropout")
    assert (type(layer).__name__, layer.rate) == ("AlphaDropout", 0.2)
    x = np.random.default_rng(0).normal(size=(500, 400)).astype(np.float32)
    out = np.asarray(layer(x, training=True))
    assert (out.mean(), out.var()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))
    plain = built(Top((400,), "selu", dropout=0.3), model, "hidden1|top1")
    assert types(plain)["outputs/dropout"] == "Dropout"
    again = built(Top(dropout=0.3, alpha_dropout=True), built(Top(dropout=0.1)))
    assert (types(again)["outputs/dropout"], layer_of(again, "outputs/dropout").rate) == ("AlphaDropout", 0.3)


@pytest.mark.parametrize("units", [None, (6,)], ids=["same", "new"])
def test_penalties_are_in_the_loss(units: tuple[int, ...] | None) -> None:
    plain, both = built(Top(units, dropout=0.0)), built(Top(units, dropout=0.0, l1=0.003, l2=0.02))
    new = ["top1", "outputs"] if units else ["hidden2", "hidden3", "outputs"]
    kernels = [layer_of(both, scope).get_weights()[0].astype(np.float64) for scope in new]
    expected = sum(0.003 * np.abs(kernel).sum() + 0.02 * np.square(kernel).sum() for kernel in kernels)
    assert float(sum(both.losses)) == pytest.approx(expected, rel=1e-5)
    assert plain.losses == []
    first = [train(model).epochs[0].train_loss for model in (plain, both)]
    assert first[1] > first[0] + expected / 3

    def norm(top: Top) -> float:
        model = built(top)
        train(model)
        return float(sum(np.square(layer_of(model, scope).get_weights()[0]).sum() for scope in new))

    assert norm(Top(units, dropout=0.0, l2=0.1)) < 0.8 * norm(Top(units, dropout=0.0))


@pytest.mark.parametrize("units", [None, (6,)], ids=["same", "new"])
def test_max_norm_holds_after_training(units: tuple[int, ...] | None) -> None:
    model, free = built(Top(units, dropout=0.0, max_norm=0.5)), built(Top(units, dropout=0.0))
    assert train(model).improved
    train(free)
    for scope in ["top1", "outputs"] if units else ["hidden2", "hidden3", "outputs"]:
        lengths, longer = (np.linalg.norm(layer_of(one, scope).get_weights()[0], axis=0) for one in (model, free))
        assert lengths.max() <= 0.5 + 1e-5
        assert longer.max() > 0.6
    assert layer_of(model, "hidden1").kernel_constraint is None


def test_the_norm_of_a_convolutions_unit_is_over_its_window() -> None:
    x = keras.Input((6, 6, 2), name="X")
    tensor = keras.layers.Conv2D(4, 3, name="low")(x)
    tensor = keras.layers.SeparableConv2D(5, 2, name="high")(tensor)
    tensor = keras.layers.Conv2D(3, 2, name="higher")(tensor)
    source = keras.Model(x, keras.layers.Dense(2, name="outputs")(keras.layers.Flatten(name="flat")(tensor)))
    model = built(Top(dropout=0.0, max_norm=1.0, l2=0.1), source, "low")
    assert layer_of(model, "higher").kernel_constraint.axis == [0, 1, 2]
    assert layer_of(model, "high").depthwise_constraint.axis == [0, 1]
    assert layer_of(model, "high").pointwise_constraint.axis == [0, 1, 2]
    assert len(model.losses) == 4


def test_each_layer_in_its_own_style() -> None:
    styles = (Style("leaky_relu(0.1)", "orthogonal", batch_norm=True, dropout=0.0), Style("tanh", dropout=0.5, l2=0.1))
    model = built(Top((6, 5), layers=styles, dropout=0.1, max_norm=2.0))
    assert above(model) == [
        "top1", "top1/activation", "top1/batch_norm", "top2/dropout", "top2", "outputs/dropout", "outputs",
    ]  # fmt: skip
    kernel = layer_of(model, "top1").get_weights()[0]
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(6), atol=1e-5)
    rates = [layer_of(model, f"{scope}/dropout").rate for scope in ("top2", "outputs")]
    assert (rates, len(model.losses)) == ([0.5, 0.1], 1)
    assert layer_of(model, "outputs").kernel_constraint.max_value == 2.0


def test_dropped_layers_leave_the_rest_and_new_outputs() -> None:
    source = chain((7, 6, 5, 4))
    model = built(Top(drop="hidden4|outputs", dropout=0.2), source, "hidden[12]")
    assert above(model, "hidden2") == ["hidden3/dropout", "hidden3", "outputs/dropout", "outputs"]
    assert (model.output_shape, layer_of(model, "outputs").input.shape) == ((None, 3), (None, 5))
    assert np.array_equal(layer_of(model, "hidden2").get_weights()[0], layer_of(source, "hidden2").get_weights()[0])
    assert not np.array_equal(layer_of(model, "hidden3").get_weights()[0], layer_of(source, "hidden3").get_weights()[0])
    assert above(built(Top((9,), "relu", drop="hidden4", dropout=0.0), source, "hidden[12]"), "hidden2") == [
        "hidden3", "top1", "outputs",
    ]  # fmt: skip
    assert train(model).improved
    with pytest.raises(ZooError, match="drops the reused layer hidden2"):
        built(Top(drop="hidden2"), source, "hidden[12]")


def test_a_reused_tower_apart_from_what_is_dropped_stays() -> None:
    a, b = keras.Input((6,), name="A"), keras.Input((4,), name="B")
    left, right = keras.layers.Dense(3, name="left")(a), keras.layers.Dense(2, name="right")(b)
    high = keras.layers.Dense(5, name="high")(left)
    join = keras.layers.Concatenate(name="join")([high, right])
    source = keras.Model([a, b], keras.layers.Dense(2, name="outputs")(join))
    model = built(Top(drop="high", dropout=0.0), source, "left|right")
    assert [tuple(tensor.shape) for tensor in model.inputs] == [(None, 6), (None, 4)]
    assert layer_of(model, "outputs").input.shape == (None, 5)


@pytest.mark.parametrize(
    ("top", "source", "remark"),
    [
        (Top((5,), "selu"), None, "plain dropout undoes what SELU is for"),
        (Top(activation="selu", dropout=0.1), None, "plain dropout undoes what SELU is for"),
        (Top(), "selu", "plain dropout undoes what SELU is for"),
        (Top((5,), layers=(Style("selu", dropout=0.0),), dropout=0.1), None, "plain dropout undoes what SELU is for"),
        (Top((5,), "elu", alpha_dropout=True), None, "alpha dropout is made for SELU; the new layers have another"),
        (Top((5,), "selu", dropout=0.0), None, ""),
        (Top((5,), "selu", alpha_dropout=True), None, ""),
        (Top((5,)), "selu", ""),
        (Top(), "elu", ""),
    ],
)
def test_remarks_on_dropout(top: Top, source: str | None, remark: str) -> None:
    found = maker(top, chain(activation=source) if source else None).remarks
    assert (found[0].startswith(remark) if remark else not found) and len(found) == bool(remark)


OPEN = """
import sys, keras, numpy as np
class Blocked:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("zoo", "transfer", "registry"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[2], model(np.load(sys.argv[3])))
"""


def test_a_model_trained_with_rrelu_opens_in_plain_keras(tmp_path: Path) -> None:
    model = built(Top((6,), "rrelu(0.1,0.3)", batch_norm=True))
    assert train(model).improved
    assert types(model)["top1/activation"] == "RReLU"
    x = blobs(16)[0]
    card = draft(model, tmp_path / "model.keras", x)
    assert {layer.name: layer.type for layer in card.layers}["top1/activation"] == "LeakyReLU"
    np.save(tmp_path / "x.npy", x)
    script = [sys.executable, "-c", OPEN, tmp_path / "model.keras", tmp_path / "y.npy", tmp_path / "x.npy"]
    subprocess.run(script, check=True, cwd=tmp_path, timeout=300)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model(x), rtol=1e-5, atol=1e-6)
    again = built(Top(activation="rrelu"), keras.saving.load_model(tmp_path / "model.keras"))
    assert types(again)["top1/activation"] == "RReLU", "it can be had again"


def test_a_model_without_it_is_left_alone() -> None:
    model = built(Top(dropout=0.1))
    assert for_inference(model) is model


def test_rrelu_is_saved_and_copied(tmp_path: Path) -> None:
    x = keras.Input((5,), name="X")
    model = joined([x], [RReLU(0.1, 0.3, seed=3, name="a")(x)])
    model.save(tmp_path / "own.keras")
    layer = keras.saving.load_model(tmp_path / "own.keras").get_layer("a")
    assert (layer.low, layer.high, layer.seed, layer.mean) == (0.1, 0.3, 3, 0.2)
