from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs

from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.data.npz import read
from transfer.prepare import prepare


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path / "d.npz", **arrays)
    return path / "d.npz"


def test_splits_and_classes(data_file: Path) -> None:
    data = read(data_file, "named")
    assert (data.ref, data.classes) == ("named", ("0", "1", "2"))
    assert [len(split) for split in data.splits.values()] == [60, 30, 45]


def test_labels_are_positions_among_sorted_labels(tmp_path: Path) -> None:
    x = np.zeros((4, 2), np.float32)
    data = read(save(tmp_path, x_train=x, y_train=np.array([9, 5, 5, 9]), x_valid=x, y_valid=np.array([9, 9, 5, 5])))
    assert data.classes == ("5", "9")
    assert data.train.y.tolist() == [1, 0, 0, 1]
    assert len(data.test) == 0
    words = read(
        save(tmp_path, x_train=x, y_train=np.array(["b", "a", "a", "b"]), x_valid=x, y_valid=np.array(list("aabb")))
    )
    assert words.classes == ("a", "b")


def test_one_pair_is_split_by_class_and_seed(tmp_path: Path) -> None:
    x, y = blobs(200, classes=2)
    path = save(tmp_path, x=x, y=y)
    data, again, other = read(path, seed=1), read(path, seed=1), read(path, seed=2)
    assert [len(split) for split in data.splits.values()] == [140, 30, 30]
    assert [np.bincount(split.y).tolist() for split in data.splits.values()] == [[70, 70], [15, 15], [15, 15]]
    assert data.fingerprint == again.fingerprint != other.fingerprint
    rows = np.concatenate([split.x for split in data.splits.values()])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, x.tolist()))


def test_the_fingerprint_is_of_content(tmp_path: Path, data_file: Path) -> None:
    data = read(data_file)
    copy = tmp_path / "other-name.npz"
    copy.write_bytes(data_file.read_bytes())
    assert read(copy, "x").fingerprint == data.fingerprint
    arrays = dict(np.load(data_file))
    for key in arrays:
        changed = {name: array.copy() for name, array in arrays.items()}
        changed[key].flat[0] += 1
        assert read(save(tmp_path, **changed)).fingerprint != data.fingerprint, key


X, Y = blobs(30)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X}, "holds the keys a; expected x_train and y_train"),
        ({"x": np.float32(1), "y": np.int64(1)}, "holds a single number; expected samples (n, ...)"),
        ({"x": X, "y": Y[:-1]}, "has 30 samples and labels of shape (29,); expected (30,)"),
        ({"x": X, "y": Y * 0}, "has 1 class(es) in its training split; a classifier wants at least two"),
        ({"x": X, "y": Y + 0.5}, "labels are of dtype float64; expected integers or text"),
        ({"x": X.astype(str), "y": Y}, "samples are of dtype <U32; expected numbers"),
        ({"x": np.where(np.arange(30)[:, None] == 7, np.nan, X), "y": Y},
         "holds NaN or infinite values in 1 of 30 rows, the first in row 7"),
        ({"x_train": X, "y_train": Y, "x_valid": X, "y_valid": Y + 1},
         "y_valid holds labels out of range: 3; expected 0, 1, 2"),
        ({"x_train": X, "y_train": Y, "x_valid": X[:0], "y_valid": Y[:0]},
         "the valid split has samples of fewer than two classes"),
    ],
)  # fmt: skip
def test_bad_data(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError) as caught:
        read(save(tmp_path, **arrays))
    assert message in caught.value.message


def test_labels_that_a_model_does_not_know(data_file: Path) -> None:
    with pytest.raises(ZooError, match="labels out of range: 2; expected 0, 1"):
        read(data_file, classes=("0", "1"))


def test_files_that_are_no_data(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there are no data at"):
        read(tmp_path / "missing.npz")
    for name, content in {"text.npz": b"hello", "empty.npz": b"", "cut.npz": b"PK\x03\x04 cut short"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ZooError, match=r"is no readable \.npz file"):
            read(tmp_path / name)
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(ZooError, match="holds a single array"):
        read(tmp_path / "one.npy")
    np.savez(tmp_path / "objects.npz", x=np.array([{}, {}], object), y=np.array([0, 1]))
    with pytest.raises(ZooError, match="allow_pickle=False"):
        read(tmp_path / "objects.npz")


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
    assert "float32" in caught.value.hint
