"""Recorded views of training images: what they are, and that they depend on content alone."""

from __future__ import annotations

import numpy as np
import pytest

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.augment import parse_augment
from transfer.augmenter import Augmenter
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.samples import ArraySamples
from transfer.features import Inputs
from transfer.inputs import ModelInput
from transfer.viewed import Viewed, viewed

SHAPE, VIEWS = (8, 8, 3), 3
HOW = Preprocessing(SHAPE, scale=1 / 255)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, *SHAPE), np.uint8)


def feed(images: np.ndarray = IMAGES) -> ArrayFeed:
    return ArrayFeed(ArraySamples.of(images, "d.npz"), (ModelInput("X", SHAPE),), HOW)


def of(images: np.ndarray = IMAGES, text: str = "flip,crop=0.2,color=0.3", seed: int = 0, views: int = VIEWS) -> Viewed:
    return Viewed(feed(images), Augmenter(parse_augment(text), SHAPE, HOW, seed=seed), views)


def every(made: Viewed) -> np.ndarray:
    return made.read(np.arange(len(made)))[0].reshape(-1, VIEWS, *SHAPE)


def test_the_first_view_is_the_sample_itself_and_the_others_differ() -> None:
    made = of()
    assert (len(made), made.shapes, made.dtypes) == (18, (SHAPE,), ("float32",))
    images = every(made)
    assert (images.dtype, images.shape) == (np.float32, (6, VIEWS, *SHAPE))
    np.testing.assert_array_equal(images[:, 0], feed().read(np.arange(6))[0])
    for one in images:
        assert len({view.tobytes() for view in one}) == VIEWS


def test_digests_say_which_view_of_what_it_is() -> None:
    made = of()
    digests = made.digests
    assert (digests.shape, digests.dtype) == ((18, 32), np.uint8)
    np.testing.assert_array_equal(digests[::VIEWS], feed().digests)
    assert len({row.tobytes() for row in digests}) == 18
    np.testing.assert_array_equal(of().digests, digests)
    firsts = {row.tobytes() for row in digests[::VIEWS]}
    for other in (of(seed=1), of(text="flip,crop=0.2")):
        shared = {row.tobytes() for row in digests} & {row.tobytes() for row in other.digests}
        assert shared == firsts, "of another seed or change the samples alone are the same"
    more = of(views=5).digests.reshape(6, 5, 32)
    np.testing.assert_array_equal(more[:, :VIEWS], digests.reshape(6, VIEWS, 32)), "more views extend fewer"


def test_a_view_depends_on_the_samples_content_seed_and_number_alone() -> None:
    images = every(of())
    np.testing.assert_array_equal(every(of()), images)
    order = np.array([4, 0, 5, 2, 1, 3])
    moved = every(of(IMAGES[order]))
    np.testing.assert_allclose(moved, images[order], atol=1e-6)
    other = every(of(seed=1))
    np.testing.assert_array_equal(other[:, 0], images[:, 0])
    assert not np.isclose(other[:, 1:], images[:, 1:]).all(axis=(2, 3, 4)).any()


def test_rows_come_in_any_order_and_in_blocks() -> None:
    made = of()
    images = every(made).reshape(-1, *SHAPE)
    rows = np.array([7, 0, 17, 7, 3])
    np.testing.assert_allclose(made.read(rows)[0], images[rows], atol=1e-6)
    blocks = list(made.blocks(np.arange(len(made)), 4))
    assert [chosen.tolist() for chosen, _ in blocks] == [list(range(at, min(at + 4, 18))) for at in range(0, 18, 4)]
    np.testing.assert_allclose(np.concatenate([arrays[0] for _, arrays in blocks]), images, atol=1e-6)


def test_labels_stand_beside_each_view() -> None:
    augmenter = Augmenter(parse_augment("flip"), SHAPE, HOW)
    split = viewed(Inputs(feed(), np.arange(6)), augmenter, 2)
    assert (len(split.feed), split.labels.tolist()) == (12, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    rows = viewed(Inputs(feed(), np.arange(12).reshape(6, 2)), augmenter, 2).labels
    assert rows[2:4].tolist() == [[2, 3], [2, 3]]


def test_mixed_samples_cannot_be_recorded() -> None:
    with pytest.raises(ZooError, match="--augment mixup mixes samples anew in each step"):
        every(of(text="mixup"))
