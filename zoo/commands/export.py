"""What writes models for other programs: export."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo.options import DryRun, Json, Name, Quiet
from zoo.output import json_document, names, say


def mount(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("export")(export)


def export(
    name: Name,
    to: Annotated[
        str, typer.Option(metavar="FORMAT", help="keras, saved_model, tflite, onnx, or safetensors (weights alone).")
    ],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="PATH", help="The file or folder; NAME.FORMAT if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a model for another program; the file is run and compared with the model before it is put into place."""
    from zoo import exporting
    from zoo.progress import bars

    prepared = exporting.prepare(name, to, output, force=force)
    with bars(quiet=json or quiet) as watch:
        done = prepared.run(watch, keep=not dry_run)
    if json:
        json_document(done.document)
    elif quiet:
        names([str(done.path)])
    else:
        say(done.page)
