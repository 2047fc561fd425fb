"""`.npz` and HDF5 files of arrays: which keys are understood, what is refused, and that they are read alike."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import blobs

from registry.errors import ZooError
from transfer.data.arrays import h5, npz
from transfer.data.arrays.samples import ArraySamples
from transfer.data.reading import Reading
from transfer.data.records import Found, Samples

X, Y = blobs(30)
IMAGES = (np.arange(30 * 16) % 251).astype(np.uint8).reshape(30, 4, 4)
ONE_HOT = np.eye(3, dtype=np.float32)[Y]
MANY = (np.arange(90) % 4 > 1).astype(np.int64).reshape(30, 3)


def as_npz(folder: Path, arrays: dict[str, Any]) -> Path:
    np.savez(folder / "d.npz", **arrays)
    return folder / "d.npz"


def as_packed_npz(folder: Path, arrays: dict[str, Any]) -> Path:
    np.savez_compressed(folder / "d.npz", **arrays)
    return folder / "d.npz"


def as_h5(folder: Path, arrays: dict[str, Any]) -> Path:
    with h5py.File(folder / "d.h5", "w") as file:
        for key, array in arrays.items():
            text = np.asarray(array).dtype.kind == "U"
            file.create_dataset(key, data=np.asarray(array, object) if text else array)
    return folder / "d.h5"


def as_packed_h5(folder: Path, arrays: dict[str, Any]) -> Path:
    with h5py.File(folder / "d.h5", "w") as file:
        for key, array in arrays.items():
            text = np.asarray(array).dtype.kind == "U"
            pack = {"compression": "gzip"} if np.asarray(array).ndim else {}
            file.create_dataset(key, data=np.asarray(array, object) if text else array, **pack)
    return folder / "d.h5"


Write = Callable[[Path, dict[str, Any]], Path]
WRITERS = (as_npz, as_packed_npz, as_h5, as_packed_h5)
every_file = pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)


def read(path: Path, **how: Any) -> Found:
    return (npz if npz.claims(path) else h5).read(path, "named", Reading(**how))


def taken(samples: Samples) -> Any:
    assert isinstance(samples, ArraySamples)
    return samples.take(np.arange(len(samples)))


KEYS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "x and y": ({"x": X, "y": Y}, {"all": 30}),
    "splits": ({"x_train": X, "y_train": Y, "x_valid": X[:9], "y_valid": Y[:9], "x_test": X[:5], "y_test": Y[:5]},
               {"train": 30, "valid": 9, "test": 5}),
    "x_val": ({"x_train": X, "y_train": Y, "x_val": X[:9], "y_val": Y[:9]}, {"train": 30, "valid": 9}),
    "x_validation": ({"x_train": X, "y_train": Y, "x_validation": X[:9], "y_validation": Y[:9]},
                     {"train": 30, "valid": 9}),
    "split first": ({"train_images": X, "train_labels": Y, "test_images": X[:9], "test_labels": Y[:9]},
                    {"train": 30, "test": 9}),
    "capitals": ({"X_train": X, "Y_train": Y}, {"train": 30}),
    "only test": ({"x_test": X, "y_test": Y}, {"test": 30}),
    "images and labels": ({"images": X, "labels": Y}, {"all": 30}),
    "data and target": ({"data": X, "target": Y}, {"all": 30}),
    "features and classes": ({"features": X, "classes": Y}, {"all": 30}),
    "splits before x and y": ({"x_train": X, "y_train": Y, "x": X[:4], "y": Y[:4]}, {"train": 30}),
    "found by shape": ({"pixels": X, "species": Y, "note": np.arange(4)}, {"all": 30}),
    "half found by shape": ({"images": X, "species": Y}, {"all": 30}),
    "a column": ({"x": X, "y": Y[:, None]}, {"all": 30}),
    "a column found by shape": ({"pixels": X, "species": Y[:, None]}, {"all": 30}),
    "one-hot": ({"x": X, "y": ONE_HOT}, {"all": 30}),
}  # fmt: skip


@every_file
@pytest.mark.parametrize("name", KEYS)
def test_keys_that_are_understood(tmp_path: Path, write: Write, name: str) -> None:
    arrays, sizes = KEYS[name]
    found = read(write(tmp_path, arrays))
    assert (found.ref, found.kind, found.broken) == ("named", "arrays", ())
    assert {part: len(records) for part, records in found.parts.items()} == sizes
    for records in found.parts.values():
        assert records.labels is not None
        assert np.array_equal(taken(records.samples), X[: len(records)])
        assert records.labels.dtype.kind == "i" and np.array_equal(records.labels, Y[: len(records)])


@every_file
def test_an_array_for_each_input(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, {"x.b": X, "x.words/ids": np.arange(30), "y": Y})
    samples = read(path).parts["all"].samples
    both = taken(samples)
    assert np.array_equal(both["b"], X) and both["words/ids"].tolist() == list(range(30))
    assert samples.where(3) == f"{path}: x, row 3"


def test_groups_of_an_hdf5_file_are_splits_or_inputs(tmp_path: Path) -> None:
    found = read(as_h5(tmp_path, {"train/images": X, "train/labels": Y, "test/images": X[:3], "test/labels": Y[:3]}))
    assert {part: len(records) for part, records in found.parts.items()} == {"train": 30, "test": 3}
    found = read(as_h5(tmp_path, {"x_train/a": X, "x_train/b": X, "y_train": Y}))
    assert sorted(taken(found.parts["train"].samples)) == ["a", "b"]


LABELS: dict[str, tuple[Any, dict[str, Any], Any, tuple[str, ...]]] = {
    "text": (Y.astype(str), {}, Y.astype(str), ()),
    "truth": (Y == 1, {}, (Y == 1).astype(np.uint8), ()),
    "numbers": (Y + 0.5, {}, Y + 0.5, ()),
    "several": (MANY, {}, MANY, ("0", "1", "2")),
    "several by truth": (MANY == 1, {}, MANY, ("0", "1", "2")),
    "one-hot, meant as several": (ONE_HOT, {"target_type": "multilabel"}, ONE_HOT, ("0", "1", "2")),
    "several numbers": (X[:, :2], {"target_type": "number"}, X[:, :2], ("0", "1")),
    "whole numbers as float": (Y.astype(float), {"target_type": "class"}, Y, ()),
}


@every_file
@pytest.mark.parametrize("name", LABELS)
def test_labels(tmp_path: Path, write: Write, name: str) -> None:
    labels, how, expected, names = LABELS[name]
    records = read(write(tmp_path, {"x": X, "y": labels}), **how).parts["all"]
    assert records.labels is not None
    assert records.labels.dtype.kind == {"whole numbers as float": "i"}.get(name, np.asarray(expected).dtype.kind) or (
        records.labels.dtype == np.uint8
    )
    assert np.array_equal(records.labels, expected) and records.names == names


def test_one_hot_holds_for_all_splits_or_none(tmp_path: Path) -> None:
    found = read(as_npz(tmp_path, {"x_train": X, "y_train": MANY, "x_test": X, "y_test": ONE_HOT}))
    assert all(records.labels is not None and records.labels.ndim == 2 for records in found.parts.values())


@every_file
def test_data_without_labels(tmp_path: Path, write: Write) -> None:
    assert read(write(tmp_path, {"x": X})).parts["all"].labels is None
    assert {part: records.labels for part, records in read(write(tmp_path, {"x_test": X})).parts.items()} == {
        "test": None
    }


@every_file
def test_the_user_names_labels_and_groups(tmp_path: Path, write: Write) -> None:
    arrays = {"scans": X, "sick": Y, "patient": np.arange(30) // 3}
    records = read(write(tmp_path, arrays), target="sick", group_column="patient").parts["all"]
    assert records.labels is not None and records.groups is not None
    assert np.array_equal(records.labels, Y) and records.groups.tolist()[:4] == ["0", "0", "0", "1"]


NAN = np.where(np.arange(30)[:, None] == 7, np.nan, X)
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unknown key": ({"a": X}, {}, "holds the keys a; expected x_train and y_train"),
    "unknown key, shown": ({"a": X}, {}, "such as images and labels; they are a [30, 8] float32"),
    "nothing": ({}, {}, "holds the keys none; expected"),
    "two pairs": ({"a": X, "b": Y, "c": Y}, {}, "they are a [30, 8] float32, b [30] int64, c [30] int64"),
    "single number": ({"x": np.float32(1), "y": np.int64(1)}, {},
                      "x holds a single number; expected samples (n, ...)"),
    "rows": ({"x": X, "y": Y[:-1]}, {}, "x has 30 samples and labels of shape (29,); expected (30,)"),
    "rows of an input": ({"x.a": X, "x.b": X[:9], "y": Y}, {},
                         "x, input 'b', has 9 samples and labels of shape (30,); expected (9,)"),
    "rows without labels": ({"x.a": X, "x.b": X[:9]}, {}, "x, input 'b', has 9 samples; expected 30"),
    "not finite": ({"x": NAN, "y": Y}, {}, "x holds NaN or infinite values in 1 of 30 rows, the first in row 7"),
    "not finite input": ({"x.a": X, "x.b": NAN, "y": Y}, {}, "x, input 'b', holds NaN or infinite values in 1 of 30"),
    "two of one role": ({"x": X, "images": X, "y": Y}, {}, "holds both images and x"),
    "one input and several": ({"x": X, "x.a": X, "y": Y}, {}, "holds both x and x.a"),
    "other inputs": ({"x_train.a": X, "x_train.b": X, "y_train": Y, "x_valid.a": X, "y_valid": Y}, {},
                     "x_valid holds the inputs a; expected the inputs a, b, as in x_train"),
    "no inputs": ({"x_train.a": X, "y_train": Y, "x_valid": X, "y_valid": Y}, {},
                  "x_valid holds one array; expected the inputs a, as in x_train"),
    "no labels for a split": ({"x_train": X, "y_train": Y, "x_test": X}, {},
                              "holds x_test and no labels for it; expected y_test"),
    "no samples for labels": ({"x_train": X, "y_train": Y, "y_test": Y}, {},
                              "holds y_test and no samples for them; expected x_test"),
    "labels of three axes": ({"x": X, "y": np.zeros((30, 2, 2))}, {},
                             "x labels have the shape (30, 2, 2); expected one a sample, or a row of 0 and 1 a sample"),
    "other than 0 and 1": ({"x": X, "y": MANY + 1}, {},
                           "x labels have the shape (30, 3) and other values than 0 and 1, the first in row 0"),
    "no classes": ({"x": X, "y": MANY}, {"target_type": "class"},
                   "x labels are no classes: row 2 has not exactly one 1"),
    "fractions as classes": ({"x": X, "y": Y + 0.5}, {"target_type": "class"},
                             "x labels are no classes: row 0 holds 0.5"),
    "labels not finite": ({"x": X, "y": NAN[:, 0]}, {}, "x labels hold NaN or infinite values, the first in row 7"),
    "labels of other shapes": ({"x_train": X, "y_train": MANY, "x_test": X, "y_test": Y}, {},
                               "x_test has labels of shape (30,); expected as in"),
    "target missing": ({"x": X, "y": Y}, {"target": "z"}, "has no array 'z' for the labels; it holds x [30, 8]"),
    "target of many": ({"a": X, "b": X, "z": Y}, {"target": "z"}, "has 2 arrays that can be the samples of 'z'"),
    "two targets": ({"x": X, "y": Y}, {"target": "y,z"}, "expected one key for --target, got 2"),
    "image column": ({"x": X, "y": Y}, {"image_column": "x"}, "holds arrays and has no image column"),
    "group missing": ({"x": X, "y": Y}, {"group_column": "g"},
                      "--group-column g wants an array of shape (30,); got no such array"),
    "groups of splits": ({"x_train": X, "y_train": Y, "g": Y}, {"group_column": "g"}, "is split already"),
}  # fmt: skip


@pytest.mark.parametrize("write", [as_npz, as_packed_h5], ids=lambda write: write.__name__)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(tmp_path: Path, write: Write, name: str) -> None:
    arrays, how, message = REFUSED[name]
    path = write(tmp_path, arrays)
    with pytest.raises(ZooError) as caught:
        read(path, **how)
    assert message in caught.value.message and str(path) in caught.value.message


@every_file
def test_rows_that_are_not_finite_are_left_out_and_listed(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, {"x": NAN, "y": Y, "g": Y})
    found = read(path, skip_broken=True, group_column="g")
    (broken,) = found.broken
    assert (broken.where, broken.why) == (f"{path}: x, row 7", "it holds NaN or infinite values")
    records = found.parts["all"]
    assert records.labels is not None and records.groups is not None
    assert np.array_equal(records.labels, np.delete(Y, 7)) and len(records.groups) == len(records) == 29
    assert np.array_equal(taken(records.samples), np.delete(X, 7, axis=0))
    assert records.samples.where(7) == f"{path}: x, row 8"


def test_text_is_no_sample(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="x samples are of dtype <U32; expected numbers"):
        read(as_npz(tmp_path, {"x": X.astype(str), "y": Y}))


# .npz


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there are no data at") as caught:
        read(tmp_path / "missing.npz")
    assert caught.value.hint == "--data takes an .npz file"
    for name, content in {"text.npz": b"hello", "empty.npz": b"", "cut.npz": b"PK\x03\x04 cut short"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ZooError, match=r"is no readable \.npz file"):
            read(tmp_path / name)
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(ZooError, match="holds a single array; expected x_train and y_train"):
        read(tmp_path / "one.npy")
    np.savez(tmp_path / "objects.npz", x=np.array([{}, {}], object), y=np.array([0, 1]))
    with pytest.raises(ZooError, match=r"objects\.npz is no readable \.npz file: x holds .* allow_pickle=False"):
        read(tmp_path / "objects.npz")
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ZooError, match=r"it holds readme\.txt; expected arrays, NAME\.npy"):
        read(tmp_path / "other.npz")


def npy(shape: str, descr: str = "<f4", content: bytes = b"") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy("(9000000000, 8)"), "x declares 288,000,000,000 bytes of numbers and has 0"),
        (npy("(2, 8)", content=bytes(65)), "x declares 64 bytes of numbers and has 65"),
        (npy("(2, -8)", content=bytes(64)), "x declares -64 bytes of numbers and has 64"),
        (npy("(2,", content=bytes(64)), "no readable .npz file: "),
        (b"\x93NUMPY\3\0" + bytes(200), "x has the version (3, 0) of .npy files; expected 1.0 or 2.0"),
        (b"hello", "no readable .npz file: "),
        (b"", "no readable .npz file: "),
    ],
)
def test_headers_that_lie(tmp_path: Path, content: bytes, message: str) -> None:
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", content)
        archive.writestr("y.npy", npy("(2,)", "<i8", bytes(16)))
    with pytest.raises(ZooError) as caught:
        read(tmp_path / "d.npz")
    assert message in caught.value.message


@pytest.mark.parametrize("write", [as_npz, as_packed_npz], ids=lambda write: write.__name__)
@pytest.mark.parametrize("mapped", [0, npz.MAPPED])
def test_a_damaged_array_is_found_by_its_checksum(
    tmp_path: Path, write: Write, mapped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "MAPPED", mapped)
    path = write(tmp_path, {"x": np.random.default_rng(0).random((500, 8)), "y": np.arange(500)})
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(ZooError, match=r"d\.npz is no readable \.npz file: "):
        read(path)


@pytest.mark.parametrize("write", [as_npz, as_packed_npz], ids=lambda write: write.__name__)
def test_large_arrays_are_mapped(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MAPPED", 0)
    turned = np.asfortranarray(X)
    found = read(write(tmp_path, {"x_train": X, "y_train": Y, "x_test": turned, "y_test": Y}))
    for records in found.parts.values():
        assert isinstance(records.samples, ArraySamples)
        assert isinstance(records.samples.arrays[""], np.memmap)
        assert np.array_equal(taken(records.samples), X)


# HDF5


def test_an_array_in_one_piece_is_mapped(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d.h5", "w", userblock_size=1024) as file:
        file["x"], file["y"] = IMAGES.astype(">i2"), Y
    samples = read(tmp_path / "d.h5").parts["all"].samples
    assert isinstance(samples, ArraySamples) and isinstance(samples.arrays[""], np.memmap)
    assert np.array_equal(taken(samples), IMAGES)


def test_a_packed_array_that_is_too_large_is_read_by_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5, "HELD", 100)
    path = as_packed_h5(tmp_path, {"x": IMAGES, "y": Y})
    samples = read(path).parts["all"].samples
    assert isinstance(samples, ArraySamples) and isinstance(samples.arrays[""], h5.PackedRows)
    for rows in ([0], [29, 0, 7, 7, 3], list(range(30)), []):
        assert np.array_equal(samples.take(np.array(rows, np.int64)), IMAGES[rows])
    assert np.array_equal(samples.digests, ArraySamples.of(IMAGES, "").digests)
    os.truncate(path, 700)
    with pytest.raises(ZooError, match=r"d\.h5 is damaged at x: "):
        samples.take(np.array([4]))


def test_links_out_of_the_file(tmp_path: Path) -> None:
    as_h5(tmp_path, {"x": X, "y": Y}).rename(tmp_path / "other.h5")
    for name, link in {"external": h5py.ExternalLink("other.h5", "x"), "soft": h5py.SoftLink("/y")}.items():
        with h5py.File(tmp_path / "d.h5", "w") as file:
            file["y"], file["x"] = Y, link
        with pytest.raises(ZooError, match=f"has a link of the kind {name} at x: only what lies in the file itself"):
            read(tmp_path / "d.h5")


def test_arrays_stored_in_other_files(tmp_path: Path) -> None:
    as_h5(tmp_path, {"x": X, "y": Y}).rename(tmp_path / "other.h5")
    layout = h5py.VirtualLayout(X.shape, X.dtype)
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "x", X.shape)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["y"] = Y
        file.create_virtual_dataset("x", layout)
    with pytest.raises(ZooError, match="the array x is stored in another file: only this file is read"):
        read(tmp_path / "d.h5")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["y"] = Y
        file.create_dataset("x", X.shape, X.dtype, external=[(str(tmp_path / "raw"), 0, X.nbytes)])
    with pytest.raises(ZooError, match="the array x is stored in another file: only this file is read"):
        read(tmp_path / "d.h5")


def test_hdf5_that_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there are no data at"):
        read(tmp_path / "missing.h5")
    (tmp_path / "text.h5").write_bytes(b"hello, world " * 9)
    with pytest.raises(ZooError, match="is no HDF5 file, or is damaged: it does not begin as HDF5 files do"):
        read(tmp_path / "text.h5")
    path = as_h5(tmp_path, {"x": X, "y": Y})
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(ZooError, match="is no HDF5 file, or is damaged: it is cut short"):
        read(path)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["y"] = Y
        file.create_dataset("x", data=np.array([file["y"].ref] * 30, object), dtype=h5py.ref_dtype)
    with pytest.raises(ZooError, match=r"d\.h5: x holds objects: expected numbers"):
        read(tmp_path / "d.h5")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_dataset("x", (10**9, 8), np.float32, chunks=(1000, 8))
        file["y"] = Y
    with pytest.raises(ZooError, match="the array x declares 32,000,000,000 bytes and stores 0: it is damaged"):
        read(tmp_path / "d.h5")


def test_labels_that_are_no_utf8(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"] = X[:2]
        file.create_dataset("y", data=np.array([b"caf\xe9", b"tea"], object), dtype=h5py.string_dtype("ascii"))
    with pytest.raises(ZooError, match=r"y holds b'caf\\xe9', which is no text in UTF-8"):
        read(tmp_path / "d.h5")
    with pytest.raises(ZooError, match="x labels are no text in UTF-8"):
        read(as_npz(tmp_path, {"x": X[:2], "y": np.array([b"caf\xe9", b"tea"])}))


def test_highly_compressible_labels_are_read(tmp_path: Path) -> None:
    arrays = {"x": np.zeros((20_000, 4), np.uint8), "y": np.zeros(20_000, np.int64)}
    assert len(read(as_packed_h5(tmp_path, arrays)).parts["all"]) == 20_000


def test_texts_that_hdf5_does_not_come_to_an_end_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_h5(tmp_path, {"x": X, "y": Y.astype(str)})
    monkeypatch.setattr(h5, "READ", "import time; time.sleep(60)")
    monkeypatch.setattr(h5, "PATIENCE", 0.5)
    with pytest.raises(ZooError, match=r"d\.h5 is damaged: HDF5 does not come to an end with y"):
        read(path)
    monkeypatch.setattr(h5, "READ", "import os; os.abort()")
    monkeypatch.setattr(h5, "PATIENCE", 20)
    with pytest.raises(ZooError, match=r"d\.h5 is damaged: HDF5 crashes on y"):
        read(path)
