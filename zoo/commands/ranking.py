"""Which checkpoint to start from: rank."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from transfer.engines.table import AUTO
from zoo.data_options import DATA
from zoo.grouped_help import GroupedHelp
from zoo.option_groups import takes
from zoo.options import Backend, Json, Quiet
from zoo.output import json_document, names, say


def mount(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("rank", cls=GroupedHelp)(rank)


@takes(DATA)
def rank(
    data: Annotated[
        str,
        typer.Option(
            metavar="DATA",
            help="A folder of images, a table, arrays, MODEL:FILE, keras:NAME, tfds:NAME or hf://datasets/ORG/NAME.",
        ),
    ],
    pattern: Annotated[str, typer.Argument(metavar="[PATTERN]", help="A shell pattern: 'mnist*'.")] = "*",
    by: Annotated[
        str, typer.Option(metavar="probe|knn|logme|leep|hscore|size", help="The score that ranks.")
    ] = "probe",
    calibrate: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="Transfer to the first and N-1 others, to check the ranking.")
    ] = None,
    backend: Backend = AUTO,
    options: Any = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Rank the models by how well they suit some data, without training; their features stay in the cache."""
    from zoo import ranking, ranking_screens
    from zoo.progress import bars

    with bars(quiet=quiet or json) as watch:
        found = ranking.rank(pattern, data, by, seed, watch, options, backend)
        if calibrate:
            found = ranking.calibrated(found, calibrate, seed, watch, {**options, "backend": backend})
    if json:
        json_document(ranking_screens.document(found))
    elif quiet:
        names([one.name for one in found.models])
    else:
        say(ranking_screens.page(found))
