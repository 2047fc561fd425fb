from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from found_data import data_set

from registry.errors import ZooError
from transfer.data.arrays.samples import ArraySamples
from transfer.data.dataset import Dataset, Split
from transfer.data.images.samples import ImageSamples
from transfer.data.target import Target
from transfer.environment import environment
from transfer.evaluate import scored
from transfer.mistakes import losses, picture_of, predictions, worst
from transfer.predicted import MOST, PREDICTIONS, Mistake, Predictions, read, write

CLASS = Target("class", ("a", "b", "c"))
LABELS = Target("multilabel", ("a", "b"))
NUMBER = Target("number", ("a", "b"), (0.0, 0.0), (2.0, 4.0))


@pytest.mark.parametrize("target", [CLASS, LABELS, NUMBER])
def test_the_mean_of_the_losses_is_the_score_s(target: Target) -> None:
    random = np.random.default_rng(0)
    outputs = random.normal(size=(50, target.width)).astype(np.float32)
    labels = random.integers(0, 3, 50) if target is CLASS else random.integers(0, 2, (50, 2)).astype(np.float32)
    assert losses(outputs, labels, target).mean() == pytest.approx(scored(outputs, labels, target).loss)


def test_the_worst_are_wrong_and_in_order() -> None:
    outputs = np.array([[5, 0, 0], [0, 3, 0], [0, 9, 0], [0, 0, 1]], np.float32)
    labels = np.zeros(4, np.int64)
    assert worst(outputs, labels, CLASS, losses(outputs, labels, CLASS)).tolist() == [2, 1, 3]
    assert worst(outputs, labels, CLASS, losses(outputs, labels, CLASS), 1).tolist() == [2]
    said, true = np.array([[1, -1], [-9, -1]], np.float32), np.array([[1, 0], [1, 0]], np.float32)
    assert worst(said, true, LABELS, losses(said, true, LABELS)).tolist() == [1]


def test_an_output_that_is_no_number_is_the_worst() -> None:
    outputs, labels = np.array([[0, 3, 0], [0, np.nan, 0]], np.float32), np.zeros(2, np.int64)
    assert worst(outputs, labels, CLASS, losses(outputs, labels, CLASS)).tolist() == [1, 0]


def images(array: np.ndarray) -> Dataset:
    split = Split(ArraySamples.of(array, "x.npz: x_test"), np.zeros(len(array), np.int64))
    return Dataset("x.npz", "arrays", CLASS, split, split, split)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28), (28, 28, 1)),
        ((28, 28, 1), (28, 28, 1)),
        ((200, 100, 3), (64, 32, 3)),
        ((784,), None),
        ((3, 4, 5), None),
    ],
)
def test_pictures_are_small_and_only_of_images(shape: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    for dtype in (np.uint8, np.float32):
        samples = ArraySamples.of(np.random.default_rng(0).integers(0, 255, (2, *shape)).astype(dtype), "x")
        picture = picture_of(samples, 1)
        assert (None if picture is None else picture.shape) == expected
        assert picture is None or picture.dtype == np.uint8


def test_a_picture_is_the_sample() -> None:
    array = np.random.default_rng(0).integers(0, 255, (2, 8, 8)).astype(np.uint8)
    said = predictions(np.array([[0, 9, 0], [0, 1, 0]], np.float32), images(array), "test")
    assert [one.row for one in said.worst] == [0, 1]
    assert said.worst[0].picture is not None
    assert np.array_equal(said.worst[0].picture[..., 0], array[0])
    assert said.worst[1].where == "x.npz: x_test, row 1"


def test_a_file_that_is_gone_or_broken_has_no_picture_and_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    samples = ImageSamples(tmp_path, ["gone.png", "broken.png"])
    split = Split(samples, np.zeros(2, np.int64))
    data = Dataset("folder", "images", CLASS, split, split, split)
    said = predictions(np.array([[0, 2, 0], [0, 1, 0]], np.float32), data, "test")
    assert [one.where for one in said.worst] == [str(tmp_path / "gone.png"), str(tmp_path / "broken.png")]
    assert [one.picture for one in said.worst] == [None, None]


def test_predictions_come_back(tmp_path: Path, data_file: Path) -> None:
    data = data_set(data_file)
    outputs = np.random.default_rng(0).normal(size=(len(data.test), 3)).astype(np.float32)
    said = predictions(outputs, data, "test")
    assert 0 < len(said.worst) <= MOST
    write(tmp_path, said)
    again = read(tmp_path)
    assert again is not None
    assert np.array_equal(again.outputs, outputs) and np.array_equal(again.labels, data.test.y)
    assert again.split == "test" and again.worst == said.worst
    assert [path.name for path in tmp_path.glob("*predictions*")] == [PREDICTIONS]


def test_no_mistakes_and_pictures_of_some_come_back(tmp_path: Path) -> None:
    none = Predictions("valid", np.zeros((1, 2), np.float32), np.zeros(1, np.int64))
    write(tmp_path, none)
    assert read(tmp_path).worst == ()  # type: ignore[union-attr]
    picture = np.ones((2, 2, 1), np.uint8)
    worst = (Mistake(0, 1.5, "a", "x = 1\ny = 2"), Mistake(0, 1.0, "b", "", picture))
    write(tmp_path, Predictions("valid", none.outputs, none.labels, worst))
    first, second = read(tmp_path).worst  # type: ignore[union-attr]
    assert first == worst[0]
    assert np.array_equal(second.picture, picture)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    (tmp_path / PREDICTIONS).write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ZooError, match=r"predictions\.npz cannot be read") as caught:
        read(tmp_path)
    assert caught.value.hint == "remove it: the report is then made without it"
    write(tmp_path, Predictions("test", np.zeros((3, 2), np.float32), np.zeros(2, np.int64)))
    with pytest.raises(ZooError, match=r"outputs \(3, 2\) for labels \(2,\); expected one row a label"):
        read(tmp_path)


def test_the_environment_names_the_packages() -> None:
    import keras

    found = environment()
    assert found.packages["keras"] == keras.__version__
    assert set(found.packages) == {"zoo", "tensorflow", "keras", "numpy"}
    assert found.cpus >= 1
