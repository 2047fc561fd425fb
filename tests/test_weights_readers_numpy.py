"""`.npz` and `.npy`: what NumPy wrote comes back, and what is damaged or holds objects is refused."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from weight_files import NUMBERS, npy

from registry.errors import ZooError
from transfer.weights.readers.numpy_file import read

TREE = {
    "conv1/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "conv1/bias": np.arange(3.0),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "swapped": np.arange(4, dtype=">i2"),
    "number": np.array(3, np.int64), "none": np.zeros((2, 0)),
}  # fmt: skip


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "w.npz", **TREE)
    found = read(tmp_path / "w.npz")
    assert (found.format, found.convention, found.notes) == ("numpy", "numpy", ())
    assert list(found.shapes) == list(TREE)
    for name, array in TREE.items():
        assert found.shapes[name] == array.shape
        assert found.load(name).dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found.load(name), array)


@given(
    array=arrays.arrays(
        st.one_of(arrays.floating_dtypes(endianness="?"), arrays.integer_dtypes(endianness="?")),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    fortran=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_npy(tmp_path_factory: pytest.TempPathFactory, array: Any, fortran: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "kernel.npy"
    np.save(path, np.asfortranarray(array) if fortran and array.ndim else array)
    found = read(path)
    assert dict(found.shapes) == {"kernel": array.shape}
    np.testing.assert_array_equal(found.load("kernel"), array)


def test_texts_are_left_out_with_a_note(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", w=np.ones(2), names=np.array(["a", "b"]))
    found = read(tmp_path / "w.npz")
    assert (list(found.shapes), found.notes) == (["w"], ("left out, since they hold texts: names",))


def header(shape: str, dtype: str = "'<f4'") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"


CASES: dict[str, tuple[bytes, str]] = {
    "larger than the file": (npy(header("(2, 4)")), r"w\.npy holds an array \[2, 4\] float32 at 0, which is outside"),
    "larger than any file": (npy(header(f"({2**62}, {2**62})")), r"holds an array \[\d+, \d+\] float32 at 0, which is"),
    "a negative size": (npy(header("(-2, 3)")), r"a size, stride or offset that is no number from 0 on"),
    "40 axes": (npy(header(f"({'1,' * 40})")), r"w\.npy holds an array of 40 axes; at most 32 are read"),
    "objects": (npy(header("(1,)", "'|O'")), r"w\.npy holds an array of Python objects; expected numbers"),
    "records": (npy(header("(1,)", "[('a', '<f4'), ('b', '<i4')]")), r"holds an array of the type \[\('a'"),
    "raw bytes": (npy(header("(3,)", "'|V8'")), r"w\.npy holds an array of the type \|V8; expected numbers"),
    "dates": (npy(header("(3,)", "'<M8[s]'")), r"holds an array of the type datetime64\[s\]; expected numbers"),
    "no such type": (
        npy(header("(3,)", "'?x'")),
        r"w\.npy is no \.npy file, or a damaged one: descr is not a valid dtype",
    ),
    "a call": (
        npy("__import__('os').system('touch pwned')"),
        r"w\.npy is no \.npy file, or a damaged one: malformed node or string",
    ),
    "deep nesting": (npy("(" * 9000), r"w\.npy is no \.npy file, or a damaged one"),
    "a header beyond the end": (b"\x93NUMPY\1\0\xff\xff{}", r"w\.npy is no \.npy file, or a damaged one: EOF"),
    "a version of records": (
        npy(header("(2,3)"), version=b"\3\0"),
        r"it has the version \(3, 0\), which is for records",
    ),
    "no such version": (npy(header("(2,3)"), version=b"\x09\7"), r"it has the version \(9, 7\)"),
    "only its beginning": (b"\x93NUMPY", r"w\.npy is no \.npy file, or a damaged one"),
    "texts alone": (npy(header("(6,)", "'<U1'")), r"w\.npy holds no arrays of numbers; expected weights"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("packed", [False, True])
def test_hostile_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, packed: bool) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = CASES[case]
    path = tmp_path / ("w.npz" if packed else "w.npy")
    if packed:
        message = message.replace(r"w\.npy", r"w\.npz: a", 1) if "no arrays" not in message else "holds no arrays"
        _archive(path, {"a.npy": content})
    else:
        path.write_bytes(content)
    start = time.monotonic()
    with pytest.raises(ZooError, match=message) as caught:
        read(path)
    assert time.monotonic() - start < 10 and "\n" not in caught.value.message
    assert not (tmp_path / "pwned").exists()


def _archive(path: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in content.items():
            archive.writestr(name, one)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x.txt": b"hello"}, r"w\.npz is no \.npz file: it holds x\.txt; expected arrays, called NAME\.npy"),
        ({"../x.npy": b""}, r"w\.npz has the entry '\.\./x\.npy', which points outside the archive"),
        ({}, r"w\.npz is damaged, or no pickle|holds no arrays"),
    ],
)
def test_other_archives(tmp_path: Path, content: dict[str, bytes], message: str) -> None:
    _archive(tmp_path / "w.npz", content)
    with pytest.raises(ZooError, match=message):
        read(tmp_path / "w.npz")


def test_objects_that_numpy_pickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", w=np.ones(2), o=np.array([{}, 1], object))
    with pytest.raises(ZooError, match=r"w\.npz: o holds an array of Python objects") as caught:
        read(tmp_path / "w.npz")
    assert "numpy.savez" in caught.value.hint


def test_a_truncated_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", w=np.ones(100))
    (tmp_path / "w.npz").write_bytes((tmp_path / "w.npz").read_bytes()[:-30])
    with pytest.raises(ZooError, match=r"w\.npz is no zip archive, or a damaged one: it lacks the directory"):
        read(tmp_path / "w.npz")


def test_damage_that_shows_when_an_array_is_read(tmp_path: Path) -> None:
    _archive(tmp_path / "w.npz", {"a.npy": npy(header("(6000,)"), NUMBERS * 1000)})
    found = read(tmp_path / "w.npz")
    content = bytearray((tmp_path / "w.npz").read_bytes())
    content[60] ^= 255
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(ZooError, match=r"w\.npz: the entry a\.npy (is damaged|ends early)"):
        found.load("a")


def test_many_entries_take_their_own_time_only(tmp_path: Path) -> None:
    """Packed entries are found by the directory that was read once: two thousand take no minute."""
    one = npy(header("(2, 3)"))
    _archive(tmp_path / "w.npz", {f"{number}.npy": one for number in range(2000)})
    start = time.monotonic()
    assert len(read(tmp_path / "w.npz").shapes) == 2000
    assert time.monotonic() - start < 10
    _archive(tmp_path / "w.npz", {f"{number}.npy": b"" for number in range(10_001)})
    with pytest.raises(ZooError, match=r"w\.npz has 10001 entries; no file of weights has more than 10000"):
        read(tmp_path / "w.npz")


def test_a_long_packed_array_is_read_from_any_place(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 4, 3_000_000).astype(np.int32)
    np.savez_compressed(tmp_path / "w.npz", w=array)
    np.testing.assert_array_equal(read(tmp_path / "w.npz").load("w"), array)
