from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blobs, chain
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import build, build_joined, joined_specs, specs

import transfer.fitting.compiling
import transfer.fitting.fit
from registry.errors import ZooError
from transfer.backbone import describe
from transfer.data.target import Target
from transfer.evaluate import scored
from transfer.extract import forward
from transfer.features import Features
from transfer.feeding import Sliced
from transfer.fitting.compiling import compiles
from transfer.fitting.fit import Fitted, fit
from transfer.graph import closed
from transfer.plan.hyperparameters import Training
from transfer.split import freeze, split

HOW = Training(epochs=4, patience=4, batch_size=16, lr=0.01)
THREE = Target("class", ("a", "b", "c"))


def splits(width: int = 8) -> dict[str, Features]:
    made = {name: blobs(n, width=width, seed=n) for name, n in (("train", 50), ("valid", 21))}
    return {name: Features((x,), y) for name, (x, y) in made.items()}


def through(trunk: Any, features: Features) -> Features:
    parts = list(forward(trunk, Sliced(features.arrays)))
    return Features(tuple(np.concatenate(part) for part in zip(*parts, strict=True)), features.labels)


def reset_dropout(model: Any) -> None:
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.seed_generator.state.assign([1, 0])


def joined_splits() -> dict[str, Features]:
    """Samples for three inputs, the last of which takes whole numbers."""
    return {
        name: Features(
            (*one.arrays, one.arrays[0][:, ::-1].copy(), (one.labels[:, None] + 1).astype(np.int32)), one.labels
        )
        for name, one in splits(5).items()
    }


def trained(model: Any, frozen: set[str], *, cached: bool, how: Training = HOW) -> tuple[Fitted, list[np.ndarray]]:
    """Train a model from its first weights, from cached features or through its frozen layers."""
    reset_dropout(model)
    freeze(model, frozen)
    halves = split(model, closed(describe(model), frozen))
    inputs = splits(model.input_shape[1]) if len(model.inputs) == 1 else joined_splits()
    if halves.trunk is None:
        return fit(halves.tail, inputs, how, THREE, lr=how.lr, seed=1), model.get_weights()
    if cached:
        inputs = {name: through(halves.trunk, features) for name, features in inputs.items()}
    trunk = None if cached else halves.trunk
    return fit(halves.tail, inputs, how, THREE, lr=how.lr, seed=1, trunk=trunk), model.get_weights()


@settings(max_examples=8, deadline=None)
@given(specs(), st.data())
def test_cached_equals_uncached_and_frozen_stays(spec: list[tuple[str, tuple[int, ...]]], data: st.DataObject) -> None:
    check_cached_equals_uncached(build(spec), data)


@settings(max_examples=6, deadline=None)
@given(joined_specs(), st.data())
def test_cached_equals_uncached_with_several_inputs(
    spec: list[tuple[str, tuple[int, ...]]], data: st.DataObject
) -> None:
    check_cached_equals_uncached(build_joined(spec), data)


def check_cached_equals_uncached(model: Any, data: st.DataObject) -> None:
    names = [layer.name for layer in describe(model) if layer.inputs and layer.name not in ("outputs", "head0")]
    frozen = data.draw(st.sets(st.sampled_from(names), min_size=1))
    start = model.get_weights()
    cached, weights = trained(model, frozen, cached=True)
    kept = {layer.name: layer.get_weights() for layer in model.layers}
    model.set_weights(start)
    uncached, again = trained(model, frozen, cached=False)
    losses = [[(epoch.train_loss, epoch.valid_loss) for epoch in one.epochs] for one in (cached, uncached)]
    assert np.allclose(*losses, rtol=1e-5, atol=1e-5)
    assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(weights, again, strict=True))
    model.set_weights(start)
    for layer in model.layers:
        if layer.name.replace(">", "/") in frozen and not isinstance(layer, keras.layers.Dropout):
            pairs = zip(layer.get_weights(), kept[layer.name], strict=True)
            assert all(a.tobytes() == b.tobytes() for a, b in pairs), f"{layer.name} moved"


def test_a_frozen_batch_normalisation_above_the_cut_stands_still() -> None:
    model = build([("dense", (0,)), ("batch_norm", (1,)), ("dense", (2,))])
    before = model.get_layer("block>l2").get_weights()
    trained(model, {"block/l2"}, cached=True)
    after = model.get_layer("block>l2").get_weights()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True))
    trained(model, set(), cached=True)
    moved = model.get_layer("block>l2").get_weights()
    assert not np.array_equal(moved[2], after[2]), "and one that trains moves"


