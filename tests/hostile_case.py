"""One file that `zoo import` must refuse, and the damage that every format gets alike."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostile_seeds import SEEDS
from weight_files import call

WEB_PAGE = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Sign in to download</body></html>\n" * 9
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 132735\n"
SYSTEM = call("os.system", "touch pwned")  # as pickles write it
RUNS = r"wants to run os\.system, which is code; expected only"
TEXT = b"These are the weights of our model.\nAsk us for them.\n" * 9


@dataclass(frozen=True)
class Case:
    """What is done to a sound file, and what it then gets.

    Attributes:
        seed: the format, a key of `SEEDS`.
        wrong: what is wrong, for people; with the format its name.
        spoil: changes the files in a folder that holds a copy of the sound ones; returns another path to import, or
            None where it is the sound one's.
        message: the regex that the line after `error: ` has to match.
        words: the options, where they are not the seed's.
    """

    seed: str
    wrong: str
    spoil: Callable[[Path], Path | None]
    message: str
    words: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """What the case is called: `onnx/an empty file`."""
        return f"{self.seed}/{self.wrong}"

    def path(self, folder: Path) -> Path:
        """Spoil the copy in a folder; return what is to be imported."""
        return self.spoil(folder) or folder / SEEDS[self.seed].name


def another_zip() -> bytes:
    """Return a zip archive of something else."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("holiday.txt", "We went to the sea.\n" * 20)
    return held.getvalue()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut at half": lambda data: data[: len(data) // 2],
    "plain text": lambda data: TEXT,
    "a web page": lambda data: WEB_PAGE,
    "a pointer of Git LFS": lambda data: POINTER,
    "another zip archive": lambda data: another_zip(),
}


def changing(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what changes one file of a folder."""

    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return spoil


def writing(name: str, write: Callable[..., Any], *args: Any, **options: Any) -> Callable[[Path], None]:
    """Return what writes one file of a folder anew: `write(path, *args, **options)`."""

    def spoil(folder: Path) -> None:
        write(folder / name, *args, **options)

    return spoil
