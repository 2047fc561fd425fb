"""On how many cores this process computes."""

from __future__ import annotations

import os

from registry.errors import ChoiceError

VARIABLE = "ZOO_THREADS"


def cores() -> int:
    """Return how many threads engines, probes and decoding use: `$ZOO_THREADS`, or the cores this process may run on.

    Raises:
        ChoiceError: the variable is no whole number above 0.
    """
    if text := os.environ.get(VARIABLE, "").strip():
        return _threads(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and int(text)):
        raise ChoiceError(
            f"{VARIABLE} {text!r} is no number of threads; expected a whole number from 1 to 9999",
            f"unset {VARIABLE}: all cores that this process may run on are used",
        )
    return int(text)
