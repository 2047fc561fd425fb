"""From an `.npz` file to a data set. Its keys: `test_arrays_files`; how it is split: `test_dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs
from found_data import data_set

from registry.errors import ZooError


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path / "d.npz", **arrays)
    return path / "d.npz"


def test_splits_and_classes(data_file: Path) -> None:
    data = data_set(data_file, "named")
    assert (data.ref, data.kind, data.classes) == ("named", "arrays", ("0", "1", "2"))
    assert [len(split) for split in data.splits.values()] == [60, 30, 45]


def test_labels_are_positions_among_sorted_labels(tmp_path: Path) -> None:
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    labels = {"y_train": np.array([9, 5, 5, 9]), "y_valid": np.array([9, 9, 5, 5])}
    data = data_set(save(tmp_path, x_train=x, x_valid=x, **labels))
    assert data.classes == ("5", "9")
    assert data.train.y.tolist() == [1, 0, 0, 1]
    assert len(data.test) == 0
    words = data_set(
        save(tmp_path, x_train=x, y_train=np.array(list("baab")), x_valid=x, y_valid=np.array(list("aabb")))
    )
    assert words.classes == ("a", "b")
    assert words.train.y.tolist() == [1, 0, 0, 1]


def test_one_pair_is_split_by_class_and_seed(tmp_path: Path) -> None:
    x, y = blobs(200, classes=2)
    path = save(tmp_path, x=x, y=y)
    data, again, other = (data_set(path, seed=seed) for seed in (1, 1, 2))
    assert [len(split) for split in data.splits.values()] == [140, 30, 30]
    assert [np.bincount(split.y).tolist() for split in data.splits.values()] == [[70, 70], [15, 15], [15, 15]]
    assert data.fingerprint == again.fingerprint != other.fingerprint
    taken = [split.samples.take(np.arange(len(split))) for split in data.splits.values()]  # type: ignore[attr-defined]
    assert sorted(map(tuple, np.concatenate(taken).tolist())) == sorted(map(tuple, x.tolist()))


def test_the_fingerprint_is_of_content(tmp_path: Path, data_file: Path) -> None:
    data = data_set(data_file)
    copy = tmp_path / "other-name.npz"
    copy.write_bytes(data_file.read_bytes())
    assert data_set(copy, "x").fingerprint == data.fingerprint
    arrays = dict(np.load(data_file))
    for key in arrays:
        changed = {name: array.copy() for name, array in arrays.items()}
        changed[key].flat[0] = changed[key].flat[1]
        assert data_set(save(tmp_path, **changed)).fingerprint != data.fingerprint, key


X, Y = blobs(30)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X}, "holds the keys a; expected x_train and y_train"),
        ({"x": X}, "carries no labels"),
        ({"x": X, "y": Y[:-1]}, "x has 30 samples and labels of shape (29,); expected (30,)"),
        ({"x": X, "y": Y * 0}, "has 1 class(es) in its training split; a classifier wants at least two"),
        ({"x": np.where(np.arange(30)[:, None] == 7, np.nan, X), "y": Y},
         "holds NaN or infinite values in 1 of 30 rows, the first in row 7"),
        ({"x_train": X, "y_train": Y, "x_valid": X, "y_valid": Y + 1}, "a label unseen in training: 3, in"),
        ({"x_train": X, "y_train": Y, "x_valid": X[:0], "y_valid": Y[:0]},
         "the valid split has samples of fewer than two classes"),
    ],
)  # fmt: skip
def test_bad_data(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = save(tmp_path, **arrays)
    with pytest.raises(ZooError) as caught:
        data_set(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_labels_that_a_model_does_not_know(data_file: Path) -> None:
    with pytest.raises(ZooError, match=r"a label that the model does not know: 2, in .*; expected 0, 1") as caught:
        data_set(data_file, classes=("0", "1"))
    assert caught.value.hint == "put the labels right, or take the other classes only: --classes NAME,NAME"


def test_what_lies_at_a_path(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there are no data at") as caught:
        data_set(tmp_path / "missing.npz")
    assert caught.value.hint.startswith("--data takes a folder of images, a table (.csv, .tsv, .parquet, .arrow)")
    (tmp_path / "notes.pdf").write_text("hello")
    with pytest.raises(ZooError, match=r"notes\.pdf is no kind of data that is known by its name"):
        data_set(tmp_path / "notes.pdf")
