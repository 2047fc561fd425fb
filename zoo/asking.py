"""A question before something is removed or replaced."""

from __future__ import annotations

import sys

import typer

from registry.errors import ZooError


def ask(what: str, doing: str = "remove") -> None:
    """Ask whether to do something, where somebody can answer.

    Args:
        what: what is to be removed; or is done something else with, which `doing` says.
        doing: the verb before it.

    Raises:
        ZooError: nobody can, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise ZooError(f"this would {doing} {what}", "pass -y to do it without being asked")
    try:
        agreed = typer.confirm(f"{doing.capitalize()} {what}?", err=True)
    except typer.Abort:  # Ctrl-C, or the end of the input
        agreed = False
    if not agreed:
        raise ZooError("nothing was removed" if doing == "remove" else "nothing was changed")
