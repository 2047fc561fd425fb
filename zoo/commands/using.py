"""What uses models: evaluate, predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from registry.errors import ZooError
from transfer.engines.table import AUTO
from zoo.data_options import DATA
from zoo.grouped_help import GroupedHelp
from zoo.option_groups import takes
from zoo.options import Backend, Data, Json, Name
from zoo.output import json_document, say, table


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("evaluate", cls=GroupedHelp)(evaluate)
    app.command("predict", cls=GroupedHelp)(predict)


@takes(DATA.without("split", "limit_per_class"))
def evaluate(
    name: Name,
    data: Data = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="train|valid|test|all",
            help="Which split, or every sample; without it test, or what is all there is.",
        ),
    ] = None,
    backend: Backend = AUTO,
    options: Any = None,
    json: Json = False,
) -> None:
    """Score a model on labelled data; they are read and split as in the run that made it, unless options say else."""
    from transfer.evaluate import MEASURES
    from zoo import api
    from zoo.report import score_line

    done = api.evaluate(name, data, split=split, backend=backend, **options)
    for note in () if json else done.notes:
        typer.echo(f"note: {note}", err=True)
    score, measure = done.score, MEASURES[done.target.kind]
    if json:
        json_document({
            "model": name, "data": done.data, "split": done.split, "n": score.n, "loss": score.loss, "measure": measure,
            "accuracy": score.accuracy, "accuracy_ci95": score.ci95, "per_class": score.per_class,
            "errors": score.errors, "broken": done.broken, "notes": done.notes,
        })  # fmt: skip
        return
    for one in done.broken:
        typer.echo(f"left out: {one.where}: {one.why}", err=True)
    say(f"{name} on {done.data}, {done.split}: {score.n:,} samples\n")
    rows = [["all", f"{score.accuracy:.4f}"], *([each, f"{share:.4f}"] for each, share in score.per_class.items())]
    what = "class" if done.target.kind == "class" else "label" if done.target.kind == "multilabel" else "number"
    say(table([what, measure], rows, right=[measure]))
    say(f"\n{score_line(done.target.kind, score)}")


@takes(DATA.without("target", "target_type", "group_column", "classes", "limit_per_class", "split", "paranoid"))
def predict(
    name: Name,
    input: Annotated[
        str,
        typer.Option(metavar="DATA", help="Images, a table, arrays: what --data takes, labels or not."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write here: .csv, .jsonl, or the outputs as .npy (several as .npz)."),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="table|csv|jsonl", help="How predictions are printed.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes of each sample are named.")] = 5,
    backend: Backend = AUTO,
    options: Any = None,
    json: Json = False,
) -> None:
    """Say what each sample is: class, probability, the next likeliest; of arrays for a model's inputs, its outputs."""
    from zoo import predicting

    arrays = predicting.arrays_of(name, input)
    form = predicting.form_of(form, output, arrays=arrays is not None)
    if arrays is not None and form not in predicting.STREAMS:
        if options:
            named = ", ".join(f"--{name.replace('size', 'image_size').replace('_', '-')}" for name in options)
            raise ZooError(f"{named} has nothing to do with arrays that the model takes as they are", "leave it out")
        _outputs(name, arrays.path, output, backend, json=json)
        return
    rows = predicting.predicted(name, input, options, top, lambda text: typer.echo(text, err=True), backend)
    if form in predicting.STREAMS and (output or not json):
        count = predicting.write(rows, form, output, top)
        if output:
            json_document({"path": str(output), "count": count}) if json else say(f"wrote {count:,} to {output}")
    elif json:
        json_document(predicting.document(rows))
    else:
        say(predicting.page(rows))


def _outputs(name: str, path: Path, output: Path | None, backend: str, *, json: bool) -> None:
    """Give a model's outputs for arrays as they are."""
    from zoo import api, arrays, catalogue

    outputs = api.predict(name, arrays.read(path), backend)
    if output is not None:
        arrays.write(output, outputs)
    if json:
        json_document({"path": str(output)} if output else {"outputs": arrays.document(outputs)})
    elif output is not None:
        say(f"wrote {arrays.sizes(outputs)} to {output}")
    else:
        say(arrays.pages(outputs, catalogue.show(name).card.classes))
