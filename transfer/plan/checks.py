"""What the values of a plan are checked by."""

from __future__ import annotations

from registry.errors import ZooError


def one_of(option: str, value: str | None, known: tuple[str, ...]) -> None:
    """Raise where a choice is none of those that there are; None is no choice."""
    check(value is None or value in known, f"{option} takes {', '.join(known)}; got {value!r}")


def check(ok: bool, message: str) -> None:
    """Raise `ZooError` with a message unless something holds."""
    if not ok:
        raise ZooError(message)
