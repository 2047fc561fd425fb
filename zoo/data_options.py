"""The options that say how data are read and given to a model, which several commands share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from registry.errors import ZooError
from zoo.option_groups import Given, Group, as_given

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
IgnoreColumns = Annotated[
    str | None, typer.Option(metavar="COLUMN,COLUMN", help="Leave these columns of a table out: ids, names, notes.")
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


KINDS: dict[str, Any] = {
    "target": Target,
    "target_type": TargetType,
    "image_column": ImageColumn,
    "group_column": GroupColumn,
    "ignore_columns": IgnoreColumns,
    "classes": Classes,
    "limit_per_class": LimitPerClass,
    "split": Shares,
    "skip_broken": SkipBroken,
    "paranoid": Paranoid,
    "image_size": ImageSize,
    "resize": Resize,
    "preprocess": Preprocess,
}


def _read(options: Mapping[str, Any]) -> Given:
    """Return the options that were given, as `zoo.plans.DataOptions`.

    Raises:
        ZooError: percentages or a size cannot be read.
    """
    from transfer.data.reading import parse_split

    found = as_given(options)
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


DATA = Group("The data", KINDS, _read)
