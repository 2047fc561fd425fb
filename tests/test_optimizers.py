"""Each optimiser against its formula, with rates of its own for each layer; all train, and go on after a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blobs, chain
from hypothesis import given
from hypothesis import strategies as st

import transfer.fitting.compiling
import transfer.fitting.fit
from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import Fitted, fit
from transfer.fitting.fitted import DivergenceError
from transfer.fitting.optimizers import factors, optimizer
from transfer.plan.hyperparameters import OPTIMIZERS, Training
from transfer.plan.plan import Plan
from transfer.plan.rates import rates
from zoo.report import command
from zoo.training_options import TRAINING

THREE = Target("class", ("a", "b", "c"))
RATE = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.05, "adamw": 0.02}
Values = dict[str, Any]
EVERY = [Training(optimizer=name) for name in OPTIMIZERS] + [
    Training(clip_value=0.01),
    Training(clip_each_norm=0.1),
    Training(clip_norm=0.1),
    Training(clip_quantile=0.5),
    Training(optimizer="momentum", momentum=0.5, schedule="1cycle"),
    Training(optimizer="nesterov", clip_quantile=0.9, schedule="cosine", warmup=0.1, lr_mult=10.0),
    Training(optimizer="adamw", weight_decay=0.1, schedule="step", layer_decay=0.5, label_smoothing=0.1),
    Training(optimizer="rmsprop", schedule="exponential", class_weights="balanced"),
]


def shown(how: Training) -> str:
    return " ".join(f"{name}={value}" for name, value in vars(how).items() if value != getattr(Training(), name))


def splits() -> dict[str, Features]:
    drawn = {name: blobs(n, seed=n) for name, n in (("train", 50), ("valid", 21))}
    return {name: Features((x,), y) for name, (x, y) in drawn.items()}


def sgd(w: Any, g: Any, s: Values, lr: float, t: int) -> Any:
    return w - lr * g


def momentum(w: Any, g: Any, s: Values, lr: float, t: int) -> Any:
    s["m"] = 0.9 * s.get("m", 0) - lr * g
    return w + s["m"]


def nesterov(w: Any, g: Any, s: Values, lr: float, t: int) -> Any:
    s["m"] = 0.9 * s.get("m", 0) - lr * g
    return w + 0.9 * s["m"] - lr * g


def adagrad(w: Any, g: Any, s: Values, lr: float, t: int) -> Any:
    s["a"] = s.get("a", 0.1) + g**2
    return w - lr * g / np.sqrt(s["a"] + 1e-7)


def rmsprop(w: Any, g: Any, s: Values, lr: float, t: int) -> Any:
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g**2
    return w - lr * g / np.sqrt(s["v"] + 1e-7)


def adam(w: Any, g: Any, s: Values, lr: float, t: int) -> Any:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    rate = lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - rate * s["m"] / (np.sqrt(s["v"]) + 1e-7)


def adamw(w: Any, g: Any, s: Values, lr: float, t: int) -> Any:
    return adam(w - lr * 0.01 * w, g, s, lr, t)


FORMULAS: dict[str, Callable[..., Any]] = {
    "sgd": sgd, "momentum": momentum, "nesterov": nesterov, "adagrad": adagrad, "rmsprop": rmsprop, "adam": adam,
    "adamw": adamw,
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("decay", [None, 0.5])
def test_each_is_its_formula_over_several_steps(name: str, decay: float | None) -> None:
    model = chain(outputs=3)
    how = Training(optimizer=name, layer_decay=decay)
    made = optimizer(how, 0.02, 100, model)
    shares = factors(how, model) or (1.0,) * 8
    weights, kept = [w.astype(np.float64) for w in model.get_weights()], [{} for _ in range(8)]  # type: ignore[var-annotated]
    draws = np.random.default_rng(3)
    for step in range(1, 8):
        gradients = [draws.normal(size=w.shape).astype(np.float32) for w in weights]
        made.apply([tf.constant(g) for g in gradients], model.trainable_variables)
        weights = [
            FORMULAS[name](w, g.astype(np.float64), state, 0.02 * share, step)
            for w, g, state, share in zip(weights, gradients, kept, shares, strict=True)
        ]
    for mine, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=2e-4, atol=2e-6)


def test_adamw_is_keras_own() -> None:
    ends = []
    for make in (
        lambda model: optimizer(Training(optimizer="adamw", weight_decay=0.3), 0.01, 9, model),
        lambda model: keras.optimizers.AdamW(0.01, weight_decay=0.3),
    ):
        model, draws = chain(outputs=3), np.random.default_rng(1)
        made = make(model)
        for _ in range(9):
            gradients = [tf.constant(draws.normal(size=w.shape), tf.float32) for w in model.trainable_variables]
            made.apply(gradients, model.trainable_variables)
        ends.append(model.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def trained(model: Any, how: Training, **options: Any) -> Fitted:
    return fit(model, splits(), how, THREE, lr=RATE.get(how.optimizer, 0.005), seed=1, **options)


@pytest.mark.parametrize("how", EVERY, ids=shown)
def test_each_trains(how: Training) -> None:
    fitted = trained(chain(outputs=3), replace(how, epochs=60, patience=60, batch_size=16))
    assert fitted.improved
    assert fitted.epochs[fitted.best].valid_accuracy >= 0.85


@pytest.mark.parametrize("how", EVERY, ids=shown)
def test_each_is_the_same_under_xla(how: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    how = replace(how, epochs=3, batch_size=16)
    plain = trained(chain(outputs=3), how)
    monkeypatch.setattr(transfer.fitting.compiling, "XLA_STEPS", 1)
    fast = trained(chain(outputs=3), how)
    assert np.allclose([e.valid_loss for e in plain.epochs], [e.valid_loss for e in fast.epochs], rtol=1e-3)


class KilledError(Exception):
    """Stands for a killed process."""


def random_net() -> Any:
    x = keras.Input((8,), name="X")
    tensor = keras.layers.Dense(12, "elu", name="hidden", kernel_initializer=keras.initializers.HeNormal(1))(x)
    tensor = keras.layers.BatchNormalization(name="norm")(tensor)
    tensor = keras.layers.Dropout(0.3, seed=5, name="drop")(tensor)
    outputs = keras.layers.Dense(3, name="outputs", kernel_initializer=keras.initializers.HeNormal(2))(tensor)
    return keras.Model(x, outputs)


@pytest.mark.parametrize("how", EVERY, ids=shown)
def test_a_resumed_phase_ends_as_one_that_was_never_interrupted(how: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.fitting.fit, "SHOW_SECONDS", 0.0)
    monkeypatch.setattr(transfer.fitting.fit, "SAVE_SECONDS", 0.0)
    how = replace(how, epochs=9, patience=9, batch_size=16)
    whole = random_net()
    expected = trained(whole, how)
    states: list[dict[str, np.ndarray]] = []

    def killed(stage: str, done: int, total: int, note: str) -> None:
        if done == 5:
            raise KilledError

    with pytest.raises(KilledError):
        trained(random_net(), how, watch=killed, saved=states.append)
    assert [int(state["epoch"]) for state in states] == [1, 2, 3, 4, 5]
    for state in (states[1], states[-1]):
        again = random_net()
        resumed = trained(again, how, resume=state)
        assert resumed.epochs == expected.epochs
        assert all(a.tobytes() == b.tobytes() for a, b in zip(whole.get_weights(), again.get_weights(), strict=True))


def test_a_phase_that_had_ended_is_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.fitting.fit, "SAVE_SECONDS", 0.0)
    states: list[dict[str, np.ndarray]] = []
    whole, again = random_net(), random_net()
    expected = trained(whole, Training(epochs=3), saved=states.append)
    assert trained(again, Training(epochs=3), resume=states[-1]).epochs == expected.epochs
    assert all(a.tobytes() == b.tobytes() for a, b in zip(whole.get_weights(), again.get_weights(), strict=True))


def test_the_state_of_another_phase_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.fitting.fit, "SAVE_SECONDS", 0.0)
    states: list[dict[str, np.ndarray]] = []
    trained(chain(outputs=3), Training(epochs=3), saved=states.append)
    model = chain(outputs=3)
    before = model.get_weights()
    for how, said in (
        (Training(epochs=4), r"it has history of shape \(3, \d+\), expected \(4, \d+\)"),
        (Training(epochs=3, optimizer="sgd"), r"it has optimizer/\d+ of shape .*, expected none"),
    ):
        with pytest.raises(ZooError, match=f"the saved state is not of this phase: .*{said}"):
            trained(model, how, resume=states[-1])
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_phase_that_diverges_at_once_says_so_and_leaves_the_weights() -> None:
    model = chain(outputs=3)
    before = model.get_weights()
    how = Training(optimizer="sgd", epochs=20, batch_size=16)
    with pytest.raises(DivergenceError, match="the loss is not a number") as caught:
        fit(model, splits(), how, THREE, lr=1e20, seed=1)
    assert (caught.value.fitted.diverged, caught.value.fitted.improved) == (True, False)
    after_a_good_phase = fit(model, splits(), how, THREE, lr=1e20, seed=1, least=0.5)
    assert (after_a_good_phase.diverged, after_a_good_phase.improved) == (True, False)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, model.get_weights(), strict=True))
    assert not trained(model, Training(epochs=2)).diverged


def a_chain(types: list[str]) -> tuple[LayerInfo, ...]:
    return tuple(LayerInfo(f"l{n}", kind, 1, inputs=(f"l{n - 1}",) if n else ()) for n, kind in enumerate(types))


KINDS = st.lists(st.sampled_from(["Dense", "BatchNormalization", "Conv2D", "PReLU"]), min_size=1, max_size=9)


@given(KINDS, st.floats(1, 1e4), st.floats(0.01, 1), st.data())
def test_rates_fall_from_the_top_down(kinds: list[str], mult: float, decay: float, data: st.DataObject) -> None:
    layers = a_chain(kinds)
    trained_ones = data.draw(st.sets(st.sampled_from([layer.name for layer in layers]), min_size=1))
    for found in (
        rates(layers, trained_ones, trained_ones, lr_mult=mult),
        rates(layers, trained_ones, trained_ones, layer_decay=decay),
        rates(layers, trained_ones, trained_ones),
    ):  # fmt: skip
        ordered = [found[layer.name] for layer in layers if layer.name in trained_ones]
        assert set(found) == trained_ones
        assert ordered == sorted(ordered)
        assert ordered[-1] == 1
    spread = rates(layers, trained_ones, trained_ones, lr_mult=mult).values()
    assert min(spread) == pytest.approx(1 / mult) or set(spread) == {1.0}


def test_a_branch_is_as_deep_as_its_longest_way_and_normalisation_goes_with_its_layer() -> None:
    layers = [
        LayerInfo("x", "InputLayer", 0), LayerInfo("stem", "Conv2D", 9, inputs=("x",)),
        LayerInfo("a", "Conv2D", 9, inputs=("stem",)), LayerInfo("a/bn", "BatchNormalization", 9, inputs=("a",)),
        LayerInfo("b", "Conv2D", 9, inputs=("a/bn",)), LayerInfo("add", "Add", 0, inputs=("b", "stem")),
        LayerInfo("out", "Dense", 9, inputs=("add",)),
    ]  # fmt: skip
    named = ["stem", "a", "a/bn", "b", "out"]
    found = rates(layers, named, named, layer_decay=0.5)
    assert found == {"stem": 0.125, "a": 0.25, "a/bn": 0.25, "b": 0.5, "out": 1.0}


def test_new_layers_have_the_full_rate_and_are_one_step_above_the_reused_ones() -> None:
    layers = a_chain(["Dense"] * 5)
    named = [layer.name for layer in layers]
    assert rates(layers, named, named[:2], layer_decay=0.5) == {"l0": 0.25, "l1": 0.5, "l2": 1.0, "l3": 1.0, "l4": 1.0}
    assert rates(layers, named, named[:2], lr_mult=100.0) == {"l0": 0.01, "l1": 0.1, "l2": 1.0, "l3": 1.0, "l4": 1.0}
    assert set(rates(layers, named, (), layer_decay=0.5).values()) == {1.0}
    assert rates(layers, named, ["l1", "l4"], layer_decay=0.5)["l0"] == 1.0


def test_rates_reach_the_variables_of_the_layers() -> None:
    model = random_net()
    assert factors(Training(), model) == ()
    model.get_layer("norm").trainable = False
    assert factors(Training(lr_mult=4.0), model) == (0.25, 0.25, 1.0, 1.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"optimizer": "lion"}, "--optimizer takes sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw; got 'lion'"),
        ({"momentum": 0.9}, "--momentum goes with --optimizer momentum or nesterov, not with adam"),
        ({"optimizer": "momentum", "momentum": 1.0}, "--momentum must be above 0 and below 1, got 1.0"),
        ({"weight_decay": 0.1}, "--weight-decay goes with --optimizer adamw, not with adam"),
        ({"optimizer": "adamw", "weight_decay": -1.0}, "--weight-decay must be at least 0, got -1.0"),
        ({"schedule": "linear"}, "--schedule takes constant, step, exponential, 1cycle, cosine; got 'linear'"),
        ({"warmup": 1.0}, "--warmup must be at least 0 and below 1, got 1.0"),
        ({"warmup": 0.1, "schedule": "1cycle"}, "--warmup does not go with --schedule 1cycle: it has one"),
        ({"lr_end": 0.1}, "--lr-end goes with a --schedule that ends lower, not with constant"),
        ({"lr_end": 1.0, "schedule": "step"}, "--lr-end must be above 0 and below 1, got 1.0"),
        ({"clip_norm": 1.0, "clip_value": 0.5}, "gradients are clipped in one way; got --clip-value and --clip-norm"),
        ({"clip_quantile": 1.5}, "--clip-quantile must be at most 1, got 1.5"),
        ({"clip_each_norm": 0.0}, "--clip-each-norm must be above 0, got 0.0"),
        ({"lr_mult": 2.0, "layer_decay": 0.5},
         "rates by layer are given in one way; got --lr-mult and --layer-decay"),
        ({"lr_mult": 0.5}, "--lr-mult must be at least 1, got 0.5"),
        ({"layer_decay": 1.5}, "--layer-decay must be above 0 and at most 1, got 1.5"),
        ({"label_smoothing": 1.0}, "--label-smoothing must be at least 0 and below 1, got 1.0"),
        ({"class_weights": "rare"}, "--class-weights takes balanced; got 'rare'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ZooError) as caught:
        Training(**wrong)
    assert caught.value.message == said


def test_every_choice_has_an_option_and_stands_in_the_command_that_repeats_the_run() -> None:
    assert {field.name for field in fields(Training)} - {"diagnose"} <= set(TRAINING.kinds)
    line = command(Plan("m", "d", "hidden1", training=EVERY[-3]))
    assert "--clip-quantile 0.9 --optimizer nesterov --schedule cosine --warmup 0.1 --lr-mult 10.0" in line


@pytest.mark.parametrize("how", [Training(optimizer=name) for name in OPTIMIZERS], ids=shown)
def test_no_phase_has_names_of_its_own_for_variables(how: Training) -> None:
    tail = chain()
    first, second = ([one.value.name for one in optimizer(how, 0.1, 10, tail).variables] for _ in range(2))
    assert first == second
