"""Read the feature cache whole: a verdict a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.watch import Watch, silent
from transfer.cache_checks import faults
from transfer.cache_entries import Stored, stored
from transfer.cache_upkeep import chosen
from zoo.output import count

SHOWN = 3  # faults of a file: a torn disk can make one of each block


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a file; a note where it was not looked into."""

    file: Stored
    faults: tuple[str, ...]
    note: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """It, for programs."""
        return {
            "key": self.file.key, "file": self.file.path.name, "ok": not self.faults, "faults": self.faults,
            "note": self.note,
        }  # fmt: skip

    @property
    def lines(self) -> list[str]:
        """It, for people."""
        name = self.file.name
        if not self.faults:
            return [f"{name}: {self.note or 'ok, ' + count(self.file.samples, 'sample')}"]
        if self.file.state == "refused":  # it may be sound
            return [f"{name}: {self.faults[0]}"]
        more = [f"  and {count(len(self.faults) - SHOWN, 'fault')} more"] if len(self.faults) > SHOWN else []
        return [
            f"{name}: broken", *(f"  {fault}" for fault in self.faults[:SHOWN]), *more,
            f"  remove it; it is made again: zoo cache rm {name}",
        ]  # fmt: skip


def verified(root: Path, name: str | None = None, watch: Watch = silent) -> Sequence[Verdict]:
    """Read the files of a cache, or those that a name means.

    Raises:
        ZooError: the name means nothing, or several keys.
    """
    files = stored(root)
    return [_verdict(one, watch) for one in (files if name is None else chosen(files, name))]


def _verdict(one: Stored, watch: Watch) -> Verdict:
    if one.state == "old":
        return Verdict(one, (), "of an older version, and not used any more; zoo cache prune removes it")
    if one.state == "empty":
        return Verdict(one, (), "unfinished, nothing in it yet; zoo cache prune removes it if its process is gone")
    try:
        return Verdict(one, tuple(faults(one.path, watch)))
    except FileNotFoundError:
        return Verdict(one, (), "another process is writing it, or has removed it")
    except OSError as error:
        return Verdict(one, (f"it cannot be read: {error.strerror or error}",))
