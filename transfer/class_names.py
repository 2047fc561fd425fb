"""The names that a user gives to the classes that a model tells apart: `--classes cat,dog`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from registry.errors import ZooError
from transfer.logits import gives_probabilities, likely_kind


def answers(model: Any, names: Sequence[str]) -> str:
    """Return what a model's outputs are, whose classes have these names: `class`, `multilabel` or `number`.

    A single output speaks for the second of two classes (`transfer.logits`), or for the one label or number that is
    named.

    Raises:
        ZooError: there are not as many names as outputs, or it is not known how many outputs there are.
    """
    if len(model.outputs) != 1:
        raise ZooError(f"--classes names the classes of one output; the model has {len(model.outputs)}")
    sizes = tuple(model.outputs[0].shape[1:])
    if None in sizes:
        shape = ", ".join("?" if size is None else str(size) for size in sizes)
        raise ZooError(f"--classes names a fixed number of outputs; a sample's output has the shape ({shape})")
    width = math.prod(sizes)
    if width == 1 and len(names) == 2:
        return "class"
    if width != len(names):
        raise ZooError(
            f"--classes gives {len(names)} {'name' if len(names) == 1 else 'names'}; the model has {_counted(width)}",
            f"name {'both classes' if width == 1 else 'each'} in the order of the outputs: such as --classes cat,dog",
        )
    return likely_kind(model) if width > 1 else "multilabel" if gives_probabilities(model) else "number"


def _counted(width: int) -> str:
    return "1 output, which tells two classes apart" if width == 1 else f"{width} outputs"
