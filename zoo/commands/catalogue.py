"""What looks at models: list, show, layers, lineage."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo.options import Freeze, Json, Limit, Name, Quiet
from zoo.output import json_document, names, say, size, table


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("list")(list_models)
    app.command("show")(show)
    app.command("layers")(layers)
    app.command("lineage")(lineage)


def list_models(
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="A shell pattern: 'mnist*'.")] = "*",
    source: Annotated[str | None, typer.Option(help="Only models from here: local or shipped.")] = None,
    task: Annotated[str | None, typer.Option(help="Only models for this task.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only models with this tag.")] = None,
    sort: Annotated[
        str, typer.Option(metavar="BY", help="By name; or by updated, size or parameters, the greatest first.")
    ] = "name",
    limit: Limit = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List the models on this machine and those that ship with zoo."""
    from zoo import catalogue

    lines = catalogue.list(pattern, source=source, task=task, tag=tag, sort=sort, limit=limit)
    if json:
        json_document({"models": lines, "count": len(lines)})
    elif quiet:
        names([line.name for line in lines])
    elif not lines:
        say("nothing fits; zoo list shows all")
    else:
        rows = [
            [one.name, one.revision[:12], one.source, one.task or "-", f"{one.parameters:,}", size(one.bytes),
             " ".join(one.tags)]
            for one in lines
        ]  # fmt: skip
        headers = ["name", "revision", "source", "task", "parameters", "size", "tags"]
        say(table(headers, rows, right=["parameters", "size"]))


def show(name: Name, json: Json = False) -> None:
    """Show a model's card: inputs, outputs, layers, files, tags, where it came from, and what was made from it."""
    from zoo import catalogue, screens

    model = catalogue.show(name)
    kin = catalogue.kin(model)
    if json:
        json_document(screens.card_document(model, kin))
    else:
        say(screens.card_page(model, kin))


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


def lineage(
    name: Name,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.")] = False,
    json: Json = False,
) -> None:
    """Draw what a model came from, up to the first ancestor, and all that was made from it."""
    from zoo import catalogue, family

    top = catalogue.lineage(name)
    if json:
        json_document(family.document(top))
    else:
        say(family.mermaid(top) if mermaid else family.tree_text(top))