def test_the_same_seed_gives_the_same_result_however_often_progress_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build([("dense", (0,)), ("dropout", (1,))])
    start, how = model.get_weights(), Training(epochs=7, patience=7, batch_size=16)
    results = []
    for seconds in (1000.0, 0.0):
        monkeypatch.setattr(transfer.fitting.fit, "SHOW_SECONDS", seconds)
        model.set_weights(start)
        results.append(trained(model, set(), cached=True, how=how))
    (one, weights), (other, again) = results
    assert one.epochs == other.epochs
    assert all(a.tobytes() == b.tobytes() for a, b in zip(weights, again, strict=True))


def test_the_best_epochs_weights_are_kept_and_patience_ends_the_phase() -> None:
    model = chain(outputs=3)
    how = Training(epochs=200, patience=3, batch_size=8, lr=0.5)  # too high a rate: the loss soon rises
    fitted, _ = trained(model, set(), cached=True, how=how)
    losses = [epoch.valid_loss for epoch in fitted.epochs]
    assert fitted.best == int(np.argmin(losses))
    assert len(losses) == fitted.best + 1 + 3
    valid = splits()["valid"]
    logits = model(valid.arrays[0]).numpy()
    loss = keras.losses.sparse_categorical_crossentropy(valid.labels, logits, from_logits=True)
    assert float(np.mean(loss)) == pytest.approx(losses[fitted.best], rel=1e-4)
    assert (logits.argmax(1) == valid.labels).mean() == fitted.epochs[fitted.best].valid_accuracy


def test_a_phase_that_gains_nothing_leaves_the_weights_as_they_were() -> None:
    model = chain(outputs=3)
    before = model.get_weights()
    fitted = fit(model, splits(), Training(epochs=9, patience=4), THREE, lr=0.01, seed=1, least=1e-9)
    assert (fitted.improved, len(fitted.epochs)) == (False, 4)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, model.get_weights(), strict=True))


def test_each_kind_of_target_is_minimised_as_keras_measures_it() -> None:
    draws = np.random.default_rng(0)
    drawn = {name: one.arrays[0] for name, one in splits().items()}
    directions = draws.normal(size=(8, 3)).astype(np.float32)
    many = Target("multilabel", ("a", "b", "c"))
    number = Target("number", ("a", "b", "c"), (0.0, 0.0, 0.0), (3.0, 4.0, 5.0))
    cases: list[tuple[Target, Any, Any]] = [
        (many, lambda x: (x @ directions > 0).astype(np.float32), keras.losses.BinaryCrossentropy(from_logits=True)),
        (number, lambda x: x @ directions,
         lambda y, outputs: np.mean(np.square((y - outputs) / np.array(number.deviation)))),
    ]  # fmt: skip
    for target, labels, loss in cases:
        model = chain(outputs=3)
        given = {name: Features((x,), labels(x)) for name, x in drawn.items()}
        how = Training(epochs=20, patience=20, batch_size=16, lr=0.02)
        fitted = fit(model, given, how, target, lr=0.02, seed=1)
        best, valid = fitted.epochs[fitted.best], given["valid"]
        outputs = model(valid.arrays[0]).numpy()
        assert best.valid_loss < 0.7 * fitted.epochs[0].valid_loss
        assert float(loss(valid.labels, outputs)) == pytest.approx(best.valid_loss, rel=1e-4)
        assert scored(outputs, valid.labels, target).accuracy == pytest.approx(best.valid_accuracy, rel=1e-4)


def test_one_view_of_each_sample_is_taken_an_epoch() -> None:
    """Views that are all alike train as the samples alone do: each sample is seen once an epoch, in the same order."""
    one = splits()
    train = one["train"]
    twice = Features((np.repeat(train.arrays[0], 3, axis=0),), np.repeat(train.labels, 3))
    model = chain(outputs=3)
    start = model.get_weights()
    plain = fit(model, one, HOW, THREE, lr=0.01, seed=1)
    model.set_weights(start)
    seen = fit(model, one | {"train": twice}, HOW, THREE, lr=0.01, seed=1, views=3)
    assert plain.epochs == seen.epochs


