"""The contact sheet: which images stand where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import encoded
from PIL import Image

from registry.errors import ZooError
from transfer.data.images.samples import EncodedImages
from transfer.data.images.sheet import MARGIN, MOST_CLASSES, TEXT, Layout, contact_sheet, drawable

SMALL = Layout(each=3, side=20)
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def plain(colours: list[tuple[int, int, int]], size: tuple[int, int] = (20, 20)) -> EncodedImages:
    held = [encoded(Image.new("RGB", size, colour)) for colour in colours]
    return EncodedImages(held, lambda row: f"row {row + 1}")


def cell(path: Path, row: int, column: int, layout: Layout = SMALL) -> list[int]:
    """The colour in the middle of a cell's upper left quarter."""
    with Image.open(path) as sheet:
        left = MARGIN + column * (layout.side + MARGIN) + layout.side // 4
        top = row * layout.row + 2 * MARGIN + TEXT + layout.side // 4
        return list(sheet.getpixel((left, top)))


def test_each_class_has_its_row(tmp_path: Path) -> None:
    labels = np.array([*COLOURS] * 5)
    path = tmp_path / "sheet.png"
    contact_sheet(plain([COLOURS[name] for name in labels]), labels, path, layout=SMALL)
    with Image.open(path) as sheet:
        assert sheet.format == "PNG" and sheet.size == (SMALL.width, 3 * SMALL.row)
    for row, name in enumerate(sorted(COLOURS)):
        assert [cell(path, row, column) for column in range(3)] == [list(COLOURS[name])] * 3
    contact_sheet(plain([COLOURS[name] for name in labels]), labels, path, layout=SMALL, classes=["red", "blue", "x"])
    assert (cell(path, 0, 0), cell(path, 1, 0), cell(path, 2, 0)) == ([255, 0, 0], [0, 0, 255], [255, 255, 255])


def test_the_seed_chooses(tmp_path: Path) -> None:
    images, labels = plain([(shade, shade, 0) for shade in range(0, 250, 5)]), np.array(["a"] * 50)
    shown = []
    for seed in (0, 0, 1):
        contact_sheet(images, labels, tmp_path / "s.png", layout=SMALL, seed=seed)
        shown.append([cell(tmp_path / "s.png", 0, column) for column in range(3)])
    assert shown[0] == shown[1] != shown[2]
    assert all(cells == sorted(cells) for cells in shown)


def test_what_a_model_sees(tmp_path: Path) -> None:
    for as_seen in (lambda image: 255 - image, lambda image: 255 - image[..., :1]):
        contact_sheet(plain([(255, 255, 255)]), np.array(["a"]), tmp_path / "s.png", layout=SMALL, as_seen=as_seen)
        assert cell(tmp_path / "s.png", 0, 0) == [0, 0, 0]


def test_large_images_become_small_ones(tmp_path: Path) -> None:
    contact_sheet(plain([(9, 9, 9)], (400, 100)), np.array(["a"]), tmp_path / "s.png", layout=SMALL)
    assert cell(tmp_path / "s.png", 0, 0) == [255, 255, 255] or cell(tmp_path / "s.png", 0, 0) == [9, 9, 9]
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.getpixel((MARGIN + 10, 2 * MARGIN + TEXT + 2)) == (9, 9, 9)
        assert sheet.getpixel((MARGIN + 10, 2 * MARGIN + TEXT + 8)) == (255, 255, 255)


def test_many_classes_and_names_of_any_kind(tmp_path: Path) -> None:
    names = [f"{number:03} a very long name\n\x1b[2J of a class été 猫" for number in range(MOST_CLASSES + 5)]
    contact_sheet(plain([(9, 9, 9)] * len(names)), np.array(names), tmp_path / "s.png", layout=SMALL)
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (SMALL.width, MOST_CLASSES * SMALL.row + TEXT + 2 * MARGIN)
        bottom = np.asarray(sheet)[MOST_CLASSES * SMALL.row :]
        assert (bottom < 128).any()  # how many there are beside these


@pytest.mark.parametrize(("name", "drawn"), [("été", "ete"), ("cat\n\x1b", "cat??"), ("猫", "\\u732b"), ("a_1", "a_1")])
def test_the_font_has_ascii_only(name: str, drawn: str) -> None:
    assert drawable(name) == drawn


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ZooError) as info:
        contact_sheet(plain([(9, 9, 9)]), np.array(["a"]), tmp_path / "no/s.png", layout=SMALL)
    assert info.value.message == f"cannot write {tmp_path}/no/s.png: No such file or directory"


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    images = EncodedImages([b"text"], lambda row: "t.parquet, row 1")
    with pytest.raises(ZooError, match=r"t\.parquet, row 1 is no image"):
        contact_sheet(images, np.array(["a"]), tmp_path / "s.png", layout=SMALL)
    assert not (tmp_path / "s.png").exists()
