"""Images as samples: their content's digests, what is remembered of files, and what is not."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, picture, tree

from registry.errors import ZooError
from transfer.data.images import memory as file_memory
from transfer.data.images.memory import HEADER_BYTES, FileMemory, stamps_of
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.data.records import Samples

NAMES = ["a/1.png", "a/2.png", "b/1.png"]
LONG_AGO = 1_700_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tree(tmp_path / "photos", NAMES)
    for name in NAMES:
        os.utime(made / name, (LONG_AGO, LONG_AGO))
    return made


def sha256(path: Path) -> list[int]:
    return list(hashlib.sha256(path.read_bytes()).digest())


def swap(path: Path) -> None:
    """Change a file's content, but neither its size, its time nor its inode."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))


def test_files(root: Path) -> None:
    images = ImageSamples(root, NAMES)
    assert isinstance(images, Samples) and len(images) == 3
    assert images.where(1) == str(root / "a/2.png")
    assert images.digests.shape == (3, 32) and images.digests.dtype == np.uint8
    assert images.digests.tolist() == [sha256(root / name) for name in NAMES]
    with images.open(2) as file:
        assert file.read() == (root / "b/1.png").read_bytes()


def test_some_of_them(root: Path) -> None:
    images = ImageSamples(root, NAMES)
    for _ in range(2):  # before the digests are known, and after
        some = images.rows(np.array([2, 0]))
        assert [some.where(row) for row in range(2)] == [str(root / "b/1.png"), str(root / "a/1.png")]
        assert some.digests.tolist() == images.digests[[2, 0]].tolist()
    assert len(images.rows(np.zeros(0, np.int64)).digests) == 0


def test_names_do_not_count_and_a_changed_byte_does(root: Path) -> None:
    before = ImageSamples(root, NAMES).digests
    moved = root.rename(root.parent / "renamed")
    assert (ImageSamples(moved, NAMES).digests == before).all()
    swap(moved / "a/2.png")
    assert (ImageSamples(moved, NAMES).digests == before).all(axis=1).tolist() == [True, False, True]


def test_what_is_remembered_is_not_read_again_but_by_the_paranoid(root: Path, tmp_path: Path) -> None:
    first = ImageSamples(root, NAMES, memory=tmp_path / "cache").digests
    swap(root / "a/2.png")
    again = ImageSamples(root, NAMES, memory=tmp_path / "cache").digests
    assert (again == first).all()
    looked = ImageSamples(root, NAMES, memory=tmp_path / "cache", paranoid=True).digests
    assert looked.tolist() == [sha256(root / name) for name in NAMES]
    # What the paranoid saw is what is remembered from then on.
    assert (ImageSamples(root, NAMES, memory=tmp_path / "cache").digests == looked).all()


@pytest.mark.parametrize("change", ["size", "time", "inode", "place"])
def test_a_file_that_is_another_is_read(root: Path, tmp_path: Path, change: str) -> None:
    cache, path = tmp_path / "cache", root / "a/2.png"
    first = ImageSamples(root, NAMES, memory=cache).digests
    swap(path)
    if change == "size":
        path.write_bytes(path.read_bytes() + b"\0")
        os.utime(path, (LONG_AGO, LONG_AGO))
    elif change == "time":
        os.utime(path, ns=(LONG_AGO * 10**9, LONG_AGO * 10**9 + 1))
    elif change == "inode":
        copy = path.with_name("copy")
        copy.write_bytes(path.read_bytes())
        os.utime(copy, (LONG_AGO, LONG_AGO))
        copy.replace(path)
    else:
        root = root.rename(tmp_path / "moved")
    found = ImageSamples(root, NAMES, memory=cache).digests
    assert found.tolist() == [sha256(root / name) for name in NAMES]
    assert not (found == first).all()


