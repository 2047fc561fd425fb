"""Choices that are kept beside the feature cache, a small JSON file each: what was timed once is not timed again.

Two engines agree to rounding only, and so do two batch sizes. A choice that were made anew would be a new sum of
rounding errors; so one that was made holds, for this trunk, about as many samples and these versions, and the same
seed gives the same result, whether a run is resumed, replayed or begun with an empty cache.

A file's mtime is the time of its last use. What nothing has used for 90 days goes with `zoo cache prune`.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from registry.errors import ZooError
from registry.home import make_folder
from registry.whole import settled
from transfer.cores import cores
from transfer.engines.choice import Choice
from transfer.engines.table import versions

FOLDER = "engines"  # of the feature cache
FORMAT = "zoo-engine-2"
KEPT = 90 * 86400  # seconds since the last use


def place(folder: Path, asked: str, parts: Sequence[str], total: int) -> Path:
    """Say where a choice lies or would lie.

    Args:
        folder: of all choices.
        asked: what `--backend` says.
        parts: what names the trunk and its inputs.
        total: how many samples there are; what counts is the power of two.
    """
    text = json.dumps([FORMAT, asked, *parts, total.bit_length(), cores(), *versions()])
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def recall(path: Path) -> Choice | None:
    """Return a choice that was made; None where there is none that can be read. It counts as used now."""
    try:
        choice = msgspec.json.decode(path.read_bytes(), type=Choice)
        with suppress(OSError):  # another user's
            os.utime(path)
        return choice
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def remember(path: Path, choice: Choice) -> Choice:
    """Keep a choice; return it, or the one that another process has kept in the meantime.

    It is whole or absent. Where it cannot be written, it holds for this time.
    """
    with suppress(OSError, ZooError):
        make_folder(path.parent)
        if recall(path) is None:
            path.unlink(missing_ok=True)
        settled(path, msgspec.json.encode(choice))
    return recall(path) or choice


def forget(folder: Path) -> None:
    """Remove the choices that nothing has used for long, and what killed processes left; what is another user's stays.

    Args:
        folder: of all choices.
    """
    oldest = time.time() - KEPT
    for path in folder.glob("*"):
        with suppress(OSError):  # removed by another process, or not ours to remove
            if path.stat().st_mtime < oldest:
                path.unlink()
