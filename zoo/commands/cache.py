"""What looks at the feature cache: cache list."""

from __future__ import annotations

import time

import typer

from zoo.options import Json, Quiet
from zoo.output import json_document, names, say, size, table


def mount(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(help="Look at the feature cache.", no_args_is_help=True)
    group.command("list")(list_files)
    app.add_typer(group, name="cache")


def list_files(quiet: Quiet = False, json: Json = False) -> None:
    """List the cached features, the newest first."""
    from registry.home import home
    from transfer.cache_files import entries

    found = entries(home().cache)
    if json:
        json_document({"entries": found, "count": len(found), "bytes": sum(entry.bytes for entry in found)})
    elif quiet:
        names([entry.key for entry in found])
    else:
        rows = [
            [entry.key[:12], entry.parts.get("cut", ""), f"{entry.samples:,}",
             size(entry.bytes), time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.written))]
            for entry in found
        ]  # fmt: skip
        say(table(["key", "cut", "samples", "size", "written"], rows, right=["samples", "size"]))