def test_a_file_that_was_just_written_is_not_remembered(root: Path, tmp_path: Path) -> None:
    cache, path = tmp_path / "cache", root / "a/2.png"
    now = time.time()
    os.utime(path, (now, now))
    ImageSamples(root, NAMES, memory=cache).digests  # noqa: B018
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (now, now))
    assert ImageSamples(root, NAMES, memory=cache).digests.tolist() == [sha256(root / name) for name in NAMES]
    assert FileMemory(cache, "image-digests", 32).lookup(stamps_of([root / name for name in NAMES]))[0].tolist() == [
        True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other width"])
def test_a_damaged_memory_is_not_believed(root: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    first = ImageSamples(root, NAMES, memory=cache).digests
    (path,) = cache.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[HEADER_BYTES + 40] ^= 1
    path.write_bytes({"cut": content[:-7], "empty": b""}.get(damage, content))
    width = 31 if damage == "other width" else 32
    assert not FileMemory(cache, "image-digests", width).lookup(stamps_of([root / name for name in NAMES]))[0].any()
    assert (ImageSamples(root, NAMES, memory=cache).digests == first).all()


def test_a_memory_keeps_what_it_knows_of_others_and_forgets_the_oldest(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = FileMemory(tmp_path / "cache", "sizes", 1)
    stamps = stamps_of([root / name for name in NAMES])
    for row in range(3):
        kept.keep(stamps[row : row + 1], np.full((1, 1), row + 5, np.uint8))
    assert kept.lookup(stamps)[1].tolist() == [[5], [6], [7]]
    kept.keep(stamps[[0, 0]], np.full((2, 1), 9, np.uint8))
    assert kept.lookup(stamps)[1].tolist() == [[9], [6], [7]]
    monkeypatch.setattr(file_memory, "MOST_RECORDS", 2)
    kept.keep(stamps[1:2], np.full((1, 1), 8, np.uint8))
    assert kept.lookup(stamps)[0].tolist() == [True, True, False]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["sizes.memory"]


def test_a_memory_that_cannot_be_written_is_done_without(root: Path, tmp_path: Path) -> None:
    (tmp_path / "cache/image-digests.memory").mkdir(parents=True)
    assert ImageSamples(root, NAMES, memory=tmp_path / "cache").digests.tolist() == [
        sha256(root / name) for name in NAMES
    ]


def test_a_file_that_is_gone_is_named(root: Path) -> None:
    os.mkfifo(root / "pipe")
    names = ["a/3.png", "a", "pipe", "x" * 300, "a/1.png/x"]
    images = ImageSamples(root, names, places=[f"t.csv, row {number}" for number in range(1, 6)])
    with pytest.raises(ZooError) as info:
        images.digests  # noqa: B018
    assert info.value.message == "t.csv, row 1: there is no such file"
    for row, why in enumerate(
        (": there is no such file", ": this is no file", ": this is no file", " cannot be read: File name too long",
         ": there is no such file")
    ):  # fmt: skip
        with pytest.raises(ZooError) as info:
            images.rows(np.array([row])).open(0)
        assert info.value.message == f"t.csv, row {row + 1}{why}"


def test_bytes() -> None:
    held = [encoded(picture(seed)) for seed in range(4)]
    images = EncodedImages(held, lambda row: f"t.parquet, row {row + 1}")
    assert isinstance(images, Samples) and len(images) == 4
    some = images.rows(np.array([3, 1]))
    assert some.where(0) == "t.parquet, row 4"
    assert some.rows(np.array([1])).where(0) == "t.parquet, row 2"
    with some.open(1) as file:
        assert file.read() == held[1]
    assert some.digests.tolist() == [list(hashlib.sha256(held[row]).digest()) for row in (3, 1)]
    assert images.digests[[3, 1]].tolist() == some.digests.tolist() == images.rows(np.array([3, 1])).digests.tolist()


def test_a_hit_costs_one_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened of a file that is remembered."""
    root = tree(tmp_path / "photos", NAMES)
    for name in NAMES:
        os.utime(root / name, (LONG_AGO, LONG_AGO))
    ImageSamples(root, NAMES, memory=tmp_path / "cache").digests  # noqa: B018
    images = ImageSamples(root, NAMES, memory=tmp_path / "cache")
    monkeypatch.setattr(images, "open", None)
    assert images.digests.tolist() == [sha256(root / name) for name in NAMES]
