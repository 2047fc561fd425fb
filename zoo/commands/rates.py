"""The part of `transfer` that finds a learning rate: its options, and what `--lr-find` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.errors import ChoiceError
from zoo.output import json_document, names, say, say_plot

if TYPE_CHECKING:
    from zoo.api import Prepared

LrFind = Annotated[bool, typer.Option("--lr-find", help="Look for a learning rate, show its curve, and train nothing.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the curve of --lr-find.")]


def check(finds: bool, plot: Path | None, others: dict[str, object]) -> None:
    """Refuse what does not go with looking for a rate, or only with that.

    Args:
        finds: whether a rate is looked for.
        plot: where its curve is to be drawn.
        others: options that are about training, with what was given.

    Raises:
        ChoiceError: one of them was given, or a plot of nothing.
        ZooError: the plot cannot be written there.
    """
    from zoo.plot import check_plot

    if plot is not None and not finds:
        raise ChoiceError("--plot draws the curve of --lr-find", "add --lr-find, which trains nothing")
    for option, value in others.items():
        if finds and value is not None:
            raise ChoiceError(f"--lr-find looks for a rate and trains nothing; got {option}", f"leave {option} out")
    if plot is not None:
        check_plot(plot)


def find(prepared: Prepared, plot: Path | None, *, quiet: bool, json: bool) -> None:
    """Look for a rate and show what was found."""
    from zoo import rate_finding
    from zoo.plot import write_plot
    from zoo.progress import bars

    with bars(quiet=quiet or json) as watch:
        found = rate_finding.find_rate(prepared, watch)
    if plot is not None:
        write_plot(plot, rate_finding.plot(found))
    if json:
        json_document(rate_finding.document(prepared, found))
    elif quiet:
        names([f"{found.suggested:g}"])
    else:
        say(f"\n{rate_finding.page(prepared, found)}")
        say_plot(plot)
