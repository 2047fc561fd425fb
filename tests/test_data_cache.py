"""The feature cache goes by what reaches the model: by each image's bytes, and not by names, times and labels."""

from __future__ import annotations

import os
import shutil
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from real_data import QUICK, digit_folder, digit_table, save

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")


def run(zoo_command: Zoo, data: Path, *words: object) -> Any:
    """Transfer, for one epoch; return what was recorded."""
    return zoo_command(
        "transfer", "net", "--data", data, "--reuse", "block.*", *QUICK, "--epochs", "1", *words, "--json"
    )


def extracted(zoo_command: Zoo, data: Path, *words: object) -> int:
    """Say how many samples' features were not in the cache."""
    found: int = run(zoo_command, data, *words)["cache"]["extracted"]
    return found


def other_pixel(path: Path) -> None:
    """Change one pixel of an image by one."""
    pixels = np.array(Image.open(path))
    pixels[0, 0] += 1
    save(pixels, path)


def test_what_counts_is_content(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 6, 3)
    first = run(zoo_command, data)
    assert first["cache"]["extracted"] == len(first["classes"]) * 5 and not first["cache"]["hit"]
    again = run(zoo_command, data)
    assert again["cache"] | {"seconds": 0} == first["cache"] | {"seconds": 0, "extracted": 0, "hit": True}
    for path in data.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    renamed = data.rename(tmp_path / "renamed")
    same = run(zoo_command, renamed)
    assert (same["cache"]["extracted"], same["fingerprint"]) == (0, first["fingerprint"])
    copied = shutil.copytree(renamed, tmp_path / "copied")
    for number, path in enumerate(sorted((copied / "1").iterdir())):
        path.rename(path.with_name(f"scan-{number}.png"))  # in the same order
    assert run(zoo_command, copied)["fingerprint"] == first["fingerprint"]


def test_one_pixel_of_one_image_is_extracted_again(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 6, 3)
    words = ("--split", "80/20/0")
    first = run(zoo_command, data, *words)
    other_pixel(data / "1" / "1-03.png")
    second = run(zoo_command, data, *words)
    assert (first["cache"]["extracted"], second["cache"]["extracted"]) == (18, 1)
    assert second["fingerprint"] != first["fingerprint"]
    assert second["cache"]["key"] == first["cache"]["key"]
    assert extracted(zoo_command, data, *words, "--image-size", "32") == 18
    assert extracted(zoo_command, data, *words, "--preprocess", "tf") == 18


def test_labellings_of_the_same_images_share_features(zoo_command: Zoo, tmp_path: Path) -> None:
    table = digit_table(tmp_path / "listed", 8, 4)
    words = ("--image-column", "path", "--split", "80/20/0")
    assert extracted(zoo_command, table, *words, "--target", "digit") == 32
    assert extracted(zoo_command, table, *words, "--target", "even") == 0
    assert extracted(zoo_command, table, *words, "--target", "even,large") == 0
    assert extracted(zoo_command, table, *words, "--target", "digit", "--target-type", "number") == 0
    folder = digit_folder(tmp_path / "digits", 8, 4)
    assert extracted(zoo_command, folder, "--split", "80/20/0") == 0


def test_a_file_that_pretends_to_be_the_old_one_is_found_by_paranoid(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 6, 3)
    for path in data.rglob("*.png"):
        os.utime(path, (1e9, 1e9))  # old enough to be remembered by
    words = ("--split", "80/20/0")
    assert extracted(zoo_command, data, *words) == 18
    path = data / "2" / "2-05.png"
    one, other = with_comment(path.read_bytes())
    for content, missing in ((one, 1), (other, 0)):  # of another size, then of the same
        path.write_bytes(content)
        os.utime(path, (1e9, 1e9))
        assert extracted(zoo_command, data, *words) == missing
    assert extracted(zoo_command, data, *words, "--paranoid") == 1


def with_comment(png: bytes) -> tuple[bytes, bytes]:
    """Return two PNG files of the same length with other bytes."""
    found = []
    for text in (b"Comment\0a", b"Comment\0b"):
        chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
        found.append(png[:-12] + chunk + png[-12:])
    return found[0], found[1]


def test_views_are_cached_as_well(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 6, 3)
    words = ("--augment", "flip,crop", "--views", "4")
    first = run(zoo_command, data, *words)
    train, valid = 12, 3
    assert first["cache"]["extracted"] == 4 * train + valid
    assert run(zoo_command, data, *words)["cache"]["hit"]
    assert extracted(zoo_command, data, "--augment", "flip,crop", "--views", "6") == 2 * train
    assert extracted(zoo_command, data) == 0  # the first view is the image itself
    assert extracted(zoo_command, data, *words, "--seed", "1") == 3 * train


def test_mixup_has_no_views(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 6, 3)
    words = ("--augment", "flip,mixup")
    zoo_command("transfer", "net", "--data", data, "--reuse", "block.*", *QUICK, *words, code=2)
    assert "--no-cache" in zoo_command.err
    done = run(zoo_command, data, *words, "--no-cache")
    assert done["cache"]["extracted"] == 0 and done["test_accuracy"] is not None


def test_remembered_files_are_not_read(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 6, 3)
    for path in data.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    extracted(zoo_command, data)
    memory = next((tmp_path / "home" / "cache").rglob("image-digests.memory"))
    written = memory.stat().st_mtime_ns
    time.sleep(0.01)
    extracted(zoo_command, data)
    assert memory.stat().st_mtime_ns == written


def test_data_that_the_run_did_not_have_are_told(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", classes=3)
    words = ("--reuse", "block.*", *QUICK, "--epochs", "1", "--publish-as", "mine", "-q")
    zoo_command("transfer", "net", "--data", data, *words)
    zoo_command("evaluate", "mine", "--data", data)
    assert "other data" not in zoo_command.err
    (data / "0" / "0-00.png").rename(data / "0" / "9-99.png")
    assert any("other data" in note for note in zoo_command("evaluate", "mine", "--data", data, "--json")["notes"])


def test_samples_of_two_splits_are_in_the_result(zoo_command: Zoo, tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        digit_folder(tmp_path / "parted" / split, per_class=4, classes=2)
    done = run(zoo_command, tmp_path / "parted")
    assert done["remarks"] == [
        "samples of valid that are in train too: 8", "samples of test that are in train too: 8",
        "samples of test that are in valid too: 8",
    ]  # fmt: skip
