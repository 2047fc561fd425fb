"""What trains: transfer."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.errors import ZooError
from zoo.cluster_options import CLUSTER
from zoo.commands import rates
from zoo.commands.rates import LrFind, Plot
from zoo.data_options import DATA
from zoo.grouped_help import GroupedHelp
from zoo.option_groups import takes
from zoo.options import Data, DryRun, Freeze, Json, Name, Quiet, Reuse, Unfreeze, Update
from zoo.output import json_document, names, say
from zoo.top_options import TOP
from zoo.training_options import TRAINING

if TYPE_CHECKING:
    from transfer.data.target import Target as Labels
    from zoo.api import Prepared, Run


def mount(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("transfer", cls=GroupedHelp)(transfer)


@takes(DATA, TOP, TRAINING, CLUSTER)
def transfer(
    name: Name,
    reuse: Reuse,
    data: Data = None,
    freeze: Freeze = None,
    unfreeze: Unfreeze = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="textbook|lp-ft|ulmfit|full", help="A known procedure; options change it."),
    ] = None,
    options: Any = None,
    lr_find: LrFind = False,
    plot: Plot = None,
    compare_scratch: Annotated[bool, typer.Option(help="Also train the same architecture from fresh weights.")] = True,
    cached: Annotated[bool, typer.Option("--cache/--no-cache", help="Train from cached features.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat with so many seeds, and report the spread.")] = 1,
    assert_accuracy: Annotated[
        float | None,
        typer.Option("--assert-accuracy-at-least", help="Exit with 1 where what is kept has a lower test accuracy."),
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the metrics for TensorBoard, each run in a folder below.")
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
    from zoo.closing import best, closing
    from zoo.notes import notes
    from zoo.progress import bars
    from zoo.seeds_left import Repetition
    from zoo.transferring import board_folder

    training = {"--publish-as": publish_as, "--assert-accuracy-at-least": assert_accuracy, "--tensorboard": tensorboard}
    repeats = seeds if seeds > 1 else None
    rates.check(lr_find, plot, {"--lr": options.get("lr"), "--seeds": repeats, **training})
    if publish_as:
        catalogue.check_free(publish_as, update=update)
    options |= {"cached": cached, "compare_scratch": compare_scratch, "recipe": recipe}
    board, cluster = board_folder(tensorboard), options.pop("cluster", None)
    prepared = api.prepare(name, data, reuse=reuse, freeze=freeze, unfreeze=unfreeze, seed=seed, **options)
    prepared = replace(prepared, board=board, cluster=cluster)
    chatty = not (json or quiet)
    told = tuple(notes(prepared)) if chatty else ()
    if chatty:
        say(_opening(prepared, told))
    if dry_run:
        if json:
            json_document(_intended(prepared))
        return
    if lr_find:
        rates.find(prepared, plot, quiet=quiet, json=json)
        return
    runs = Repetition(prepared, seeds, publish_as).run(lambda: bars(quiet=not chatty))
    short = _too_low(runs, assert_accuracy)
    published = catalogue.publish(best(runs), publish_as, update=update) if publish_as and not short else None
    if short and not chatty:
        raise short
    if chatty:
        say(closing(runs, published.ref if published else None, told))
    else:
        _tell_programs(runs, json=json)
    if short:
        raise short


def _tell_programs(runs: list[Run], *, json: bool) -> None:
    if json:
        json_document(_document(runs))
    else:
        names([run.folder.id for run in runs])


def _intended(prepared: Prepared) -> dict[str, Any]:
    from transfer.plan.dropping import cut_without, left_out

    plan, selection = prepared.plan, prepared.selection
    return {"plan": plan, "cut": cut_without(selection, left_out(selection, plan.top))}


def _opening(prepared: Prepared, told: tuple[str, ...]) -> str:
    from transfer.plan.dropping import left_out
    from zoo.screens import layers_page

    data, plan = prepared.data, prepared.plan
    counts = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items())
    head = f"{plan.model} on {plan.data}: {counts}; {_labels(data.target)}"
    gone = left_out(prepared.selection, plan.top)
    new = [_new_top(plan.top.units or (), data.target.width)] if gone else []
    return "\n".join([head, *told, "", layers_page(prepared.selection, gone, short=True), *new])


def _new_top(units: tuple[int, ...], outputs: int) -> str:
    """Say which layers stand in place of those that are left out."""
    hidden = [f"Dense {width:,}" for width in units]
    last = f"{outputs:,} outputs" if outputs > 1 else "1 output"
    return f"new on top: {', then '.join([*hidden, last])}"


def _labels(target: Labels) -> str:
    kinds = {"class": "classes", "multilabel": "labels", "number": "numbers"}
    word = kinds[target.kind] if target.width > 1 else target.kind
    return f"{target.width} {word} ({', '.join(target.classes[:12])})"


def _document(runs: list[Run]) -> dict[str, Any]:
    from transfer.result import spread
    from transfer.runs import plain
    from zoo.closing import spreads
    from zoo.seeds_page import gain

    documents = [plain(run.result) for run in runs]
    if len(documents) == 1:
        return documents[0]
    reused, scratch = spreads([run.result for run in runs])
    shown = asdict(scratch) if scratch else None
    difference = gain([run.result for run in runs])
    kept = asdict(spread([run.result.accuracy for run in runs]))
    return {"seeds": documents, "mean": reused.mean, "std": reused.std, "scratch": shown, "kept": kept,
            "difference": difference}  # fmt: skip


def _too_low(runs: list[Run], least: float | None) -> ZooError | None:
    from zoo.seeds_page import kept_words

    results = [run.result for run in runs]
    if least is None or sum(one.accuracy for one in results) / len(runs) >= least:
        return None
    names = ", ".join(run.folder.id for run in runs)
    return ZooError(f"{kept_words(results)}; --assert-accuracy-at-least wants {least:g} (run {names})")
