"""What looks after the feature cache: cache list, verify, prune, rm."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.asking import ask
from zoo.options import DryRun, Json, Quiet, Yes
from zoo.output import json_document, names, say, size, table

if TYPE_CHECKING:
    from transfer.cache_upkeep import Removed as Outcome

Keyed = Annotated[
    str | None, typer.Argument(metavar="[KEY]", help="A key, its beginning, or KEY/FILE; all if not given.")
]
Removed = Annotated[str | None, typer.Argument(metavar="[KEY]", help="A key, its beginning, or KEY/FILE.")]
Max = Annotated[
    str | None, typer.Option("--max", metavar="SIZE", help="Such as 20GB or 1.5GiB; the default is $ZOO_CACHE_MAX.")
]
NOTES = {
    "whole": "", "part": "unfinished", "empty": "unfinished", "old": "of an older version", "broken": "broken",
    "refused": "cannot be read",
}  # fmt: skip


def mount(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(help="Look after the feature cache.", no_args_is_help=True)
    group.command("list")(list_files)
    group.command("verify")(verify)
    group.command("prune")(prune)
    group.command("rm")(remove)
    app.add_typer(group, name="cache")


def list_files(quiet: Quiet = False, json: Json = False) -> None:
    """List the cached features, those that were used last first."""
    from registry.home import home
    from transfer.cache_entries import entries

    found = entries(home().cache)
    if json:
        json_document({"entries": found, "count": len(found), "bytes": sum(entry.bytes for entry in found)})
    elif quiet:
        names([entry.key for entry in found])
    else:
        rows = [
            [entry.key[:12], entry.parts.get("cut", ""), entry.parts.get("dtype", ""), f"{entry.samples:,}",
             size(entry.bytes), _minute(entry.written), _minute(entry.used), NOTES[entry.state]]
            for entry in found
        ]  # fmt: skip
        headers = ["key", "cut", "dtype", "samples", "size", "written", "used", "note"]
        say(table(headers, rows, right=["samples", "size"]))


def verify(key: Keyed = None, json: Json = False) -> None:
    """Read every byte of the cached features, and find what has changed since it was written."""
    from registry.home import home
    from zoo.cache_verifying import verified
    from zoo.progress import bars

    with bars(quiet=json) as watch:
        verdicts = verified(home().cache, key, watch)
    faulty = [verdict for verdict in verdicts if verdict.faults]
    if json:
        json_document({"files": [verdict.document for verdict in verdicts], "ok": not faulty})
    else:
        say("\n".join(line for verdict in verdicts for line in verdict.lines) or "the feature cache is empty")
    if faulty:
        raise typer.Exit(1)


def prune(max_: Max = None, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Remove what nothing can use any more, and then what was used longest ago, down to a size."""
    from registry.home import home
    from transfer.cache_upkeep import prune as pruned
    from zoo.cache_limit import limit
    from zoo.sizes import parse_size

    cache, most = home().cache, limit() if max_ is None else parse_size(max_, "--max")
    done = pruned(cache, most, dry_run=True)
    if done.removed and not (dry_run or yes):
        ask(f"{size(done.bytes)} of cached features")
    done = done if dry_run else pruned(cache, most)
    _tell(done, dry_run, most, json=json)


def remove(
    key: Removed = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them, in place of a KEY.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove cached features; they are extracted again when they are needed."""
    from registry.errors import ChoiceError
    from registry.home import home
    from transfer.cache_entries import stored
    from transfer.cache_upkeep import chosen
    from transfer.cache_upkeep import remove as removed

    if (key is None) != all_:
        raise ChoiceError("say which cached features to remove: a key, or --all", "zoo cache list shows the keys")
    cache = home().cache
    files = stored(cache) if key is None else chosen(stored(cache), key)
    if files and not (dry_run or yes):
        ask(f"{size(sum(one.bytes for one in files))} of cached features")
    done = removed(cache, files, dry_run=dry_run)
    _tell(done, dry_run, None, json=json)


def _tell(done: Outcome, dry_run: bool, most: int | None, *, json: bool) -> None:
    """Say what came of removing; exit with 1 where the system kept a file from it."""
    from zoo.removed_features import document, page

    if json:
        json_document(document(done, dry_run))
    else:
        say(page(done, dry_run, most))
    if done.refused:
        raise typer.Exit(1)


def _minute(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
