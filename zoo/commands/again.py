"""What takes a run up again: resume, replay."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from registry.errors import ZooError
from zoo.cluster_options import CLUSTER
from zoo.grouped_help import GroupedHelp
from zoo.option_groups import takes
from zoo.options import Json, Quiet
from zoo.output import json_document, names, say

RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run, the beginning of its name, or last.")]


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("resume", cls=GroupedHelp)(resume)
    app.command("replay", cls=GroupedHelp)(replay)


@takes(CLUSTER)
def resume(run: RunName, options: Any = None, quiet: Quiet = False, json: Json = False) -> None:
    """Go on with an interrupted run where it stopped; it ends with the same weights as if it had not."""
    from transfer.runs import plain
    from zoo import api
    from zoo.closing import closing
    from zoo.progress import bars

    with bars(quiet=quiet or json) as watch:
        done = api.resume(run, watch, **options)
    if json:
        json_document(plain(done.result))
    elif quiet:
        names([done.folder.id])
    else:
        say(closing([done], None))


@takes(CLUSTER)
def replay(run: RunName, options: Any = None, quiet: Quiet = False, json: Json = False) -> None:
    """Do a run again from its plan, as a new run, and say whether it came out the same; exit code 1 if it did not."""
    from transfer.runs import plain
    from zoo import api
    from zoo.closing import closing
    from zoo.progress import bars

    with bars(quiet=quiet or json) as watch:
        done, otherwise = api.replay(run, watch, **options)
    if json:
        json_document({**plain(done.result), "same": not otherwise, "differences": otherwise})
    elif quiet:
        names([done.folder.id])
    else:
        same = "the same to the last bit: every phase, every figure, every weight"
        say(f"{closing([done], None)}\n\n{same if not otherwise else 'not the same'}")
    if otherwise:
        raise ZooError(f"the run came out otherwise: {'; '.join(otherwise)}")
