"""Choices that are kept beside the feature cache, a small JSON file each: what was timed once is not timed again.

Two engines agree to rounding only, and so do two batch sizes. A choice that were made anew would be a new sum of
rounding errors; so one that was made holds, for this trunk, about as many samples and these versions, and the same
seed gives the same result, whether a run is resumed, replayed or begun with an empty cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from registry.errors import ZooError
from registry.home import make_folder
from transfer.engines.choice import Choice
from transfer.engines.engine import cores
from transfer.engines.table import versions

FORMAT = "zoo-engine-1"


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
    """Return a choice that was made; None where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Choice)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def remember(path: Path, choice: Choice) -> Choice:
    """Keep a choice; return it, or the one that another process has kept in the meantime.

    It is whole or absent. Where it cannot be written, it holds for this time.
    """
    with suppress(OSError, ZooError):
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(prefix="tmp-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(choice))
            if recall(path) is None:
                path.unlink(missing_ok=True)
            with suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    return recall(path) or choice
