"""What lies in the feature cache: every file, of any age and in any state; and all files of a key together."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import h5py
import numpy as np

from transfer.cache_errors import is_refusal
from transfer.cache_files import DONE, FORMAT, SAMPLES, SUFFIX, UNFINISHED, UNREADABLE, VERSION

# One that is damaged; one that the system does not let this process read; one of another version of the format, which
# nothing reads any more; one that its process has not finished, with nothing in it yet, or with some blocks; a complete
# one.
State = Literal["broken", "refused", "old", "empty", "part", "whole"]
STATES: tuple[State, ...] = get_args(State)  # in the order in which one of them is worth a word

KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Stored:
    """A file of the cache.

    Attributes:
        key: the folder that it is in, in hex.
        bytes: its size.
        used: when it was used last, in Unix seconds.
        written: when it was begun; of a file without a record of that, as `used`.
        samples: how many samples' features are there.
        parts: of the key, by name.
    """

    path: Path
    key: str
    state: State
    bytes: int
    used: float
    written: float = 0.0
    samples: int = 0
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What to call it to `zoo cache rm`."""
        return f"{self.key[:12]}/{self.path.name}"


@dataclass(frozen=True)
class Entry:
    """All features of one key.

    Attributes:
        key: in hex.
        bytes: the size of its files.
        written, used: when one of them was written and used last, in Unix seconds.
        parts: of the key, by name.
        samples, files: how many.
        state: the first of `STATES` that one of them is in.
    """

    key: str
    bytes: int
    written: float
    used: float
    parts: dict[str, str]
    samples: int
    files: int
    state: State


def stored(root: Path) -> list[Stored]:
    """Describe every file in a cache, the one that was used last first."""
    folders = [folder for folder in root.glob("*") if KEY.fullmatch(folder.name)]
    paths = [path for folder in folders for path in folder.glob("*") if _is_ours(path)]
    found = [one for path in sorted(paths) if (one := _stored(path)) is not None]
    return sorted(found, key=lambda one: -one.used)


def entries(root: Path) -> list[Entry]:
    """Describe the features of every key in a folder, the one that was used last first."""
    groups = defaultdict[str, list[Stored]](list)
    for one in stored(root):
        groups[one.key].append(one)
    return [_entry(key, files) for key, files in groups.items()]


def _is_ours(path: Path) -> bool:
    return path.suffix == SUFFIX or path.name.startswith(UNFINISHED)


def _stored(path: Path) -> Stored | None:
    try:
        stat = path.stat()
    except FileNotFoundError:  # removed by another process since it was listed
        return None
    unfinished = path.name.startswith(UNFINISHED)
    key, bytes_, used = path.parent.name, stat.st_size, stat.st_mtime
    try:
        with h5py.File(path, "r", locking=False) as file:
            parts = {name: value for name, value in file.attrs.items() if isinstance(value, str)}
            if file.attrs.get("format") != FORMAT:
                raise ValueError("it is no feature file")
            if file.attrs.get("version") != VERSION:
                return Stored(path, key, "old", bytes_, used, used, len(file[SAMPLES]), parts)
            written, done = float(file.attrs["written"]), int(np.asarray(file[DONE])[0])
    except FileNotFoundError:
        return None
    except (*UNREADABLE, IndexError) as error:
        unread: State = "refused" if is_refusal(error) else "empty" if unfinished else "broken"
        return Stored(path, key, unread, bytes_, used, used)
    state: State = "whole" if not unfinished else "part" if done else "empty"
    return Stored(path, key, state, bytes_, used, written, done, parts)


def _entry(key: str, files: list[Stored]) -> Entry:
    state = min((one.state for one in files), key=STATES.index)
    return Entry(
        key, sum(one.bytes for one in files), max(one.written for one in files), max(one.used for one in files),
        next((one.parts for one in files if one.parts), {}), sum(one.samples for one in files), len(files), state,
    )  # fmt: skip
