"""What was removed from the feature cache, as a document and as a page."""

from __future__ import annotations

from typing import Any

from transfer.cache_entries import Stored
from transfer.cache_upkeep import Removed
from zoo.output import count, size


def document(done: Removed, dry_run: bool) -> dict[str, Any]:
    """Lay it out for programs."""
    return {
        "files": [_file(one) for one in done.removed],
        "bytes": done.bytes,
        "in_use": [_file(one) for one in done.in_use],
        "refused": done.refused,
        "left": done.left,
        "removed": not dry_run,
    }


def page(done: Removed, dry_run: bool, most: int | None) -> str:
    """Lay it out for people.

    Args:
        done: what went.
        dry_run: whether it only would have.
        most: how many bytes were to stay at most.
    """
    word = "would remove" if dry_run else "removed"
    lines = [f"  {one.name}  {size(one.bytes)}  {one.parts.get('cut', '')}".rstrip() for one in done.removed]
    lines.append(f"{word} {count(len(done.removed), 'file')} ({size(done.bytes)}); {size(done.left)} stay")
    if done.in_use:
        lines.append(f"in use by another process, and left alone: {', '.join(one.name for one in done.in_use)}")
    lines += [f"{said}; is it another user's? ls -l shows whose" for said in done.refused]
    if most is not None and done.left > most:
        until = "" if done.refused else ": try again when it is not in use any more"
        lines.append(f"that is more than {size(most)}{until}")
    return "\n".join(lines)


def _file(one: Stored) -> dict[str, Any]:
    return {"key": one.key, "file": one.path.name, "bytes": one.bytes, "state": one.state, "used": one.used}
