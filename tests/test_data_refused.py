"""What is wrong with data is said on the command line, by file or row and with the next thing to type; exit code 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_tables import real, write
from pictures import BOMB, png
from real_data import QUICK, dense_net, digit_folder, digit_table, published, save

Zoo = Callable[..., Any]
Make = Callable[[Path], list[object]]  # writes data into a folder; returns the options, the data first
pytestmark = pytest.mark.usefixtures("nets")


def small(root: Path) -> Path:
    return digit_folder(root / "d", 6, 3)


def changed(path: str, content: bytes) -> Make:
    """Digits in which one file has other bytes."""

    def make(root: Path) -> list[object]:
        (small(root) / path).write_bytes(content)
        return [root / "d"]

    return make


def cut_short(root: Path) -> list[object]:
    path = small(root) / "1" / "1-02.png"
    path.write_bytes(path.read_bytes()[:60])
    return [root / "d"]


def lonely(root: Path) -> list[object]:
    path = small(root) / "3" / "only.png"
    save(np.zeros((16, 16), np.uint8), path)
    return [root / "d"]


def empty_split(root: Path) -> list[object]:
    for split, count in {"train": 6, "valid": 4}.items():
        digit_folder(root / "d" / split, count, 3)
    (root / "d" / "test").mkdir()
    return [root / "d"]


def unseen(root: Path) -> list[object]:
    for split, classes in {"train": 3, "test": 4}.items():
        digit_folder(root / "d" / split, 6, classes)
    return [root / "d"]


def loop(root: Path) -> list[object]:
    (small(root) / "1" / "again").symlink_to(root / "d" / "1")
    return [root / "d"]


def no_images(root: Path) -> list[object]:
    (root / "d").mkdir()
    return [root / "d"]


def mixed(root: Path) -> list[object]:
    np.savez(root / "d.npz", x=np.zeros((20, 9, 9, 3), np.uint8), y=np.arange(20) % 2)
    return [root / "d.npz"]


def mixed_arrays(root: Path) -> list[object]:
    images = np.empty(6, object)
    images[:] = [np.zeros((8 + number, 8, 3), np.uint8) for number in range(6)]
    np.savez(root / "d.npz", x=images, y=np.arange(6) % 2)
    return [root / "d.npz"]


def listed(*words: object, extra: str = "") -> Make:
    def make(root: Path) -> list[object]:
        table = digit_table(root / "l", 6, 3)
        table.write_text(table.read_text() + extra)
        return [table, *words]

    return make


def folder(*words: object) -> Make:
    return lambda root: [small(root), *words]


BAD_IMAGES: dict[str, tuple[Make, list[str]]] = {
    "a corrupt image": (cut_short, ["1-02.png", "--skip-broken"]),
    "a text file": (changed("2/notes.txt", b"not an image\n"), ["2/notes.txt is no image", "--skip-broken"]),
    "an empty file": (changed("2/new.png", b""), ["2/new.png is empty; expected an image", "--skip-broken"]),
    "a bomb": (changed("2/big.png", png(*BOMB)), ["2/big.png declares 10000x10000 pixels", "--skip-broken"]),
    "a class with one sample": (lonely, ["the class '3' has one sample", "only.png", "--classes"]),
    "an empty split": (empty_split, ["the test split is empty"]),
    "a label unseen in training": (
        unseen, ["a label unseen in training: 3, in ", "test/3/3-00.png", "--classes NAME,NAME"],
    ),
    "links in a circle": (loop, ["1/again leads back to", "--skip-broken"]),
    "no image at all": (no_images, ["holds no images", "a folder a class with its images"]),
    "nothing there": (lambda root: [root / "d"], ["there are no data at", "--data takes a folder of images, a table"]),
    "an unknown kind": (
        lambda root: [(root / "d.bin").write_bytes(b"?") and root / "d.bin"],
        ["d.bin is no kind of data that is known by its name", "--data takes"],
    ),
    "a size that the model cannot take": (
        folder("--image-size", "1x1"), ["images of 1x1x3", "block1/pool (MaxPooling2D)"],
    ),
    "a size of no pixels": (folder("--image-size", "big"), ["--image-size 'big' is no size in pixels"]),
    "a target of a folder": (folder("--target", "kind"), ["has no columns to choose among", "--image-column"]),
    "an unknown resize": (folder("--resize", "fill"), ["--resize takes stretch, crop, pad; got 'fill'"]),
    "an unknown change": (folder("--augment", "flop"), ["--augment 'flop' has an unknown part", "flip, crop=0.1"]),
    "views of nothing": (folder("--views", "4"), ["--views wants to know what changes: add --augment flip,crop"]),
    "shares that are no shares": (folder("--split", "80/30/10"), ["three percentages that make 100; got 80/30/10"]),
    "two shares": (folder("--split", "80/20"), ["three percentages that make 100; got 80/20", "--split 80/10/10"]),
    "a class that is not there": (folder("--classes", "0,7"), ["--classes: there is no class '7'"]),
    "a target type that does not fit": (folder("--target-type", "number"), ["--target-type number does not fit"]),
    "a column missing": (listed("--image-column", "file", "--target", "digit"), ["has no column 'file'"]),
    "a target missing": (listed("--image-column", "path"), ["carries no labels", "--target COLUMN"]),
    "a file missing": (
        listed("--image-column", "path", "--target", "digit", extra="files/none.png,1,0,0,w1\n"),
        ["line 20: ", "files/none.png", "there is no such file"],
    ),
    "a path that leads out": (
        listed("--image-column", "path", "--target", "digit", extra="../../x.png,1,0,0,w1\n"),
        ["line 20", "../../x.png"],
    ),
    "too few groups": (
        listed("--image-column", "path", "--target", "digit", "--group-column", "even"),
        ["has 2 group(s) in even; 3 splits want one each"],
    ),
    "sizes of objects": (mixed_arrays, ["Python objects"]),
}  # fmt: skip
CHOICES = ("an unknown resize", "an unknown change", "views of nothing")  # wrong with any data


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_images_that_cannot_be_trained_on(case: str, zoo_command: Zoo, tmp_path: Path) -> None:
    make, said = BAD_IMAGES[case]
    data, *words = make(tmp_path)
    zoo_command(
        "transfer", "net", "--data", data, "--reuse", "block.*", *QUICK, *words, code=2 if case in CHOICES else 1
    )
    assert zoo_command.err.startswith("error: ") and "unexpected" not in zoo_command.err
    assert [part for part in said if part not in zoo_command.err] == [], zoo_command.err
    assert not list((tmp_path / "home" / "runs").glob("*/result.json"))


def test_images_of_other_sizes_for_a_model_of_one(zoo_command: Zoo, tmp_path: Path) -> None:
    data = small(tmp_path)
    words = ("--reuse", "block.*", *QUICK)
    zoo_command("transfer", "flat", "--data", data, *words, "--image-size", "24", code=1)
    assert "images of 24x24x3" in zoo_command.err
    published(dense_net(768), "wide", tmp_path / "wide")
    zoo_command("transfer", "wide", "--data", data, "--reuse", "hidden1", *QUICK, code=1)
    assert "are images and the model's card does not say how they become its input" in zoo_command.err
    assert "hint: say it: --preprocess unit (or tf, torch, caffe, 'scale=1/255 mean=...'; or none" in zoo_command.err


def rows(content: str | bytes, *words: object) -> Make:
    def make(root: Path) -> list[object]:
        path = root / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [path, *words]

    return make


def iris(*words: object) -> Make:
    return lambda root: [write(real("iris"), root / "iris.csv"), *words]


HEAD = "a,b,c,d,kind\n"
ROWS = "".join(f"{n},{n * 2},1.5,{n % 3},{'xy'[n % 2]}\n" for n in range(20))
BAD_TABLES: dict[str, tuple[Make, list[str]]] = {
    "no target": (iris(), ["iris.csv is a table, and --target is missing", "perhaps --target kind"]),
    "a target that is not there": (iris("--target", "kid"), ["has no column 'kid' (--target)", "kind"]),
    "no UTF-8": (
        rows(HEAD.encode() + b"1,2,3,4,caf\xe9\n", "--target", "kind"),
        ["t.csv, line 2: byte 0xe9 is not UTF-8", "iconv"],
    ),
    "a row too long": (rows(f"{HEAD}{ROWS}1,2,3,4,x,5\n", "--target", "kind"), ["t.csv, line 22", "--skip-broken"]),
    "no label in a row": (
        rows(f"{HEAD}{ROWS}1,2,3,4,\n", "--target", "kind"), ["t.csv, line 22: no label in column 'kind'"],
    ),
    "a text among numbers": (
        rows(f"{HEAD}{ROWS}{ROWS}oops,2,3,4,x\n", "--target", "kind"),
        ["t.csv, line 42: column 'a' holds 'oops'; expected a number"],
    ),
    "a class with one row": (
        rows(f"{HEAD}{ROWS}1,2,3,4,z\n", "--target", "kind"), ["the class 'z' has one sample, ", "line 22"],
    ),
    "numbers asked of texts": (
        iris("--target", "kind", "--target-type", "number"),
        ["line 2, column 'kind': 'setosa' is not a number"],
    ),
    "an empty file": (rows("", "--target", "kind"), ["is empty"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TABLES)
def test_tables_that_cannot_be_trained_on(case: str, zoo_command: Zoo, tmp_path: Path) -> None:
    make, said = BAD_TABLES[case]
    data, *words = make(tmp_path)
    zoo_command("transfer", "rows-4", "--data", data, "--reuse", "hidden1", *QUICK, *words, code=1)
    assert zoo_command.err.startswith("error: ") and "unexpected" not in zoo_command.err
    assert [part for part in said if part not in zoo_command.err] == [], zoo_command.err


def test_rows_and_images_that_do_not_fit_what_is_asked(zoo_command: Zoo, tmp_path: Path) -> None:
    data = write(real("iris"), tmp_path / "iris.csv")
    zoo_command(
        "transfer", "rows-4", "--data", data, "--target", "kind", "--reuse", "hidden1", *QUICK, "--publish-as", "m"
    )
    lacking = write(real("iris").drop_columns(["petal width (cm)"]), tmp_path / "lacking.csv")
    zoo_command("predict", "m", "--input", lacking, code=1)
    assert "petal width (cm)" in zoo_command.err
    other = write(real("wine"), tmp_path / "wine.csv")
    zoo_command("evaluate", "m", "--data", other, code=1)
    assert "class_0" in zoo_command.err
    zoo_command("predict", "m", "--input", small(tmp_path), code=1)
    assert "images" in zoo_command.err
    zoo_command("predict", "m", "--input", data, "--format", "xml", code=1)
    assert "--format takes table, csv, jsonl; got 'xml'" in zoo_command.err
    zoo_command("predict", "m", "--input", data, "--output", tmp_path / "x.txt", code=1)
    assert "has an ending that says no format" in zoo_command.err
