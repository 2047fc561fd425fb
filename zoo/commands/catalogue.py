"""What looks at models and puts them on the shelf: list, show, layers, import, publish."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo.options import DryRun, Freeze, Json, Name, NewName, Quiet, Update
from zoo.output import json_document, names, say, size, table


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("list")(list_models)
    app.command("show")(show)
    app.command("layers")(layers)
    app.command("import")(import_model)
    app.command("publish")(publish)


def list_models(
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="A shell pattern: 'mnist*'.")] = "*",
    source: Annotated[str | None, typer.Option(help="Only models from here: local or shipped.")] = None,
    task: Annotated[str | None, typer.Option(help="Only models for this task.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only models with this tag.")] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List the models on this machine and those that ship with zoo."""
    from zoo import api

    lines = api.list(pattern, source=source, task=task, tag=tag)
    if json:
        json_document({"models": lines, "count": len(lines)})
    elif quiet:
        names([line.name for line in lines])
    else:
        rows = [
            [one.name, one.revision[:12], one.source, one.task or "-", f"{one.parameters:,}", size(one.bytes),
             " ".join(one.tags)]
            for one in lines
        ]  # fmt: skip
        headers = ["name", "revision", "source", "task", "parameters", "size", "tags"]
        say(table(headers, rows, right=["parameters", "size"]))


def show(name: Name, json: Json = False) -> None:
    """Show a model's card: inputs, outputs, layers, files, lineage."""
    from zoo import api, screens

    model = api.show(name)
    if json:
        json_document(screens.card_document(model))
    else:
        say(screens.card_page(model))


def layers(
    name: Name,
    reuse: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Show which layers this regex would reuse.")
    ] = None,
    freeze: Freeze = None,
    json: Json = False,
) -> None:
    """List a model's layers by scope, and what a transfer would reuse and freeze of them."""
    from zoo import api, screens

    selection = api.layers(name, reuse, freeze)
    if json:
        json_document(screens.layers_document(selection))
    else:
        say(screens.layers_page(selection))


def import_model(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A checkpoint's prefix, folder or file.")],
    name: NewName,
    input: Annotated[
        str | None, typer.Option(metavar="TENSOR", help="The input, such as X:0, where it is not found.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="TENSOR", help="The output, such as dnn/outputs/BiasAdd:0.")
    ] = None,
    update: Update = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Turn a TensorFlow 1 checkpoint or a Keras file into a model in the catalogue, with the same numbers."""
    from zoo import publishing, screens

    imported = publishing.of_path(path, name, input=input, output=output, update=update)
    model = None if dry_run else imported.commit()
    if json:
        json_document(screens.import_document(imported, model))
    else:
        say(screens.import_page(imported, model))


def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, the beginning of its name, or 'last'.")],
    name: NewName,
    update: Update = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put a run's best model into the catalogue, with its card and lineage."""
    from zoo import publishing, screens

    prepared = publishing.of_run(run, name, update=update)
    model = None if dry_run else prepared.commit()
    if json:
        json_document(screens.publish_document(prepared, model))
    else:
        say(screens.publish_page(prepared, model))
