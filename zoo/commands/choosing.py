"""What helps to choose before a transfer: search-depth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.data_options import DATA
from zoo.grouped_help import GroupedHelp
from zoo.option_groups import takes
from zoo.options import Data, Json, Name, Quiet
from zoo.output import count, json_document, names, say, say_plot
from zoo.top_options import TOP
from zoo.training_options import TRAINING

if TYPE_CHECKING:
    from transfer.depths.search import Search
    from zoo.depth_search import Searching


def mount(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("search-depth", cls=GroupedHelp)(search_depth)


@takes(DATA, TOP, TRAINING.without("augment", "views", "unfreeze_lr"))
def search_depth(
    name: Name,
    data: Data = None,
    cuts: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Look at the cuts after these layers only; all valid ones.")
    ] = None,
    train: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="How many cuts are trained to the end; a fourth, 3 at most.")
    ] = None,
    surgical: Annotated[
        bool, typer.Option("--surgical", help="Also try each block alone as the one that trains.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the result.")] = None,
    options: Any = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Train with so many seeds.")] = 1,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Find how many layers to keep: probe every cut in one pass over the data, train the best few."""
    from registry.home import home
    from transfer.depths.blocks import blocks
    from zoo import depth_search
    from zoo.depth_plot import plot as drawn
    from zoo.depth_record import keep, record
    from zoo.plot import check_plot, write_plot
    from zoo.progress import bars

    if plot is not None:
        check_plot(plot)
    with bars(quiet=quiet or json) as watch:
        searching = depth_search.prepare(name, data, cuts, train, seeds, seed, watch, **options)
        if not (quiet or json):
            say(_opening(searching))
        search = searching.run()
        parts = blocks(searching.depth.source.layers) if surgical else ()
        alone = searching.depth.surgical(parts)
    searched = record(searching.depth, search)
    keep(home().depths, searched)
    if plot is not None:
        write_plot(plot, drawn(searched))
    if json:
        json_document(depth_search.document(searching, search, parts, alone))
    elif quiet:
        names([search.found[search.best].cut.reuse])
    else:
        say(_closing(searching, search))
        if parts:
            say("\n" + depth_search.blocks_table(parts, alone, searching.depth))
        say_plot(plot)


def _opening(searching: Searching) -> str:
    plan, data = searching.depth.plan, searching.depth.data
    counts = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items() if name != "test")
    return f"{plan.model} on {plan.data}: {counts}; {count(len(searching.cuts), 'cut')}, the best are trained\n"


def _closing(searching: Searching, search: Search) -> str:
    from zoo.depth_search import cuts_table, next_command

    best = search.found[search.best]
    how = "by its probe" if best.valid is None else "by validation loss"
    return "\n".join([
        cuts_table(search),
        f"* the best: {how}",
        "",
        f"{search.seconds:.1f} seconds, of which {search.tap_seconds:.1f} for one pass over {search.probed:,} samples; "
        "test data are untouched",
        f"next    {next_command(searching.depth.plan, best.cut)}",
    ])  # fmt: skip
