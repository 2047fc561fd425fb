"""The options that say how a phase trains."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zoo.option_groups import Group

KINDS: dict[str, Any] = {
    "augment": Annotated[str | None, typer.Option(metavar="flip,crop,…", help="Change training images at random.")],
    "views": Annotated[
        int | None, typer.Option(metavar="N", help="Changed versions of an image that are cached below a cut.")
    ],
    "epochs": Annotated[int | None, typer.Option(help="At most so many a phase.")],
    "patience": Annotated[int | None, typer.Option(help="Epochs without a gain that end a phase.")],
    "batch_size": Annotated[int | None, typer.Option(help="Samples a step.")],
    "lr": Annotated[float | None, typer.Option(help="Adam's learning rate in the first phase.")],
    "unfreeze_lr": Annotated[float | None, typer.Option(help="The later phases' rate, as a factor.")],
    "clip_norm": Annotated[float | None, typer.Option(help="The largest global norm of the gradients.")],
}

TRAINING = Group(KINDS)
