"""Whether all that a run's plan says is known to this version. Pure of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from registry.errors import ZooError
from transfer.environment import environment
from transfer.runs import PLAN, RunFolder


def check_known(folder: RunFolder) -> None:
    """Refuse a plan with choices that would be passed over: a later version wrote it.

    Raises:
        ZooError: it has a key that no plan of this version has, or cannot be read.
    """
    known = msgspec.to_builtins(folder.plan)
    unknown = list(_unknown(msgspec.json.decode((folder.path / PLAN).read_bytes()), known))
    if unknown:
        made = folder.environment
        by = made.packages.get("zoo", "") if made else ""
        here = environment().packages.get("zoo", "")
        raise ZooError(
            f"{folder.path / PLAN} has choices that this version of zoo, {here}, does not know: {', '.join(unknown)}",
            f"it was written by zoo {by}: use that" if by and by != here else "use the version that wrote it",
        )


def _unknown(said: Any, known: Any, path: str = "") -> Iterator[str]:
    """Yield the keys, as `training.lr`, that only what was written has."""
    if isinstance(said, list) and isinstance(known, list):
        for place, (one, other) in enumerate(zip(said, known, strict=False)):
            yield from _unknown(one, other, f"{path}{place}.")
    if not isinstance(said, dict) or not isinstance(known, dict):
        return
    for key, value in said.items():
        if key not in known:
            yield path + key
        else:
            yield from _unknown(value, known[key], f"{path}{key}.")
