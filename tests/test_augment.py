"""Augmentation: what can be said of it, and what it does to images: within their range, the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.augment import Augment, parse_augment
from transfer.augmenter import Augmenter
from transfer.prepare import prepare

CAFFE = Preprocessing((16, 12, 3), "uint8", (0.5, 1.0, 0.25), (-103.0, 2.0, 0.0), "bgr")
EACH = ("flip", "crop=0.3", "color=0.5", "rotate=20", "mixup=0.4")
MOVING_AND_COLOURING = "flip,crop,color,rotate"


def images(how: Preprocessing, n: int = 24) -> np.ndarray[Any, Any]:
    """Draw smooth images, prepared."""
    coarse = np.random.default_rng(0).integers(0, 256, (n, *(size // 4 for size in how.shape[:2]), *how.shape[2:]))
    return prepare(np.repeat(np.repeat(coarse, 4, 1), 4, 2).astype(np.uint8), how.shape, how)


def made(text: str, how: Preprocessing = CAFFE, seed: int = 3) -> Augmenter:
    return Augmenter(parse_augment(text), how.shape, how, seed=seed, classes=5)


@pytest.mark.parametrize("text", [*EACH, ",".join(EACH)])
def test_images_are_changed_within_their_range(text: str) -> None:
    x, y = images(CAFFE), np.arange(24) % 5
    step = tf.function(made(text), autograph=False)
    changed, labels = (part.numpy() for part in step(x, y, tf.constant(7)))
    assert changed.shape == x.shape and changed.dtype == np.float32
    share = (np.abs(changed - x).reshape(24, -1).max(axis=1) > 1e-3).mean()
    assert 0.2 < share < 0.8 if text == "flip" else share > 0.7
    raw = (changed - np.float32(CAFFE.offset)) / np.float32(CAFFE.scale)
    assert raw.min() > -1e-2 and raw.max() < 255.01
    assert labels.shape == ((24, 5) if "mixup" in text else (24,))


@pytest.mark.parametrize("text", [*EACH, ",".join(EACH)])
def test_what_is_drawn_depends_on_seed_and_step_alone(text: str) -> None:
    x, y = images(CAFFE), np.arange(24) % 5
    first, second = (tf.function(made(text), autograph=False) for _ in range(2))
    for number in (1, 2**40):
        expected = first(x, y, tf.constant(number, tf.int64))
        first(x, y, tf.constant(number + 1, tf.int64))
        for again in (first, second):
            for one, other in zip(again(x, y, tf.constant(number, tf.int64)), expected, strict=True):
                assert np.array_equal(one, other)
        assert not np.array_equal(first(x, y, tf.constant(number + 1, tf.int64))[0], expected[0])
        assert not np.array_equal(made(text, seed=4)(tf.constant(x), tf.constant(y), number)[0], expected[0])


def test_mixup_mixes_labels_as_it_mixes_images() -> None:
    how = Preprocessing((1, 5), "uint8")
    y = np.arange(60) % 5
    x = np.eye(5, dtype=np.float32)[y][:, np.newaxis]  # an image of its own label
    mixed, labels = made("mixup=1", how)(tf.constant(x), tf.constant(y), 0)
    np.testing.assert_allclose(mixed[:, 0], labels, atol=1e-6)
    np.testing.assert_allclose(np.sum(labels, axis=1), 1, atol=1e-6)
    assert ((np.max(labels, axis=1) > 0.05) & (np.max(labels, axis=1) < 0.95)).mean() > 0.4
    numbers = tf.constant(y, tf.float32)
    _, soft = made("mixup=1", how)(tf.constant(x), numbers, 0)
    np.testing.assert_allclose(soft, np.asarray(labels) @ np.arange(5), atol=1e-5)


@pytest.mark.parametrize(
    "how", [Preprocessing((16, 12), "uint8", 1 / 255), Preprocessing((16, 12, 1), "uint8", 2.0, -7.0)]
)
def test_flat_and_grey_samples_are_images_as_the_card_says(how: Preprocessing) -> None:
    x = images(how)
    flat = Augmenter(parse_augment(MOVING_AND_COLOURING), (192,), how, seed=3)
    changed, _ = flat(tf.constant(x.reshape(24, 192)), None, 1)
    expected, _ = made(MOVING_AND_COLOURING, how)(tf.constant(x), None, 1)
    assert np.array_equal(np.reshape(changed, x.shape), expected)
    assert not np.array_equal(x, expected)


def test_colours_that_are_not_asked_for_stay() -> None:
    grey = np.full((3, 8, 8, 3), 0.25, np.float32)
    moved, _ = Augmenter(parse_augment("flip,crop,rotate"), (8, 8, 3))(tf.constant(grey), None, 0)
    np.testing.assert_allclose(moved, grey, atol=1e-6)


def test_views_depend_on_a_samples_key_and_the_views_number_alone() -> None:
    x, keys = images(CAFFE), np.arange(24) * 10**15
    augmenter = made(MOVING_AND_COLOURING)
    assert np.array_equal(augmenter.view(x, 0, keys), x)
    views = [augmenter.view(x, number, keys) for number in (1, 2)]
    assert not np.array_equal(*views) and not np.array_equal(views[0], x)
    order = np.random.default_rng(0).permutation(24)
    again = made(MOVING_AND_COLOURING)
    apart = np.concatenate([again.view(x[rows], 1, keys[rows]) for rows in (order[:5], order[5:])])
    assert np.array_equal(apart, views[0][order])
    one = np.repeat(x[:1], 24, axis=0)
    assert len(np.unique(augmenter.view(one, 1, keys).reshape(24, -1), axis=0)) == 24
    assert len(np.unique(augmenter.view(one, 1, keys * 0).reshape(24, -1), axis=0)) == 1


def test_what_cannot_be_augmented_is_said() -> None:
    with pytest.raises(ZooError, match="mixup mixes samples anew in each step, so it cannot be recorded") as caught:
        made("flip,mixup").view(images(CAFFE), 1, np.arange(24))
    assert "--no-cache" in caught.value.hint
    with pytest.raises(ZooError, match="card does not say what range its input has") as caught:
        Augmenter(parse_augment("color"), (8, 8, 3))
    assert "leave color out" in caught.value.hint
    with pytest.raises(ZooError, match=r"the model takes samples of shape \(784\), and its card names no other") as e:
        Augmenter(parse_augment("flip"), (784,))
    assert "shape=28x28" in e.value.hint


amounts = st.sampled_from([0.0, 0.05, 0.25, 0.5])


@given(st.builds(Augment, st.booleans(), amounts, amounts, amounts, amounts).filter(bool))
def test_text_and_value_are_inverse(augment: Augment) -> None:
    assert parse_augment(str(augment)) == augment


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("flop", "has an unknown part: 'flop'", "flip, crop=0.1, color=0.2, rotate=10, mixup=0.2"),
        ("", "has an unknown part: ''", "there are: flip"),
        ("flip,flip", "names flip twice", "there are: flip"),
        ("flip=1", "'flip=1' cannot be read: flip takes no number", "such as: flip"),
        ("crop=", "'crop=' cannot be read: crop takes a number from 0 to 0.5", "such as: flip"),
        ("crop=1e9", "'crop=1e9' cannot be read", "such as: flip"),
        ("rotate=-5", "'rotate=-5' cannot be read: rotate takes a number from 0 to 180", "such as: flip"),
        ("crop=0.6", "crop is 0.6; expected 0 to 0.5", "such as: flip"),
        ("rotate=181", "rotate is 181; expected 0 to 180", "such as: flip"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str, hint: str) -> None:
    with pytest.raises(ZooError, match="--augment") as caught:
        parse_augment(text)
    assert message in caught.value.message and hint in caught.value.hint
