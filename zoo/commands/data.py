"""What looks at data: data inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.data_options import DATA
from zoo.grouped_help import GroupedHelp
from zoo.option_groups import takes
from zoo.options import Json
from zoo.output import json_document, say


def mount(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(help="Look at data.", no_args_is_help=True)
    group.callback()(lambda: None)  # a group with a single command would else be that command
    group.command("inspect", cls=GroupedHelp)(inspect)
    app.add_typer(group, name="data")


@takes(DATA)
def inspect(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder, a file, MODEL:FILE or a hub's data set.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Say how this model would take them, and try it.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Write some images of each class on one page.")
    ] = None,
    options: Any = None,
    json: Json = False,
) -> None:
    """Say what data are understood to be: samples, classes, sizes, ranges, duplicates, broken files."""
    from zoo import inspecting

    found, taken = inspecting.inspected(data, options, model, sheet)
    if json:
        json_document({"inspection": found, "model": taken})
        return
    say(inspecting.page(found))
    if taken:
        say(f"\n{taken}")
    if sheet:
        say(f"\nsheet  {sheet}")
