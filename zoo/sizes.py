"""Sizes as people write them."""

from __future__ import annotations

import re

from registry.errors import ChoiceError

UNITS = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d+)?|\.\d+)\s*([a-z]+)\s*", re.IGNORECASE)


def parse_size(text: str, named: str) -> int:
    """Read a number of bytes.

    >>> parse_size("20GB", "--max"), parse_size("1.5 GiB", "--max"), parse_size("0", "--max")
    (20000000000, 1610612736, 0)

    Args:
        text: a number and a unit; 0 needs none.
        named: what it was given as, for the error.

    Raises:
        ChoiceError: it is no size.
    """
    if text.strip() == "0":
        return 0
    found = SIZE.fullmatch(text)
    if found is None or found[2].lower() not in UNITS:
        raise ChoiceError(
            f"{named} {text!r} is no size; expected a number and a unit: B, kB, MB, GB, TB, or KiB, MiB, GiB, TiB",
            "write it as 20GB, 500MB or 1.5GiB",
        )
    return int(float(found[1]) * UNITS[found[2].lower()])
