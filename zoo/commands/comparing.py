"""What says whether reuse pays: compare."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.errors import ZooError
from zoo.data_options import DATA
from zoo.grouped_help import GroupedHelp
from zoo.option_groups import takes
from zoo.options import Data, Freeze, Json, Quiet, Unfreeze
from zoo.output import json_document, names, say, say_plot
from zoo.top_options import TOP
from zoo.training_options import TRAINING

if TYPE_CHECKING:
    from registry.watch import Watch
    from zoo.comparison import Comparison, Contest
    from zoo.transferring import Prepared


def mount(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compare", cls=GroupedHelp)(compare)


@takes(DATA, TOP, TRAINING)
def compare(
    name: Annotated[str, typer.Argument(metavar="NAME|RUN", help="A model; or a finished run, followed by another.")],
    other: Annotated[str | None, typer.Argument(metavar="RUN", help="A run to compare the first with.")] = None,
    reuse: Annotated[str | None, typer.Option(metavar="REGEX", help="Layers whose weights are kept.")] = None,
    data: Data = None,
    freeze: Freeze = None,
    unfreeze: Unfreeze = None,
    options: Any = None,
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 5,
    label_curve: Annotated[
        str | None, typer.Option(metavar="10,30,100", help="The same with so many labels a class.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw that curve.")] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say whether reuse beats training from scratch and a linear model: same data, same seeds, with intervals."""
    if other is not None:
        _runs(name, other, reuse, json=json)
        return
    if reuse is None:
        raise ZooError(
            "zoo compare NAME wants to know what is reused: --reuse REGEX",
            f"zoo layers {name} shows what there is; two runs are compared by zoo compare RUN RUN",
        )
    from zoo import api, comparing
    from zoo.comparison_screens import comparison_page
    from zoo.curve_plot import plot as drawn
    from zoo.plot import check_plot, write_plot

    counts = comparing.parse_labels(label_curve) if label_curve is not None else ()
    if counts and options.get("limit_per_class"):
        raise ZooError("--label-curve and --limit-per-class both say how many labels: give one of them")
    if plot is not None:
        if not counts:
            raise ZooError("--plot draws the curve over labels: say which", "such as --label-curve 10,30,100")
        check_plot(plot)

    def prepare(**more: Any) -> Prepared:
        how = {"reuse": reuse, "freeze": freeze, "unfreeze": unfreeze, "seed": seed, **options, **more}
        return api.prepare(name, data, **how)

    def bars() -> AbstractContextManager[Watch]:
        from zoo.progress import bars as shown

        return shown(quiet=quiet or json)

    found = comparing.compare(prepare, seeds, counts, bars)
    if plot is not None:
        write_plot(plot, drawn(found))
    if json:
        json_document(_document(found))
    elif quiet:
        names(found.whole.runs)
    else:
        say(comparison_page(found))
        say_plot(plot)


def _runs(first: str, second: str, reuse: str | None, *, json: bool) -> None:
    from zoo.comparing_runs import compare_runs
    from zoo.comparison_screens import runs_sentence

    if reuse is not None:
        raise ZooError(f"--reuse is of a model; {first} and {second} are runs, in which it is decided", "leave it out")
    found = compare_runs(first, second)
    if json:
        json_document(found)
        return
    say(runs_sentence(found.difference, found.first, found.second, found.measure))


def _document(found: Comparison) -> dict[str, Any]:
    head = {name: getattr(found, name) for name in ("model", "data", "reuse", "seeds", "measure", "samples")}
    return {**head, **_contest(found.whole), "curve": [_contest(one) for one in found.curve]}


def _contest(one: Contest) -> dict[str, Any]:
    return dict(vars(one))
