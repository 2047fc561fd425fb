"""The card that a model would be published with, drawn up where the model is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from registry.card import Card, Lineage, Preprocessing
from transfer.backbone import describe, input_specs, output_specs
from transfer.data.dataset import Array
from transfer.extract import named_outputs
from transfer.inputs import Arrays
from transfer.runs import TESTS, WEIGHTS
from transfer.safetensors_file import write as write_safetensors
from transfer.stored_test import write as write_test

STORED = 16
UNNAMED = "unnamed"


def draft(
    model: Any,
    weights: Path,
    inputs: Array | Arrays,
    *,
    preprocessing: Preprocessing | None = None,
    classes: tuple[str, ...] = (),
    lineage: Lineage | None = None,
    **fields: Any,
) -> Card:
    """Save a model, its weights as safetensors, and its stored test beside each other, and describe them.

    Args:
        model: functional, with one or more inputs and outputs.
        weights: where to write it (`.keras`); the others go into the same folder.
        inputs: samples `(n, ...)` for each input in the model's order, or the array of the only one; the first 16
            are stored with the model's outputs (`transfer.stored_test`).
        preprocessing, classes, lineage, fields: parts of the card.

    Returns:
        A card that has no name and no files yet.

    Raises:
        OSError: the folder cannot be written.
    """
    model.save(weights)
    write_safetensors(model, weights.parent / WEIGHTS)
    arrays = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
    stored = tuple(array[:STORED] for array in arrays)
    write_test(weights.parent / TESTS, input_specs(model), stored, named_outputs(model, stored))
    return Card(
        name=UNNAMED, format="keras", weights=weights.name, inputs=input_specs(model),
        outputs=output_specs(model), preprocessing=preprocessing, classes=classes, layers=describe(model), tests=TESTS,
        lineage=lineage, **fields,
    )  # fmt: skip