def test_views_that_differ_are_all_drawn_in_time() -> None:
    """Mirrored validation samples are told by the mirrored view alone."""
    model = chain(outputs=3)
    start = model.get_weights()
    one = splits()
    train = one["train"]
    x = train.arrays[0]
    mirrored = Features((np.stack([x, -x], axis=1).reshape(-1, 8),), np.repeat(train.labels, 2))
    other = {"train": mirrored, "valid": Features((-one["valid"].arrays[0],), one["valid"].labels)}
    how = Training(epochs=30, patience=30, batch_size=16, lr=0.02)
    both = fit(model, other, how, THREE, lr=0.02, seed=1, views=2)
    model.set_weights(start)
    first = fit(model, other | {"train": train}, how, THREE, lr=0.02, seed=1)
    assert both.epochs[both.best].valid_loss < first.epochs[first.best].valid_loss


def test_each_step_is_changed_anew_by_its_number() -> None:
    numbers: list[int] = []

    def changed(x: Any, labels: Any, number: Any) -> tuple[Any, Any]:
        tf.py_function(lambda n: numbers.append(int(n)), [number], [])
        return x * 0.5, tf.one_hot(labels, 3)

    fit(chain(outputs=3), splits(), Training(epochs=3, patience=3, batch_size=16), THREE, lr=0.01, seed=1,
        augment=changed)  # fmt: skip
    assert numbers == list(range(12)), "four steps an epoch"


@pytest.mark.parametrize("dropout", [False, True])
def test_xla_gives_the_same_result(dropout: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build([("dense", (0,)), ("dropout", (1,)), ("dense", (2,))]) if dropout else chain(outputs=3)
    frozen = set() if dropout else {"hidden1"}
    start = model.get_weights()
    plain, _ = trained(model, frozen, cached=True)
    model.set_weights(start)
    monkeypatch.setattr(transfer.fitting.compiling, "XLA_STEPS", 1)
    fast, _ = trained(model, frozen, cached=True)
    assert np.allclose([e.valid_loss for e in plain.epochs], [e.valid_loss for e in fast.epochs], rtol=1e-4)


def test_xla_is_for_long_trainings_without_convolutions_and_draws() -> None:
    x = keras.Input((4, 4, 1))
    convolution = keras.Model(x, keras.layers.Conv2D(1, 2)(x))
    noisy, dropping = build([("noise", (0,))]), build([("dropout", (0,))])
    assert compiles(chain(), None, 32, 6_000)
    assert not compiles(chain(), None, 32, 5_999)
    assert not compiles(chain(), convolution, 32, 10**6)
    assert compiles(dropping, dropping, 32, 10**6)  # its masks are hashed above the cut, and it rests below
    assert not compiles(dropping, None, 2**24, 10**6)  # but large ones
    assert not compiles(noisy, None, 32, 10**6)


def test_a_batch_larger_than_the_data_is_the_data() -> None:
    fitted, _ = trained(chain(outputs=3), set(), cached=True, how=Training(epochs=2, batch_size=4096))
    assert len(fitted.epochs) == 2


def test_clipping_bounds_the_step() -> None:
    model = chain(outputs=3)
    start = model.get_weights()
    free, _ = trained(model, set(), cached=True)
    model.set_weights(start)
    clipped, _ = trained(model, set(), cached=True, how=Training(epochs=4, batch_size=16, lr=0.01, clip_norm=1e-9))
    assert free.epochs[-1].train_loss < clipped.epochs[-1].train_loss


def test_divergence_is_an_error_that_says_what_to_do() -> None:
    how = Training(epochs=2, batch_size=16, lr=1e30, optimizer="sgd")
    with pytest.raises(ZooError, match="training diverged in its first epoch") as caught:
        trained(chain(outputs=3), set(), cached=True, how=how)
    assert caught.value.hint == "lower --lr, which was 1e+30, or clip the gradients: --clip-norm 1.0"


class Bomb(keras.layers.Layer):
    """Passes its input on, and gives NaN after eight training steps."""

    def build(self, shape: Any) -> None:
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            self.steps.assign_add(1.0)
        return x * tf.where(self.steps > 8, np.nan, 1.0)


def test_a_loss_that_stops_being_a_number_ends_the_phase_with_the_best_weights() -> None:
    source = chain(outputs=3)
    model = keras.Model(source.inputs[0], Bomb(name="bomb")(source.outputs[0]))
    fitted, weights = trained(model, set(), cached=True, how=Training(epochs=50, patience=50, batch_size=16, lr=0.01))
    assert len(fitted.epochs) == 3, "four steps an epoch: the ninth is in the third"
    assert math.isnan(fitted.epochs[-1].train_loss)
    assert fitted.improved
    assert fitted.best == 1
    assert all(np.isfinite(weight).all() for weight in weights)
