"""What every exporter takes and returns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.backbone import input_specs, output_specs
from transfer.importers.agreement import agreement
from transfer.inputs import Arrays

NO_NAME = re.compile(r"\W")


@dataclass(frozen=True)
class About:
    """What a file says of the model that it holds: its name and its full revision."""

    name: str
    revision: str


@dataclass(frozen=True)
class Checked:
    """An exported file that gives the model's numbers.

    Attributes:
        compared_with: what ran the file, with its version, such as `ONNX Runtime 1.23`.
        largest: the largest absolute difference from the model.
        relative: the same, divided by the largest absolute value of that output of the model; the worst of all.
    """

    compared_with: str
    largest: float
    relative: float


def compared(ours: Sequence[Any], theirs: Sequence[Any], runtime: str) -> Checked:
    """Compare what a file computes with what its model does.

    Args:
        ours: the model's outputs, in its order.
        theirs: the file's, likewise.
        runtime: what ran the file.

    Raises:
        ZooError: they differ by more than 1e-4 of an output's largest value, in shape or in number.
    """
    found = agreement(
        [(ours, theirs)],
        "the model",
        "nothing was written; another format may do: --to keras",
        f"the exported file in {runtime}",
    )
    return Checked(runtime, found.largest, found.relative)


def outputs_of(model: Any, inputs: Arrays) -> list[Any]:
    """Return a model's outputs for one batch, in inference mode and in its order.

    Raises:
        ZooError: one of them is not finite, so that nothing could be compared.
    """
    given = inputs[0] if len(inputs) == 1 else list(inputs)
    found = model(given, training=False)
    arrays = [np.asarray(one) for one in (found if isinstance(found, list | tuple) else [found])]
    if not all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f"):
        raise ZooError("the model's outputs are not finite, so an export cannot be compared with it")
    return arrays


def end_names(model: Any) -> tuple[list[str], list[str]]:
    """Name a model's inputs and outputs by their scopes, as all formats accept names: letters, digits and `_`."""
    ins = [spec.name for spec in input_specs(model)]
    outs = [spec.name for spec in output_specs(model)]
    plain = _plain([*ins, *(name if name not in ins else f"{name}_output" for name in outs)])
    return plain[: len(ins)], plain[len(ins) :]


def _plain(names: Sequence[str]) -> list[str]:
    """Write names with letters, digits and `_` only, each another; not beginning with a digit.

    >>> _plain(["a/b", "a>b", "1x"])
    ['a_b', 'a_b_1', '_1x']
    """
    made: list[str] = []
    for name in names:
        plain = NO_NAME.sub("_", name)
        plain = plain if not plain[:1].isdigit() else f"_{plain}"
        candidates = [plain, *(f"{plain}_{number}" for number in range(1, len(names) + 1))]
        made.append(next(one for one in candidates if one not in made))
    return made
