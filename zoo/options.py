"""Options that several commands share, written once."""

from __future__ import annotations

from typing import Annotated

import typer

from transfer.engines.table import NAMES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print names only.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
Update = Annotated[bool, typer.Option("--update", help="Add a revision to a name that exists.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model: NAME or NAME@REVISION.")]
NewName = Annotated[str, typer.Option("--as", metavar="NAME", help="The new model's name.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many.")]
Tagged = Annotated[str, typer.Option("--tag", metavar="TAG", help="Another name for the revision, such as v2.")]
AllowUnsafe = Annotated[
    bool, typer.Option("--allow-unsafe", help="Let through formats that can carry code (pickles); none of it is run.")
]
Backend = Annotated[
    str, typer.Option(metavar="|".join(NAMES), help="What computes; of many samples the fastest on a first batch.")
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="A folder of images, a table, arrays, MODEL:FILE, keras:NAME, tfds:NAME or hf://datasets/ORG/NAME; the "
        "default is the one on the model's card.",
    ),
]
Reuse = Annotated[
    str,
    typer.Option(metavar="REGEX", help="Layers whose weights are kept, such as 'hidden[123]'; whole path segments."),
]
Freeze = Annotated[
    str | None,
    typer.Option(metavar="REGEX", help="Reused layers that stay fixed at first; the default is all of them."),
]
Unfreeze = Annotated[
    list[str] | None,
    typer.Option(metavar="auto|gradual|none|REGEX", help="What trains after the first phase; once for each phase."),
]
