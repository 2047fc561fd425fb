"""The options that say how data are read and given to a model, which several commands share."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from registry.errors import ZooError

Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The label's column; several with commas between are several.")
]
TargetType = Annotated[
    str | None, typer.Option(metavar="class|multilabel|number", help="What labels are; found from them if not said.")
]
ImageColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The table's column that names image files, or holds them.")
]
GroupColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Samples alike in it stay in one split: a patient, a house.")
]
Classes = Annotated[str | None, typer.Option(metavar="5-9|cat,dog", help="Take these classes only.")]
LimitPerClass = Annotated[
    int | None, typer.Option(metavar="N", help="At most so many samples of a class in training and validation.")
]
Shares = Annotated[
    str | None, typer.Option("--split", metavar="80/10/10", help="Percentages of training, validation and test.")
]
SkipBroken = Annotated[
    bool, typer.Option("--skip-broken", help="Leave out samples that cannot be read, and list them.")
]
Paranoid = Annotated[
    bool, typer.Option("--paranoid", help="Read every file to know its content, though size and time are known.")
]
ImageSize = Annotated[
    str | None, typer.Option(metavar="96|96x128", help="Height and width that images are given to the model at.")
]
Resize = Annotated[
    str | None, typer.Option(metavar="stretch|crop|pad", help="How images of other sizes are brought to that.")
]
Preprocess = Annotated[
    str | None,
    typer.Option(metavar="tf|torch|caffe|unit|…", help="How pixels become numbers, where the card does not say."),
]


SHARED: dict[str, Any] = {
    "target": Target,
    "target_type": TargetType,
    "image_column": ImageColumn,
    "group_column": GroupColumn,
    "classes": Classes,
    "limit_per_class": LimitPerClass,
    "split": Shares,
    "skip_broken": SkipBroken,
    "paranoid": Paranoid,
    "image_size": ImageSize,
    "resize": Resize,
    "preprocess": Preprocess,
}
FLAGS = ("skip_broken", "paranoid")


def reads_data(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options, but for those named; it gets them as its parameter `options`.

    They stand in the command's help where that parameter stands, and come as `zoo.plans.DataOptions`: those that were
    given, by name.
    """
    shared = {name: kind for name, kind in SHARED.items() if name not in without}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**values: Any) -> None:
            options = given(**{name: values.pop(name) for name in shared})
            command(**values, options=options)

        own = inspect.signature(command, eval_str=True).parameters
        parameters = [one for name in own for one in (_shared(shared) if name == "options" else [own[name]])]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__doc__ = command.__doc__
        return run

    return decorate


def _shared(kinds: dict[str, Any]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False if name in FLAGS else None, annotation=kind
        )
        for name, kind in kinds.items()
    ]


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, as `zoo.plans.DataOptions`.

    Raises:
        ZooError: percentages or a size cannot be read.
    """
    from transfer.data.reading import parse_split

    found = {name: value for name, value in options.items() if value is not None and value is not False}
    if "split" in found:
        found["split"] = parse_split(found["split"])
    if "image_size" in found:
        found["size"] = parse_size(found.pop("image_size"))
    return found


def parse_size(text: str) -> tuple[int, int]:
    """Read a height and width in pixels.

    >>> parse_size("96"), parse_size("96x128")
    ((96, 96), (96, 128))
    """
    if not re.fullmatch(r"[0-9]{1,5}(x[0-9]{1,5})?", text):
        raise ZooError(f"--image-size {text!r} is no size in pixels", "such as --image-size 96, or 96x128")
    height, _, width = text.partition("x")
    return int(height), int(width or height)
