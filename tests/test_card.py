from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.card import (
    INTERPOLATIONS,
    RESIZES,
    Card,
    FileEntry,
    LayerInfo,
    Lineage,
    Preprocessing,
    TensorSpec,
    decode,
    encode,
    renamed,
    revision_of,
)  # fmt: skip
from registry.errors import ZooError

text = st.text(max_size=8)
sha = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
shapes = st.lists(st.none() | st.integers(1, 999), max_size=4).map(tuple)
layers = st.builds(LayerInfo, text, text, st.integers(0, 10**9), st.booleans(), st.lists(text, max_size=2).map(tuple))
paths = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,4})?", fullmatch=True)
files = st.builds(FileEntry, paths, st.integers(0, 10**12), sha)
factors = st.floats(-9, 9) | st.tuples(*3 * [st.floats(-9, 9)])
cards = st.builds(
    Card,
    name=st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,9})?", fullmatch=True),
    format=text,
    weights=paths,
    classes=st.lists(text, max_size=3).map(tuple),
    inputs=st.lists(st.builds(TensorSpec, text, shapes, text), max_size=2).map(tuple),
    preprocessing=st.none()
    | st.builds(
        Preprocessing,
        st.just((28, 3)),
        text,
        factors,
        factors,
        st.sampled_from(("", "bgr")),
        st.sampled_from(RESIZES),
        st.sampled_from(INTERPOLATIONS),
        st.booleans(),
    ),
    layers=st.lists(layers, max_size=3).map(tuple),
    files=st.lists(files, max_size=3, unique_by=lambda file: file.path).map(tuple),
    metrics=st.dictionaries(text, st.floats(0, 1) | st.lists(st.floats(0, 1), min_size=2, max_size=2), max_size=2),
    lineage=st.none() | st.builds(Lineage, parent=text, reused=st.lists(text, max_size=2).map(tuple)),
)


@given(cards)
def test_encode_and_decode_are_inverse_and_canonical(card: Card) -> None:
    again = decode(encode(card))
    assert again == card
    assert encode(again) == encode(card)
    assert revision_of(again) == revision_of(card)


def test_any_change_is_another_revision() -> None:
    card = Card("a", "keras", "model.keras")
    assert revision_of(card) != revision_of(renamed(card, "b"))


def test_sums() -> None:
    card = Card("a", "keras", "w", layers=(LayerInfo("h", "Dense", 3), LayerInfo("o", "Dense", 4)),
                files=(FileEntry("w", 10, "0" * 64),))  # fmt: skip
    assert (card.parameters, card.bytes) == (7, 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "Expected `str`, got `int` - at `$.name`"),
        ({"name": "../x"}, "is no model name"),
        ({"schema": 99}, "has schema 99; this version reads up to 1"),
        ({"layers": [{"name": "h", "type": "Dense", "parameters": "many"}]}, "at `$.layers[0].parameters`"),
        ({"files": [{"path": "../../etc/passwd", "bytes": 1, "sha256": "0" * 64}]}, "leaves the model's folder"),
        ({"files": [{"path": "/etc/passwd", "bytes": 1, "sha256": "0" * 64}]}, "leaves the model's folder"),
        ({"files": [{"path": "w", "bytes": 1, "sha256": "0" * 63}]}, "no valid sha256"),
    ],
)
def test_broken_cards(change: dict[str, object], message: str) -> None:
    document = json.loads(encode(Card("a", "keras", "w"))) | change
    with pytest.raises(ZooError) as caught:
        decode(json.dumps(document).encode(), "x/zoo.json")
    assert message in caught.value.message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_no_card_at_all(content: bytes) -> None:
    with pytest.raises(ZooError, match=r"x/zoo\.json is no model card"):
        decode(content, "x/zoo.json")


def test_a_huge_card_is_refused() -> None:
    with pytest.raises(ZooError, match="a card has at most"):
        decode(b" " * (16 * 2**20 + 1))


@pytest.mark.parametrize("path", ["../w.keras", "/etc/passwd", "a/../../b", "a\\b"])
def test_weights_and_tests_stay_in_the_folder(path: str) -> None:
    good = encode(Card("a", "keras", "w.keras", tests="t.npz"))
    for known in (b"w.keras", b"t.npz"):
        with pytest.raises(ZooError, match=r"zoo\.json is no model card: the path .* leaves the model's folder"):
            decode(good.replace(known, path.replace("\\", "\\\\").encode()))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": "cmyk"}, "expected rgb, bgr or nothing"),
        ({"scale": (1.0, 2.0)}, r"scale has 2 numbers for samples of shape \(4, 4, 3\)"),
        ({"offset": (1.0,)}, "offset has 1 numbers"),
        ({"shape": (4, 4), "channels": "bgr"}, "have no three colours"),
        ({"resize": "squash"}, "resize is 'squash'; expected stretch, crop, pad or nothing"),
        ({"interpolation": "area"}, "interpolation is 'area'; expected bilinear, bicubic, nearest"),
        ({"shape": (784,), "resize": "crop"}, r"samples of shape \(784,\) are no images"),
        ({"shape": (0, 4, 3), "resize": "crop"}, r"samples of shape \(0, 4, 3\) are no images"),
    ],
)
def test_a_preprocessing_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing(**{"shape": (4, 4, 3), **fields})
