"""Raw numbers to a model's input by the card."""

from __future__ import annotations

import numpy as np
import pytest

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.prepare import prepare

PIXELS = Preprocessing((2, 2), "uint8", 1 / 255)


def test_integers_are_raw_and_floats_are_prepared() -> None:
    raw = np.full((3, 2, 2), 255, np.uint8)
    assert np.array_equal(prepare(raw, (4,), PIXELS), np.ones((3, 4), np.float32))
    assert np.array_equal(prepare(raw.astype(float), (4,), PIXELS), np.full((3, 4), 255, np.float32))
    assert prepare(raw, (None, None), PIXELS).shape == (3, 2, 2)


def test_colours_are_turned_round_before_each_has_its_own_mean_taken_off() -> None:
    caffe = Preprocessing((1, 2, 3), offset=(-104.0, -117.0, -123.0), channels="bgr")
    rgb = np.array([[[[123, 117, 104], [124, 119, 107]]]], np.uint8)
    expected = np.array([[[[0, 0, 0], [3, 2, 1]]]], np.float32)
    assert np.array_equal(prepare(rgb, (1, 2, 3), caffe), expected)
    assert np.array_equal(prepare(rgb.reshape(1, 6), (1, 2, 3), caffe), expected)
    with pytest.raises(ZooError, match=r"samples of shape \(4,\); the model expects \(1, 2, 3\)"):
        prepare(np.zeros((1, 4), np.uint8), (1, 2, 3), caffe)


def test_what_does_not_fit_says_expected_and_got() -> None:
    with pytest.raises(ZooError, match=r"the data have samples of shape \(3,\); the model expects \(4\)"):
        prepare(np.zeros((5, 3), np.float32), (4,), None)
    with pytest.raises(ZooError, match=r"expects \(\?, 3\)"):
        prepare(np.zeros((5, 3), np.float32), (None, 3), None)
    with pytest.raises(ZooError, match="the data are uint8 and the model's card does not say") as caught:
        prepare(np.zeros((5, 4), np.uint8), (4,), None)
    assert "float32" in caught.value.hint and "none where the model itself scales" in caught.value.hint
    assert "tell zoo import or transfer: --preprocess unit (or tf, torch, caffe" in caught.value.hint
