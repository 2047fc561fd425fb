"""The card that a model would be published with, drawn up where the model is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.card import Card, Lineage, Preprocessing, TensorSpec
from transfer.backbone import describe, specs
from transfer.extract import outputs
from transfer.runs import TESTS, WEIGHTS
from transfer.safetensors_file import write as write_safetensors

STORED = 16
UNNAMED = "unnamed"


def draft(
    model: Any,
    weights: Path,
    inputs: NDArray[np.float32],
    *,
    preprocessing: Preprocessing | None = None,
    classes: tuple[str, ...] = (),
    lineage: Lineage | None = None,
    **fields: Any,
) -> Card:
    """Save a model, its weights as safetensors, and its stored test beside each other, and describe them.

    Args:
        model: functional, one input and one output.
        weights: where to write it (`.keras`); the others go into the same folder.
        inputs: samples `(n, ...) float32`; the first 16 are stored with the model's outputs.
        preprocessing, classes, lineage, fields: parts of the card.

    Returns:
        A card that has no name and no files yet.

    Raises:
        OSError: the folder cannot be written.
    """
    model.save(weights)
    write_safetensors(model, weights.parent / WEIGHTS)
    stored = inputs[:STORED]
    np.savez_compressed(weights.parent / TESTS, inputs=stored, outputs=outputs(model, stored))
    layers = describe(model)
    output = TensorSpec(layers[-1].name, tuple(model.outputs[0].shape))
    return Card(
        name=UNNAMED, format="keras", weights=weights.name, inputs=specs(model.inputs), outputs=(output,),
        preprocessing=preprocessing, classes=classes, layers=layers, tests=TESTS, lineage=lineage, **fields,
    )  # fmt: skip
