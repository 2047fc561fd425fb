"""What reaches other places: search, pull, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.options import AllowUnsafe, DryRun, Json, Limit, Quiet, Tagged, Update
from zoo.output import json_document, names, say

if TYPE_CHECKING:
    from registry.ref import Ref


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("search")(search)
    app.command("pull")(pull)
    app.command("publish")(publish)


def search(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]...", help="What to look for.")] = None,
    where: Annotated[
        str | None,
        typer.Option("--in", metavar="PLACE", help="hf, kaggle, a hub's URL, oci://HOST; this machine if not given."),
    ] = None,
    limit: Limit = 20,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Search models: in the catalogue here, or on a hub."""
    from zoo import catalogue, hub_screens

    found = catalogue.search(" ".join(words or []), where=where, limit=20 if limit is None else limit)
    if json:
        json_document({"models": found, "count": len(found)})
    elif quiet:
        names([line.name for line in found])
    else:
        say(hub_screens.found_page(found, where))


def pull(
    ref: Annotated[str, typer.Argument(metavar="REF", help="Such as hf://org/name@rev, kaggle://…, oci://…, ./dir.")],
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Its name here.")] = None,
    tag: Tagged = "",
    update: Update = False,
    include: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Only files that fit; may be repeated.")
    ] = None,
    allow_unsafe: AllowUnsafe = False,
    verify_with: Annotated[
        Path | None, typer.Option(metavar="KEY", help="Refuse it unless this public key signed it.")
    ] = None,
    convert: Annotated[
        bool, typer.Option("--import/--no-import", help="Turn a format that can be read into a Keras model.")
    ] = True,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Download a model from a hub, registry, bucket or folder into the catalogue, every byte checked."""
    from zoo import hub_screens, pulling
    from zoo.progress import bars

    made = pulling.of_ref(
        ref, name, tag=tag, update=update, include=include or [], allow_unsafe=allow_unsafe, verify_with=verify_with,
        convert=None if convert else (),
    )  # fmt: skip
    with bars(quiet=json) as watch:
        pulled = None if dry_run else made.run(watch)
    if json:
        json_document(hub_screens.pull_document(made, pulled))
    else:
        say(hub_screens.pull_page(made, pulled))


def publish(
    what: Annotated[
        str, typer.Argument(metavar="RUN|NAME", help="A run ('last' is the newest), or a model in the catalogue.")
    ],
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Its name in the catalogue.")] = None,
    to: Annotated[
        str | None, typer.Option(metavar="REF", help="Where else: hf://org/name, a hub's URL, oci://…, s3://….")
    ] = None,
    tag: Tagged = "",
    branch: Annotated[str, typer.Option(metavar="NAME", help="The branch that goes on here.")] = "main",
    private: Annotated[bool, typer.Option("--private", help="Hide a new repo there from others.")] = False,
    sign: Annotated[Path | None, typer.Option(metavar="KEY", help="Sign it with this private key.")] = None,
    update: Update = False,
    allow_unsafe: AllowUnsafe = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put a run's best model into the catalogue, or a model of the catalogue onto a hub, registry or bucket."""
    from zoo import hub_screens
    from zoo.preparing import prepare
    from zoo.progress import bars
    from zoo.pushing import Terms

    terms = Terms(name, _parsed(to), tag, branch, update, private, sign, allow_unsafe)
    prepared = prepare(what, terms)
    with bars(quiet=json) as watch:
        done = None if dry_run else prepared.run(watch)
    if json:
        json_document(hub_screens.publish_document(prepared, done))
    else:
        say(hub_screens.publish_page(prepared, done))


def _parsed(to: str | None) -> Ref | None:
    from registry.errors import ZooError
    from registry.ref import Ref

    if to is None:
        return None
    ref = Ref.parse(to)
    if not ref.source:
        places = f"hf://org/name, oci://host/name, s3://bucket/name; a folder is ./{to}"
        raise ZooError(f"--to {to} names no place outside the catalogue", places)
    return ref
