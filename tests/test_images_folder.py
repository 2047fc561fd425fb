"""Folders of images: classes, splits, order, and all that lies about in them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from pictures import BOMB, encoded, picture, png, tree, write

from registry.errors import ZooError
from transfer.data.images.folder import claims, read
from transfer.data.images.samples import ImageSamples
from transfer.data.images.sound import image_sizes
from transfer.data.reading import Reading
from transfer.data.records import Found

CLASSES = ["cat/1.png", "cat/2.png", "dog/1.png"]
SKIP = Reading(skip_broken=True)


def found(root: Path, reading: Reading | None = None) -> Found:
    return read(root, "", reading or Reading(), None)


def names(parts: Found, split: str = "all") -> list[str]:
    samples = parts.parts[split].samples
    assert isinstance(samples, ImageSamples)
    return list(samples.names)


def labels(parts: Found, split: str = "all") -> list[str]:
    held = parts.parts[split].labels
    assert held is not None
    return held.tolist()


def refused(root: Path, reading: Reading | None = None) -> ZooError:
    with pytest.raises(ZooError) as info:
        found(root, reading)
    return info.value


def test_a_folder_a_class(tmp_path: Path) -> None:
    root = tree(tmp_path / "photos", ["cat/10.png", "cat/9.png", "cat/deep/er/1.png", "dog/1.png", "Ape/1.png"])
    data = read(root, "photos", Reading(), None)
    assert (data.ref, data.kind, list(data.parts), data.broken) == ("photos", "images", ["all"], ())
    assert names(data) == ["Ape/1.png", "cat/9.png", "cat/10.png", "cat/deep/er/1.png", "dog/1.png"]
    assert labels(data) == ["Ape", "cat", "cat", "cat", "dog"]
    assert data.parts["all"].samples.where(4) == f"{root}/dog/1.png"
    assert claims(root) and not claims(root / "dog/1.png") and not claims(root / "none")
    assert found(root).ref == str(root)


@pytest.mark.parametrize("valid", ["valid", "val", "Validation"])
def test_splits_above_the_classes(tmp_path: Path, valid: str) -> None:
    root = tree(tmp_path, ["train/a/1.png", "train/b/1.png", f"{valid}/a/1.png", "test/b/1.png", "test/b/2.png"])
    data = found(root)
    assert list(data.parts) == ["train", "valid", "test"]
    assert [labels(data, split) for split in data.parts] == [["a", "b"], ["a"], ["b", "b"]]
    assert data.parts["test"].samples.where(1) == f"{root}/test/b/2.png"


def test_images_alone_have_no_labels(tmp_path: Path) -> None:
    data = found(tree(tmp_path, ["2.png", "10.png", "1.png"]))
    assert names(data) == ["1.png", "2.png", "10.png"]
    assert data.parts["all"].labels is None


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    data = found(tree(tmp_path, ["car/1.png", "train/1.png", "train/2.png"]))
    assert labels(data) == ["car", "train", "train"]


def test_the_order_does_not_hang_on_the_file_system(tmp_path: Path) -> None:
    wanted = [f"c/{number}.png" for number in range(12)]
    for place, order in (("one", wanted), ("two", wanted[::-1])):
        for name in order:
            write(tmp_path / place / name, int(name[2:-4]))
    first, second = found(tmp_path / "one"), found(tmp_path / "two")
    assert names(first) == names(second) == wanted
    assert (first.parts["all"].samples.digests == second.parts["all"].samples.digests).all()


def test_a_class_is_called_by_the_composed_form_of_its_name(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "été")
    assert labels(found(tree(tmp_path, [f"{name}/1.png"]))) == [unicodedata.normalize("NFC", name)]


def test_what_systems_leave_behind_is_no_data(tmp_path: Path) -> None:
    root = tree(tmp_path, CLASSES)
    for name in (".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini", "__MACOSX/x.txt", ".git/config"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    data = found(root)
    assert names(data) == CLASSES and data.broken == ()


def spoiled(root: Path) -> dict[str, str]:
    """Put one of each kind of broken file into a class; return why each cannot be read."""
    tree(root, CLASSES)
    (root / "cat/notes.txt").write_text("not an image")
    (root / "cat/empty.png").write_bytes(b"")
    (root / "cat/bomb.png").write_bytes(png(*BOMB))
    (root / "cat/nowhere.png").symlink_to("gone.png")
    (root / "cat/self.png").symlink_to("self.png")
    os.mkfifo(root / "cat/pipe.png")
    (root / "README.md").write_text("about")
    (root / "empty").mkdir()
    return {
        "cat/notes.txt": "is no image, or a broken one: it begins with b'not an i'; expected one of JPEG, PNG",
        "cat/empty.png": "is empty; expected an image",
        "cat/bomb.png": "declares 10000x10000 pixels; an image has at most 64 million",
        "cat/nowhere.png": "is a link to nothing",
        "cat/self.png": "cannot be followed: Too many levels of symbolic links",
        "cat/pipe.png": "is neither a file nor a folder",
        "README.md": "is no image, or a broken one: it begins with b'about'",
        "empty/": "is a class without images",
    }


def test_all_that_is_broken_is_listed(tmp_path: Path) -> None:
    expected = spoiled(tmp_path)
    (tmp_path / "dog/short.png").write_bytes(encoded(picture(0, 64, 64))[:-400])
    data = found(tmp_path, SKIP)
    assert names(data) == CLASSES
    assert labels(data) == ["cat", "cat", "dog"]
    listed = {fault.where.removeprefix(f"{tmp_path}/"): fault.why for fault in data.broken}
    assert set(listed) == {*expected, "dog/short.png"}
    for name, why in expected.items():
        assert listed[name].startswith(why)
    assert listed["dog/short.png"].startswith("is a broken image: ")


@pytest.mark.parametrize("only", range(8))
def test_each_kind_of_broken_file_is_an_error_that_names_it(tmp_path: Path, only: int) -> None:
    expected = spoiled(tmp_path)
    name = list(expected)[only]
    for other in set(expected) - {name}:
        path = tmp_path / other
        path.rmdir() if path.is_dir() else path.unlink()
    error = refused(tmp_path)
    assert error.message.startswith(f"{tmp_path}/{name} {expected[name]}")
    assert "more cannot be read" not in error.message
    assert "--skip-broken leaves such files out and lists them" in error.hint


def test_how_many_more_are_broken_is_said(tmp_path: Path) -> None:
    root = tree(tmp_path, CLASSES)
    for name in ("cat/x.txt", "dog/y.txt", "dog/z.txt"):
        (root / name).write_text("text")
    assert refused(root).message.startswith(f"{root}/cat/x.txt is no image")
    assert refused(root).message.endswith("; 2 more cannot be read")
    (root / "a").mkdir()
    (root / "b").mkdir()
    assert refused(root).message == f"{root}/a/ is a class without images; 1 more cannot be read"


def test_what_is_broken_behind_its_header_is_found_by_decoding(tmp_path: Path) -> None:
    root = tree(tmp_path, CLASSES)
    (root / "cat/2.png").write_bytes(encoded(picture(0, 64, 64))[:-400])
    assert names(found(root)) == CLASSES
    assert names(found(root, SKIP)) == ["cat/1.png", "dog/1.png"]


def test_images_beside_class_folders(tmp_path: Path) -> None:
    root = tree(tmp_path, [*CLASSES, "3.png"])
    for reading in (Reading(), SKIP):  # it may be meant: it is not left out
        error = refused(root, reading)
        assert error.message == f"{root}/3.png lies beside the class folders cat, dog"
        assert error.hint.startswith("move it into its class's folder: a folder a class with its images, or train/")
    split = tree(tmp_path / "split", ["train/1.png", "test/a/1.png"])
    assert refused(split).message == f"{split}/train/1.png lies in no class folder"


@pytest.mark.parametrize("splits", [("test",), ("valid",), ("valid", "test")])
def test_splits_without_training_are_found(tmp_path: Path, splits: tuple[str, ...]) -> None:
    data = found(tree(tmp_path, [f"{split}/{name}/1.png" for split in splits for name in "ab"]))
    assert {part: names(data, part) for part in data.parts} == {part: ["a/1.png", "b/1.png"] for part in splits}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/a/1.png", "test/a/1.png", "more/1.png"], " holds the splits test, train, and beside them more/"),
        (["train/a/1.png", "val/a/1.png", "valid/a/1.png"], " holds a split twice: train, val, valid"),
    ],
)
def test_splits_that_are_none(tmp_path: Path, files: list[str], message: str) -> None:
    error = refused(tree(tmp_path, files))
    assert error.message == f"{tmp_path}{message}"
    assert error.hint in (
        "expected a folder a class with its images, or train/, valid/ and test/ above such folders",
        "keep one of them",
    )


def test_a_folder_without_images(tmp_path: Path) -> None:
    assert refused(tmp_path).message == f"{tmp_path} holds no images"
    (tmp_path / "notes.txt").write_text("text")
    assert refused(tmp_path, SKIP).message == f"{tmp_path} holds no images"


@pytest.mark.parametrize("target", ["..", "../..", ".", "../../..", "/"])
def test_a_link_that_leads_in_circles(tmp_path: Path, target: str) -> None:
    root = tree(tmp_path / "photos", CLASSES)
    (root / "cat/in").mkdir()
    (root / "cat/in/loop").symlink_to(target)
    back = {"..": root / "cat", "../..": root, ".": root / "cat/in", "../../..": tmp_path, "/": "/"}[target]
    assert refused(root).message == f"{root}/cat/in/loop leads back to {back}"
    data = found(root, SKIP)
    assert names(data) == CLASSES
    assert [(fault.where, fault.why) for fault in data.broken] == [(f"{root}/cat/in/loop", f"leads back to {back}")]


def test_a_link_to_a_folder_that_was_visited(tmp_path: Path) -> None:
    root = tree(tmp_path / "photos", CLASSES)
    (root / "dog2").symlink_to("dog")
    assert refused(root).message == f"{root}/dog2 is the same folder as {root}/dog"
    split = tree(tmp_path / "split", ["train/a/1.png"])
    (split / "test").symlink_to("train")
    assert refused(split).message.startswith(f"{split}/test is the same folder as {split}/train")
    (split / "test").unlink()
    (split / "train/a/loop").symlink_to("..")
    assert refused(split).message.startswith(f"{split}/train/a/loop leads back to {split}/train")


def test_links_elsewhere_are_followed(tmp_path: Path) -> None:
    away = tree(tmp_path / "away", ["1.png", "2.png"])
    root = tree(tmp_path / "photos", ["cat/1.png"])
    (root / "dog").symlink_to(away)
    (root / "cat/2.png").symlink_to(away / "2.png")
    assert names(found(root)) == ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"]


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    root = tree(tmp_path, CLASSES)
    odd = os.fsdecode(b"\xff.png")
    write(root / "cat" / odd)
    data = found(root)
    assert data.parts["all"].samples.where(2) == f"{root}/cat/\\udcff.png"
    assert data.parts["all"].samples.digests.shape == (4, 32)
    write(root / os.fsdecode(b"\xfe") / "1.png")
    assert refused(root).message == f"the class folder {root}/\\udcfe has a name that is no UTF-8"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    root = tree(tmp_path, CLASSES)
    (root / "dog/1.png").chmod(0)
    assert refused(root).message == f"{root}/dog/1.png cannot be read: Permission denied"
    (root / "dog").chmod(0)
    assert refused(root).message == f"{root}/dog cannot be read: Permission denied"


def test_a_name_that_is_too_long_for_the_system(tmp_path: Path) -> None:
    """What `stat` refuses is named as well, root or not."""
    root = tree(tmp_path, CLASSES)
    (root / "dog/1.png").unlink()
    (root / "dog/1.png").symlink_to("x" * 4000 + "/" * 90)
    assert refused(root).message.startswith(f"{root}/dog/1.png ")


def test_sizes(tmp_path: Path) -> None:
    write(tmp_path / "a/1.png", 0, 8, 6)
    write(tmp_path / "a/2.png", 1, 8, 6)
    write(tmp_path / "b/1.png", 2, 6, 8)
    assert image_sizes(ImageSamples(tmp_path, ["a/1.png", "a/2.png", "b/1.png"])) == {(8, 6): 2, (6, 8): 1}
    (tmp_path / "b/1.png").write_bytes(b"")
    with pytest.raises(ZooError) as info:
        image_sizes(ImageSamples(tmp_path, ["a/1.png", "b/1.png"]))
    assert info.value.message == f"{tmp_path}/b/1.png is empty; expected an image"


@pytest.mark.parametrize("skip", [False, True])
def test_headers_of_files_that_are_known_are_not_read_again(tmp_path: Path, skip: bool) -> None:
    root, cache = tree(tmp_path / "photos", CLASSES), tmp_path / "cache"
    for name in CLASSES:
        os.utime(root / name, (1_700_000_000, 1_700_000_000))
    read(root, "", Reading(skip_broken=skip), cache)
    content = (root / "cat/1.png").read_bytes()
    (root / "cat/1.png").write_bytes(b"\0" * len(content))
    os.utime(root / "cat/1.png", (1_700_000_000, 1_700_000_000))
    data = read(root, "", Reading(skip_broken=skip), cache)
    assert names(data) == CLASSES
    assert image_sizes(ImageSamples(root, CLASSES, memory=cache)) == {(8, 6): 3}
    paranoid = Reading(skip_broken=skip, paranoid=True)
    if skip:
        assert names(read(root, "", paranoid, cache)) == CLASSES[1:]
    else:
        with pytest.raises(ZooError, match=r"cat/1\.png is no image"):
            read(root, "", paranoid, cache)


def test_rows_and_labels_stay_together(tmp_path: Path) -> None:
    data = found(tree(tmp_path, [f"{'abc'[n % 3]}/{n}.png" for n in range(30)]))
    for name, label in zip(names(data), labels(data), strict=True):
        assert name.startswith(f"{label}/")
    assert np.unique(data.parts["all"].samples.digests, axis=0).shape == (30, 32)
