"""What looks at runs: runs, report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.errors import ZooError
from zoo.options import Json, Quiet
from zoo.output import json_document, names, say, table

if TYPE_CHECKING:
    from transfer.runs import RunFolder


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("runs")(runs)
    app.command("report")(report)


def runs(quiet: Quiet = False, json: Json = False) -> None:
    """List the runs on this machine, the oldest first."""
    from registry.home import home
    from transfer.runs import Runs

    folders = Runs(home().runs).all()
    if quiet and not json:
        names([folder.id for folder in folders])
        return
    rows = [_row(folder) for folder in folders]
    if json:
        json_document({"runs": rows, "count": len(rows)})
        return
    columns = {"run": "run", "state": "state", "started": "started", "reuse": "reuse", "seed": "seed",
               "kept": "kept", "measure": "measure", "valid_accuracy": "valid", "test_accuracy": "test"}  # fmt: skip
    lines = [[_text(row[name]) for name in columns] for row in rows]
    say(table(list(columns.values()), lines, right=["seed", "valid", "test"]))


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, the beginning of its name, or last.")],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; report.html in the run's folder.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    json: Json = False,
) -> None:
    """Write a run as one HTML file: curves, what trained when, confusions, calibration, mistakes, diagnosis."""
    from registry.home import home
    from transfer.runs import Runs
    from zoo.html_report.page import write_page

    path = write_page(Runs(home().runs).find(run), output).resolve()
    if json:
        json_document({"path": str(path)})
    else:
        say(str(path))
    if show:
        typer.launch(path.as_uri())


def _row(folder: RunFolder) -> dict[str, Any]:
    try:
        plan, status = folder.plan, folder.status
        result = folder.result if status.state == "done" else None
    except ZooError as error:
        empty = dict.fromkeys(
            ("model", "data", "reuse", "started", "seed", "kept", "measure", "valid_accuracy", "test_accuracy")
        )
        return {"run": folder.id, "state": "broken", **empty, "path": str(folder.path), "why": error.message}
    return {
        "run": folder.id, "state": status.state, "model": plan.model, "data": plan.data, "reuse": plan.reuse,
        "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.started)), "seed": plan.seed,
        "kept": result.kept if result else None, "measure": result.measure if result else None,
        "valid_accuracy": result.of_kept.valid_accuracy if result else None,
        "test_accuracy": result.of_kept.test_accuracy if result else None, "path": str(folder.path),
    }  # fmt: skip


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
