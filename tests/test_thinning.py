"""Dropout by hashed masks."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.fitting.share import ALONE, Share
from transfer.fitting.thinning import Masks, Thinned, mixed, thinned

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
