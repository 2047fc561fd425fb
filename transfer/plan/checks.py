"""What the values of a plan are checked by."""

from __future__ import annotations

import math

from registry.errors import ChoiceError, near


def one_of(option: str, value: str | None, known: tuple[str, ...]) -> None:
    """Raise where a choice is none of those that there are; None is no choice."""
    if value is not None and value not in known:
        hint = near(value, known)
        raise ChoiceError(f"{option} takes {', '.join(known)}; got {value!r}", "" if hint.startswith("there") else hint)


def check(ok: bool, message: str, hint: str = "") -> None:
    """Raise `ChoiceError` with a message unless something holds."""
    if not ok:
        raise ChoiceError(message, hint)


def finite(option: str, value: float | None) -> None:
    """Raise where a number is infinite or none; what is None is not given."""
    check(value is None or math.isfinite(value), f"{option} must be a finite number, got {value}")
