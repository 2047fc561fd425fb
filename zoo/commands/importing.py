"""What brings in files on this machine's disk: import, add."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo.options import AllowUnsafe, DryRun, Json, NewName, Quiet, Update
from zoo.output import json_document, names, say


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("import")(import_model)
    app.command("add")(add)


def import_model(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file, a folder, or a checkpoint's prefix.")],
    name: NewName,
    input: Annotated[
        str | None, typer.Option(metavar="TENSOR", help="The input, such as X:0, where it is not found.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="TENSOR", help="The output, such as dnn/outputs/BiasAdd:0.")
    ] = None,
    signature: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a SavedModel; serving_default if not given.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(metavar="NAME|keras:NAME", help="Put weights into this architecture: a model, or a Keras one."),
    ] = None,
    rules: Annotated[
        str | None, typer.Option("--map", metavar="RULES", help="A file of lines 'regex = name', or MODEL:FILE.")
    ] = None,
    allow_partial: Annotated[
        list[str] | None, typer.Option(metavar="REGEX", help="Weights that may lack a value, or be left over.")
    ] = None,
    preprocess: Annotated[
        str | None, typer.Option(metavar="HOW", help="tf, torch, caffe, unit, none; or 'scale=1/128 mean=127'.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="What the outputs are called, in their order.")
    ] = None,
    update: Update = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Turn a checkpoint of any format into a Keras model in the catalogue, with the same numbers."""
    from zoo import import_screens
    from zoo.importing import Request
    from zoo.progress import bars

    named = tuple(word.strip() for word in classes.split(",")) if classes is not None else ()
    request = Request(
        path, name, input, output, signature, into, rules, tuple(allow_partial or ()), preprocess, named, update
    )
    with bars(quiet=json or quiet) as watch:
        importable = request.read(watch)
    model = None if dry_run else importable.commit()
    if json:
        json_document(import_screens.document(importable, model))
    elif quiet:
        names([importable.spot.name])
    else:
        say(import_screens.page(importable, model))


def add(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file or folder.")],
    name: NewName,
    update: Update = False,
    allow_unsafe: AllowUnsafe = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Catalogue a model's files as they are; a .keras file is read and described, others wait for zoo import."""
    from zoo import hub_screens, pulling
    from zoo.progress import bars

    made = pulling.of_path(path, name, update=update, allow_unsafe=allow_unsafe)
    with bars(quiet=json) as watch:
        added = None if dry_run else made.run(watch)
    if json:
        json_document(hub_screens.pull_document(made, added))
    else:
        say(hub_screens.pull_page(made, added, ("add", "added")))
