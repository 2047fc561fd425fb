"""What trains and what uses the result: transfer, evaluate, predict."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.errors import ZooError
from zoo.options import Data, DryRun, Freeze, Json, Name, Quiet, Reuse, Update
from zoo.output import json_document, names, percent_interval, say, table

if TYPE_CHECKING:
    from transfer.result import Result
    from zoo.api import Prepared, Run


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("transfer")(transfer)
    app.command("evaluate")(evaluate)
    app.command("predict")(predict)


def transfer(
    name: Name,
    reuse: Reuse,
    data: Data = None,
    freeze: Freeze = None,
    unfreeze: Annotated[
        list[str] | None,
        typer.Option(metavar="auto|none|REGEX", help="What trains after the first phase; once for each phase."),
    ] = None,
    top: Annotated[
        str | None,
        typer.Option(metavar="100,50", help="New hidden layers instead of the model's own architecture."),
    ] = None,
    activation: Annotated[str | None, typer.Option(help="Of new hidden layers, such as elu or relu.")] = None,
    init: Annotated[str | None, typer.Option(metavar="he|xavier|lecun", help="Of new kernels.")] = None,
    batch_norm: Annotated[bool, typer.Option("--batch-norm", help="Normalise after new hidden layers.")] = False,
    dropout: Annotated[float | None, typer.Option(help="Share of units dropped before new layers.")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many a phase.")] = None,
    patience: Annotated[int | None, typer.Option(help="Epochs without a gain that end a phase.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Adam's learning rate in the first phase.")] = None,
    unfreeze_lr: Annotated[float | None, typer.Option(help="The later phases' rate, as a factor.")] = None,
    clip_norm: Annotated[float | None, typer.Option(help="The largest global norm of the gradients.")] = None,
    compare_scratch: Annotated[bool, typer.Option(help="Also train the same architecture from fresh weights.")] = True,
    cached: Annotated[bool, typer.Option("--cache/--no-cache", help="Train from cached features.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat with so many seeds, and report the spread.")] = 1,
    assert_accuracy: Annotated[
        float | None, typer.Option("--assert-accuracy-at-least", help="Exit with 1 below this test accuracy.")
    ] = None,
    publish_as: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Publish the result, of several seeds the best by validation."),
    ] = None,
    update: Update = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Reuse a model's lower layers on your data: freeze, cache, train a new top, unfreeze while it helps."""
    from zoo import api, catalogue

    if publish_as:
        catalogue.check_free(publish_as, update=update)
    given = {
        "activation": activation, "init": init, "dropout": dropout, "epochs": epochs, "patience": patience,
        "batch_size": batch_size, "lr": lr, "unfreeze_lr": unfreeze_lr, "clip_norm": clip_norm,
        "top": _widths(top), "batch_norm": batch_norm or None,
    }  # fmt: skip
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    options |= {"cached": cached, "compare_scratch": compare_scratch}
    prepared = api.prepare(name, data, reuse=reuse, freeze=freeze, unfreeze=unfreeze or "auto", seed=seed, **options)
    chatty = not (json or quiet)
    if chatty:
        say(_opening(prepared))
    if dry_run:
        if json:
            json_document({"plan": prepared.plan, "cut": prepared.selection.cut})
        return
    runs = _carry_out(prepared, seeds, show=chatty)
    short = _too_low(runs, assert_accuracy)
    published = catalogue.publish(_best(runs), publish_as, update=update) if publish_as and not short else None
    if short and not chatty:
        raise short
    if json:
        json_document(_document(runs))
    elif quiet:
        names([run.folder.id for run in runs])
    else:
        say(_closing(runs, published.ref if published else None))
    if short:
        raise short


