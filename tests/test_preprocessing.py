"""`--preprocess`: presets and keys, and what cannot be read."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.prepare import prepare
from transfer.preprocessing import parse_preprocessing

SHAPE = (4, 5, 3)


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_presets_compute_what_keras_does(mode: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, *SHAPE), np.uint8)
    expected = keras.applications.imagenet_utils.preprocess_input(images.astype(np.float32), mode=mode)
    found = prepare(images, SHAPE, parse_preprocessing(mode, SHAPE))
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", Preprocessing(SHAPE)),
        ("unit", Preprocessing(SHAPE, scale=1 / 255)),
        ("scale=1/128 mean=127", Preprocessing(SHAPE, scale=1 / 128, offset=-127 / 128)),
        ("mean=104,117,123 channels=bgr", Preprocessing(SHAPE, offset=(-104.0, -117.0, -123.0), channels="bgr")),
        ("mean=1 scale=1,2,4", Preprocessing(SHAPE, scale=(1.0, 2.0, 4.0), offset=(-1.0, -2.0, -4.0))),
        ("shape=8x8 dtype=uint16 offset=-.5", Preprocessing((8, 8), "uint16", offset=-0.5)),
        ("unit resize=crop", Preprocessing(SHAPE, scale=1 / 255, resize="crop")),
        ("resize=pad interpolation=nearest", Preprocessing(SHAPE, resize="pad", interpolation="nearest")),
    ],
)
def test_keys(text: str, expected: Preprocessing) -> None:
    assert parse_preprocessing(text, SHAPE) == expected


def test_an_open_size_has_to_be_said() -> None:
    with pytest.raises(ZooError, match=r"input \(\?, \?, 3\) leaves open how large a raw sample is") as caught:
        parse_preprocessing("tf", (None, None, 3))
    assert "shape=224x224x3" in caught.value.hint
    assert parse_preprocessing("tf shape=96x96x3", (None, None, 3)).shape == (96, 96, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("cafe", "cannot be read"),
        ("tf caffe", "cannot be read"),
        ("scale", "cannot be read"),
        ("scale=", "cannot be read"),
        ("scale=1 scale=2", "unknown or repeated keys"),
        ("size=3", "unknown or repeated keys: size"),
        ("scale=1/0", "divides by zero"),
        ("scale=1e400", "is no number"),
        ("scale=nan", "is no number"),
        ("mean=1 offset=2", "gives both mean and offset"),
        ("mean=1,2 scale=1,2,3", "gives 2 means and 3 factors"),
        ("mean=1,2", "offset has 2 numbers for samples of shape"),
        ("channels=hsv", "expected rgb, bgr or nothing"),
        ("tf resize=cut", "does not fit: resize is 'cut'"),
        ("tf resize=crop interpolation=area", "does not fit: interpolation is 'area'"),
        ("tf shape=60 resize=crop", r"does not fit: samples of shape \(60,\) are no images"),
        ("shape=3by4", "is no shape"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        parse_preprocessing(text, SHAPE)
    assert caught.value.hint
