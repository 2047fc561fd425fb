"""What is measured in the compiled loop, against NumPy; and that measuring changes nothing."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from conftest import blobs

import transfer.fitting.compiling
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.fitting.fitted import Fitted
from transfer.fitting.health import MOST, Health, spread
from transfer.fitting.range_ends import ends_of
from transfer.layer_health import LARGEST, LayerHealth
from transfer.plan.hyperparameters import Training
from transfer.split import freeze

THREE = Target("class", ("a", "b", "c"))
DENSE = keras.layers.Dense


def splits(n: int = 48) -> dict[str, Features]:
    made = {name: blobs(many, seed=many) for name, many in (("train", n), ("valid", 30))}
    return {name: Features((x,), y) for name, (x, y) in made.items()}


def net(activation: str = "relu") -> Any:
    init = keras.initializers.HeNormal
    x = keras.Input((8,), name="X")
    first = DENSE(6, activation, name="block>first", kernel_initializer=init(1))(x)
    return keras.Model(x, DENSE(3, name="outputs", kernel_initializer=init(2))(first))


def rms(array: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64)))))


def trained(model: Any, *, lr: float = 0.1, **how: Any) -> Fitted:
    chosen = {"epochs": 3, "patience": 3, "batch_size": 48, "optimizer": "sgd"} | how
    return fit(model, splits(), Training(**chosen), THREE, lr=lr, seed=1)


def by_hand(model: Any, x: Any, y: Any) -> tuple[list[Any], Any]:
    """Return the gradients of a net of two layers, and its hidden outputs."""
    w1, b1, w2, b2 = (np.asarray(one, np.float64) for one in model.get_weights())
    h = np.maximum(x @ w1 + b1, 0)
    z = h @ w2 + b2
    p = np.exp(z - z.max(1, keepdims=True))
    p = p / p.sum(1, keepdims=True) - np.eye(3)[y]
    d2 = p / len(y)
    d1 = (d2 @ w2.T) * (h > 0)
    return [x.T @ d1, d1.sum(0), h.T @ d2, d2.sum(0)], h


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_figures_are_those_of_numpy(clip: float | None) -> None:
    """One epoch of one step of gradient descent on all samples; gradients are those before clipping."""
    model, given = net(), splits()
    before = model.get_weights()
    gradients, _ = by_hand(model, given["train"].arrays[0], given["train"].labels)
    first, outputs = trained(model, epochs=1, clip_norm=clip).epochs[0].layers
    assert (first.scope, outputs.scope) == ("block/first", "outputs")
    norm = math.sqrt(sum(float(np.square(one).sum()) for one in gradients))
    scale = 0.1 * (1.0 if clip is None else min(1.0, clip / norm))
    for layer, place in ((first, 0), (outputs, 2)):
        assert layer.gradient == pytest.approx(rms(gradients[place]), rel=1e-4)
        assert layer.update == pytest.approx(scale * rms(gradients[place]) / rms(before[place]), rel=2e-3)
        assert layer.gain == pytest.approx(rms(before[place]) * math.sqrt(len(before[place])), rel=1e-4)
    _, hidden = by_hand(model, given["valid"].arrays[0], given["valid"].labels)
    assert first.dead == pytest.approx(float((hidden.max(axis=0) == 0).mean()))
    assert (first.saturated, outputs.dead, outputs.saturated) == (None, None, None)


def test_what_is_measured_is_the_first_step_of_each_epoch() -> None:
    """Of three steps an epoch, at a rate so low that only the order of samples counts."""
    model, given = net(), splits()
    fitted = trained(model, epochs=2, batch_size=16, lr=1e-12)
    for epoch, figures in enumerate(fitted.epochs):
        rows = np.random.default_rng([1, epoch]).permutation(48)[:16]
        gradients, _ = by_hand(model, given["train"].arrays[0][rows], given["train"].labels[rows])
        assert figures.layers[0].gradient == pytest.approx(rms(gradients[0]), rel=1e-4)
        assert figures.layers[1].gradient == pytest.approx(rms(gradients[2]), rel=1e-4)


def test_dead_and_saturated_shares_are_those_of_numpy() -> None:
    layers = keras.layers
    x = keras.Input((8,), name="X")
    tensor = layers.Reshape((4, 2), name="rows")(x)
    tensor = layers.Conv1D(5, 2, activation="tanh", name="conv", kernel_initializer=keras.initializers.HeNormal(1))(
        tensor
    )
    tensor = layers.Rescaling(3.0, 2.0, name="scale")(tensor)
    tensor = layers.ReLU(6.0, name="relu")(tensor)
    tensor = layers.Activation("sigmoid", name="gate")(tensor)
    model = keras.Model(x, DENSE(3, name="outputs")(layers.Flatten(name="flat")(tensor)))
    bias = model.get_layer("conv").bias
    bias.assign([-9.0, 0.0, 9.0, 0.0, -9.0])
    valid = splits()["valid"].arrays[0]
    found = {one.scope: one for one in trained(model, epochs=1, lr=1e-12).epochs[0].layers}
    shown = {name: np.asarray(keras.Model(x, model.get_layer(name).output)(valid)) for name in ("conv", "relu", "gate")}
    assert found["conv"].saturated == pytest.approx(float((np.abs(shown["conv"]) >= 0.99).mean()), abs=1e-6)
    assert found["conv"].dead is None
    assert found["relu"].dead == pytest.approx(2 / 5), "channels that are 0 at all positions of all samples"
    assert found["relu"].saturated == pytest.approx(float((shown["relu"] >= 6).mean()), abs=1e-6)
    edges = (shown["gate"] <= 0.01) | (shown["gate"] >= 0.99)
    assert found["gate"] == LayerHealth("gate", saturated=pytest.approx(float(edges.mean()), abs=1e-6))


def test_a_gradient_that_is_no_number_is_the_largest() -> None:
    model = net("linear")
    model.get_layer("outputs").kernel.assign(np.full((6, 3), 3e38, np.float32))
    health = Health(model)
    row = [math.nan, math.inf, 0.0, 0.0, 0.0, math.inf]
    assert [one.gradient for one in health.layers(row)] == [LARGEST, LARGEST]
    assert [(one.update, one.gain) for one in health.layers(row)] == [(0.0, 0.0), (0.0, LARGEST)]


@pytest.mark.parametrize("xla", [False, True])
def test_measuring_changes_nothing(xla: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if xla:
        monkeypatch.setattr(transfer.fitting.compiling, "XLA_STEPS", 1)
    results = []
    for diagnose in (True, False):
        model = net("tanh")
        fitted = trained(model, epochs=6, patience=6, batch_size=16, optimizer="adam", lr=0.01, diagnose=diagnose)
        results.append((model.get_weights(), [(one.train_loss, one.valid_loss) for one in fitted.epochs]))
        assert bool(fitted.epochs[0].layers) == diagnose
    (weights, losses), (others, again) = results
    assert losses == again
    assert all(a.tobytes() == b.tobytes() for a, b in zip(weights, others, strict=True))


def test_how_often_progress_is_shown_changes_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    for seconds in (1000.0, 0.0):
        monkeypatch.setattr(transfer.fitting.fit, "SHOW_SECONDS", seconds)
        shown.append(trained(net(), epochs=7, patience=7, batch_size=16).epochs)
    assert shown[0] == shown[1]


def test_frozen_layers_are_not_looked_at() -> None:
    model = net()
    freeze(model, {"block/first"})
    assert [one.scope for one in trained(model).epochs[0].layers] == ["outputs"]


def test_validation_in_several_batches_counts_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(net(), epochs=1, lr=1e-12).epochs[0].layers
    monkeypatch.setattr(transfer.fitting.step, "VALID_BATCH", 15)
    given = trained(net(), epochs=1, lr=1e-12).epochs[0].layers
    assert given[1] == whole[1]
    assert given[0].dead is not None
    assert whole[0].dead is not None
    assert whole[0].dead <= given[0].dead <= 1


def test_of_deep_nets_some_layers_are_looked_at_from_end_to_end() -> None:
    assert spread([1, 2, 3]) == [1, 2, 3]
    chosen = spread(range(1000))
    assert (len(chosen), chosen[0], chosen[-1]) == (MOST, 0, 999)


def test_layers_of_other_kinds_are_measured_where_they_can_be() -> None:
    """An embedding's gradient is of some rows only; a recurrent layer gives no activation's outputs."""
    layers = keras.layers
    x = keras.Input((4,), name="X", dtype="int32")
    tensor = layers.LSTM(3, name="lstm")(layers.Embedding(7, 5, name="words")(x))
    tensor = layers.PReLU(name="slope")(layers.LayerNormalization(name="norm")(tensor))
    model = keras.Model(x, DENSE(3, name="outputs")(tensor))
    draws = np.random.default_rng(0)
    given = {
        name: Features((draws.integers(7, size=(20, 4)).astype(np.int32),), draws.integers(3, size=20))
        for name in ("train", "valid")
    }
    fitted = fit(model, given, Training(epochs=2, batch_size=10), THREE, lr=0.01, seed=1)
    found = fitted.epochs[0].layers
    assert [one.scope for one in found] == ["words", "lstm", "outputs"]
    assert all(one.gradient and one.update and one.dead is None and one.saturated is None for one in found)


@pytest.mark.parametrize(("layer", "shape"), [
    (keras.layers.Dense(4000), (50,)), (keras.layers.Conv2D(400, 3), (5, 5, 12)),
    (keras.layers.DepthwiseConv2D(3), (5, 5, 2000)), (keras.layers.Conv2DTranspose(300, 3), (5, 5, 20)),
    (keras.layers.Conv1DTranspose(300, 3), (5, 20)),
])  # fmt: skip
def test_a_gain_is_what_a_layer_makes_of_random_numbers(layer: Any, shape: tuple[int, ...]) -> None:
    """Of a layer whose every unit adds up the same number of them: the middle of an image, or one stride a kernel."""
    x = keras.Input(shape, name="X")
    model = keras.Model(x, layer(x))
    (kernel,) = (one for one in layer.trainable_weights if len(one.shape) > 1)
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    drawn = np.random.default_rng(1).normal(size=(20, *shape)).astype(np.float32)
    middle = np.asarray(model(drawn))
    middle = middle if len(shape) == 1 else middle[:, 2:-2] if len(shape) == 2 else middle[:, 2:-2, 2:-2]
    middle = middle if middle.size else np.asarray(model(drawn))
    (held,) = Health(model)._kernels
    size = held.variable.numpy().size
    gain = held.health(0.0, 0.0, float(np.square(held.variable.numpy()).sum()))["gain"]
    assert gain == pytest.approx(math.sqrt(held.fan_in), rel=0.05)
    assert gain == pytest.approx(rms(middle), rel=0.1), size


@pytest.mark.parametrize(("layer", "dies", "bounded"), [
    (keras.layers.Dense(1, "relu"), True, False),
    (keras.layers.Dense(1, "relu6"), True, True),
    (keras.layers.ReLU(), True, False),
    (keras.layers.ReLU(6.0), True, True),
    (keras.layers.Activation("hard_sigmoid"), False, True),
    (keras.layers.Conv2D(1, 1, activation="tanh"), False, True),
])  # fmt: skip
def test_which_activations_end(layer: Any, dies: bool, bounded: bool) -> None:
    ends = ends_of(layer)
    assert ends is not None
    assert (ends.dies, ends.bounded) == (dies, bounded)


@pytest.mark.parametrize("layer", [
    keras.layers.Dense(1, "elu"), keras.layers.ReLU(negative_slope=0.1), keras.layers.LSTM(1), keras.layers.Flatten(),
])  # fmt: skip
def test_which_do_not(layer: Any) -> None:
    assert ends_of(layer) is None
