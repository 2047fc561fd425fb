"""The options that say which new layers stand above the reused ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from registry.errors import ZooError
from zoo.option_groups import Given, Group, as_given

KINDS: dict[str, Any] = {
    "top": Annotated[
        str | None,
        typer.Option(metavar="100,50", help="New hidden layers instead of the model's own architecture."),
    ],
    "activation": Annotated[str | None, typer.Option(help="Of new hidden layers, such as elu or relu.")],
    "init": Annotated[str | None, typer.Option(metavar="he|xavier|lecun", help="Of new kernels.")],
    "batch_norm": Annotated[bool, typer.Option("--batch-norm", help="Normalise after new hidden layers.")],
    "dropout": Annotated[float | None, typer.Option(help="Share of units dropped before new layers.")],
}


def _read(options: Mapping[str, Any]) -> Given:
    found = as_given(options)
    return found | ({"top": _widths(found["top"])} if "top" in found else {})


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ZooError(f"--top takes widths such as 100,50; got {text!r}") from None


TOP = Group(KINDS, _read)
