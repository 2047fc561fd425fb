"""A question before something is removed."""

from __future__ import annotations

import sys

import typer

from registry.errors import ZooError


def ask(what: str) -> None:
    """Ask whether to remove something, where somebody can answer.

    Raises:
        ZooError: nobody can, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise ZooError(f"this would remove {what}", "pass -y to do it without being asked")
    try:
        agreed = typer.confirm(f"Remove {what}?", err=True)
    except typer.Abort:  # Ctrl-C, or the end of the input
        agreed = False
    if not agreed:
        raise ZooError("nothing was removed")