def evaluate(
    name: Name,
    data: Data = None,
    split: Annotated[str, typer.Option(help="Which split: train, valid or test.")] = "test",
    json: Json = False,
) -> None:
    """Score a model on labelled data."""
    from zoo import api

    score, where = api.evaluate(name, data, split=split)
    if json:
        json_document({
            "model": name, "data": where.name, "n": score.n, "loss": score.loss, "accuracy": score.accuracy,
            "accuracy_ci95": score.ci95, "per_class": score.per_class,
        })  # fmt: skip
        return
    say(f"{name} on {where.name}, {split}: {score.n:,} samples\n")
    rows = [
        ["all", f"{score.accuracy:.4f}"],
        *([name, f"{share:.4f}"] for name, share in score.per_class.items()),
    ]
    say(table(["class", "accuracy"], rows, right=["accuracy"]))
    say(f"\n95 % interval {percent_interval(score.ci95)}; loss {score.loss:.4f} nats")


def predict(
    name: Name,
    input: Annotated[
        Path,
        typer.Option(metavar="FILE.npy", help="Samples (n, ...), prepared or raw; an .npz with one array an input."),
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.npy", help="Write the outputs here; several go into an .npz.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a model on samples and give its outputs."""
    from zoo import api, arrays, catalogue

    outputs = api.predict(name, arrays.read(input))
    if output is not None:
        arrays.write(output, outputs)
    if json:
        json_document({"path": str(output)} if output else {"outputs": arrays.document(outputs)})
    elif output is not None:
        say(f"wrote {arrays.sizes(outputs)} to {output}")
    else:
        say(arrays.pages(outputs, catalogue.show(name).card.classes))


def _widths(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ZooError(f"--top takes widths such as 100,50; got {text!r}") from None


def _carry_out(prepared: Prepared, seeds: int, *, show: bool) -> list[Run]:
    from zoo.progress import bars

    runs = []
    for number in range(seeds):
        plan = replace(prepared.plan, seed=prepared.plan.seed + number)
        with bars(quiet=not show) as watch:
            runs.append(replace(prepared, plan=plan).run(watch))
    return runs


def _opening(prepared: Prepared) -> str:
    from zoo.screens import layers_page

    data, plan = prepared.data, prepared.plan
    counts = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items())
    return (
        f"{plan.model} on {plan.data}: {counts}; {len(data.classes)} classes ({', '.join(data.classes[:12])})\n\n"
        f"{layers_page(prepared.selection)}"
    )


def _closing(runs: list[Run], published: str | None) -> str:
    from zoo import report

    results = [run.result for run in runs]
    last = _best(runs)
    if len(runs) == 1:
        body = f"{report.phases_table(last.result)}\n\n{report.verdict(last.result)}"
    else:
        body = report.seeds_page(results, *_spreads(results))
    after = f"zoo show {published}" if published else f"zoo publish {last.folder.id} --as NAME"
    made = f"\npublished  {published}" if published else ""
    return f"\n{body}\n\nrun     {last.folder.path}\nreport  {last.folder.report}{made}\nnext    {after}"


def _document(runs: list[Run]) -> dict[str, Any]:
    from transfer.runs import plain

    documents = [plain(run.result) for run in runs]
    if len(documents) == 1:
        return documents[0]
    accuracy, scratch = _spreads([run.result for run in runs])
    shown = asdict(scratch) if scratch else None
    return {"seeds": documents, "mean": accuracy.mean, "std": accuracy.std, "scratch": shown}


def _spreads(results: list[Result]) -> Any:
    from transfer.result import spread

    scratch = [one.scratch.test_accuracy for one in results if one.scratch and one.scratch.test_accuracy is not None]
    return spread([_accuracy(one) for one in results]), spread(scratch) if len(scratch) == len(results) else None


def _accuracy(result: Result) -> float:
    return result.valid_accuracy if result.test_accuracy is None else result.test_accuracy


def _best(runs: list[Run]) -> Run:
    return min(runs, key=lambda run: run.result.phases[run.result.best_phase - 1].valid_loss)


def _too_low(runs: list[Run], least: float | None) -> ZooError | None:
    mean = sum(_accuracy(run.result) for run in runs) / len(runs)
    if least is None or mean >= least:
        return None
    names = ", ".join(run.folder.id for run in runs)
    return ZooError(f"the accuracy is {mean:.4f}; --assert-accuracy-at-least wants {least:g} (run {names})")
