"""Dropout by hashed masks."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.fitting.share import ALONE, Share
from transfer.fitting.shared_layers import shared
from transfer.fitting.thinning import Masks, Thinned, mixed, thinned
from transfer.plan.hyperparameters import Training

L = keras.layers
ALL = slice(None)
SHAPE = (50, 40)


def kept(seed: int, number: int, rate: float = 0.5, shape: tuple[int, ...] = SHAPE, places: int = 1) -> list[Any]:
    masks = Masks(seed)
    with masks.of(number):
        return [masks.kept(shape, rate, ALL).numpy() for _ in range(places)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**40), st.integers(0, 2**31 - 1), st.floats(0.01, 0.99))
def test_what_is_dropped_is_the_rate(seed: int, number: int, rate: float) -> None:
    (mask,) = kept(seed, number, rate)
    assert abs(1 - mask.mean() - rate) < 6 * np.sqrt(rate * (1 - rate) / mask.size)


def test_masks_of_steps_places_and_seeds_have_nothing_to_do_with_each_other() -> None:
    steps = [kept(7, number, places=2) for number in range(40)]
    rows = np.stack([mask.ravel() for masks in (*steps, kept(8, 0)) for mask in masks]) - 0.5
    among = np.corrcoef(rows)[~np.eye(len(rows), dtype=bool)]
    assert np.abs(among).max() < 6 / np.sqrt(rows.shape[1])
    neighbours = np.mean(4 * rows[:, :-1] * rows[:, 1:])
    assert abs(neighbours) < 6 / np.sqrt(rows.size)
    over_steps = np.abs(4 * np.mean(rows[:-3:2] * rows[2:-1:2], axis=0)).max()
    assert over_steps < 6 / np.sqrt(39), "nor have those of one place in steps that follow each other"


@given(st.integers(0, 2**32 - 1))
def test_words_are_mixed_as_in_murmurhash3(word: int) -> None:
    expected = word ^ (word >> 16)
    expected = (expected * 0x85EBCA6B) % 2**32
    expected ^= expected >> 13
    assert int(mixed(tf.constant(word, tf.uint32))) == (expected * 0xC2B2AE35) % 2**32


def test_the_same_masks_with_xla_and_without() -> None:
    def drawn(number: Any) -> Any:
        masks = Masks(3)
        with masks.of(number):
            return masks.kept(SHAPE, 0.3, ALL), masks.kept((2, 3), 0.7, ALL)

    plain, compiled = (tf.function(drawn, jit_compile=xla)(tf.constant(12)) for xla in (False, True))
    for one, other, eager in zip(plain, compiled, drawn(12), strict=True):
        assert np.array_equal(one, other)
        assert np.array_equal(one, eager)


@pytest.mark.parametrize("kind", [L.Dropout, L.AlphaDropout])
def test_the_parts_of_workers_are_the_batch_of_one(kind: Any) -> None:
    x = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)

    def dropped(share: Share) -> Any:
        masks = Masks(5)
        with masks.of(4):
            return Thinned(kind(0.4), masks, share, len(x))(share.own(x), training=True).numpy()

    parts = [dropped(Share(rank, 3)) for rank in range(3)]
    assert np.array_equal(np.concatenate(parts), dropped(ALONE))


def test_what_stays_is_scaled_and_inference_drops_nothing() -> None:
    x, masks = np.random.default_rng(0).normal(size=(500, 40)).astype(np.float32), Masks(1)
    layer = Thinned(L.Dropout(0.25), masks, ALONE, len(x))
    assert np.array_equal(layer(x, training=False), x)
    with masks.of(0):
        found = layer(x, training=True).numpy()
    stays = found != 0
    assert stays.mean() == pytest.approx(0.75, abs=0.02)
    assert found[stays] == pytest.approx(x[stays] / 0.75)


def test_alpha_dropout_keeps_mean_and_variance_as_keras_does() -> None:
    x, masks = np.random.default_rng(0).normal(size=(2000, 100)).astype(np.float32), Masks(1)
    theirs = L.AlphaDropout(0.2, seed=0)(x, training=True).numpy()
    with masks.of(0):
        found = Thinned(L.AlphaDropout(0.2), masks, ALONE, len(x))(x, training=True).numpy()
    assert found.mean() == pytest.approx(0, abs=0.01)
    assert found.var() == pytest.approx(1, abs=0.02)
    low = [np.unique(values.round(4), return_counts=True) for values in (found, theirs)]
    assert [values[counts.argmax()] for values, counts in low] == pytest.approx([low[0][0][low[0][1].argmax()]] * 2)
    both = (found != found.min()) & (theirs != theirs.min())  # kept by either
    assert np.median(np.abs(found[both] - theirs[both])) == pytest.approx(0, abs=1e-5)


def model(layer: Any, *shape: int | None) -> Any:
    x = keras.Input(shape)
    return keras.Model(x, layer(x))


def test_which_layers_get_their_masks_hashed() -> None:
    assert thinned(model(L.Dropout(0.5, name="part"), 8), 32) == {"part"}
    assert thinned(model(L.AlphaDropout(0.5, name="part"), 3, 8), 32) == {"part"}
    assert not thinned(model(L.Dropout(0.5, noise_shape=(None, 1, 8)), 3, 8), 32)
    assert not thinned(model(L.Dropout(0.5), None, 8), 32), "of a size that is not known"
    assert not thinned(model(L.Dropout(0.5), 2**12), 2**11), "of more words than are worth their memory"
    for rate in (0.0, 1.0):
        assert not thinned(model(L.Dropout(rate), 8), 32)
    assert not thinned(model(L.GaussianDropout(0.5), 8), 32)
    assert not thinned(model(L.Dropout(0.5, activity_regularizer="l2"), 8), 32), "its penalty is the layer's own"
    x = keras.Input((2**10,))
    several = keras.Model(x, [L.Dropout(0.5, name=f"part{number}")(x) for number in range(6)])
    assert len(thinned(several, 2**10)) == 4, "together they have as many as that"


def test_at_the_highest_rate_hardly_anything_stays() -> None:
    (mask,) = kept(0, 3, 1 - 1e-12)
    assert not mask.any()


def training(net: Any, n: int = 48) -> Any:
    """Train a net on points `(n, 10, 8)` for two phases."""
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(n, 10, 8)).astype(np.float32), np.arange(n) % 3
    splits = {name: Features((x,), y) for name in ("train", "valid")}
    how = Training(epochs=2, patience=2, batch_size=16)
    return [fit(net, splits, how, Target("class", ("a", "b", "c")), lr=0.01, seed=1) for _ in range(2)]


def test_where_samples_do_not_lie_along_the_first_axis_the_layer_draws_itself() -> None:
    x = keras.Input((10, 8))
    folded = L.Dropout(0.5)(L.Dense(4)(keras.ops.reshape(x, (-1, 8))))
    fitted = training(keras.Model(x, L.Dense(3)(L.Flatten()(keras.ops.reshape(folded, (-1, 10, 4))))))
    assert all(len(phase.epochs) == 2 for phase in fitted)


def test_a_layer_that_is_called_twice_has_a_mask_for_each() -> None:
    x, layer = keras.Input((40,)), L.Dropout(0.5)
    net = keras.Model(x, [layer(x), layer(x)])
    masks = Masks(2)
    doubled = shared(net, ALONE, 50, masks)
    with masks.of(0):
        one, other = doubled(np.ones(SHAPE, np.float32), training=True)
    assert np.mean(one == other) == pytest.approx(0.5, abs=0.06)


def test_masks_of_padding_go_on_through_it() -> None:
    x = keras.Input((10, 8))
    summed = L.GlobalAveragePooling1D()(L.Dropout(0.5, name="part")(L.Masking()(x)))
    net = shared(keras.Model(x, summed), ALONE, 4, masks := Masks(0))
    given = np.ones((4, 10, 8), np.float32)
    given[:, 3:] = 0
    with masks.of(0):
        found = net(given, training=True).numpy()
    assert set(np.unique(found.round(5))) <= {np.float32(value).round(5) for value in (0, 2 / 3, 4 / 3, 2)}, "of three"


def test_a_penalty_on_what_it_gives_counts_and_two_phases_train() -> None:
    def net(penalty: float) -> Any:
        keras.utils.set_random_seed(0)
        x = keras.Input((10, 8))
        dropped = L.Dropout(0.5, seed=1, activity_regularizer=keras.regularizers.L2(penalty))(L.Flatten()(x))
        return keras.Model(x, L.Dense(3)(dropped))

    (plain, _), (bound, _) = training(net(0.0)), training(net(10.0))
    assert bound.epochs[0].train_loss > 10 + plain.epochs[0].train_loss
