"""The card that a model would be published with, drawn up where the model is at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from registry.card import Card, Lineage, Preprocessing
from registry.columns import Column
from transfer.backbone import describe, input_specs, output_specs
from transfer.data.dataset import Array
from transfer.extract import named_outputs
from transfer.inputs import Arrays
from transfer.keras_archive import save
from transfer.raw_model import prepared_inputs, with_preprocessing
from transfer.raw_table import can_take_rows, with_columns
from transfer.runs import TESTS, WEIGHTS
from transfer.safetensors_file import write as write_safetensors
from transfer.stored_test import write as write_test
from transfer.tops.rrelu import for_inference

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
    columns: tuple[Column, ...] = (),
    embed: bool = True,
    **fields: Any,
) -> Card:
    """Save a model, its weights as safetensors, and its stored test beside each other, and describe them.

    Args:
        model: functional, with one or more inputs and outputs.
        weights: where to write it (`.keras`); the others go into the same folder.
        inputs: samples `(n, ...)` for each input in the model's order, or the array of the only one; the first 16
            are stored with the model's outputs (`transfer.stored_test`).
        preprocessing, columns, classes, lineage, fields: parts of the card, which speaks of the bare model.
        embed: whether the file is to begin with the preprocessing or the columns' encoding, where that fits the model.

    Returns:
        A card that has no name and no files yet.

    Raises:
        OSError: the folder cannot be written.
    """
    model = for_inference(model)
    if embed and can_take_rows(model, columns):
        save(with_columns(model, columns), weights)
    else:
        preprocessing = _save(model, weights, preprocessing, embed=embed)
    write_safetensors(model, weights.parent / WEIGHTS)
    arrays = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
    stored = tuple(array[:STORED] for array in arrays)
    write_test(weights.parent / TESTS, input_specs(model), stored, named_outputs(model, stored))
    return Card(
        name=UNNAMED, format="keras", weights=weights.name, inputs=input_specs(model),
        outputs=output_specs(model), preprocessing=preprocessing, classes=classes, layers=describe(model), tests=TESTS,
        columns=columns, lineage=lineage, **fields,
    )  # fmt: skip


def _save(model: Any, path: Path, how: Preprocessing | None, *, embed: bool) -> Preprocessing | None:
    """Write the file; return what the card says of the preprocessing, and whether the file begins with it."""
    fits = embed and how is not None and bool(prepared_inputs(model, how))
    how = replace(how, embedded=fits) if how is not None else None
    save(with_preprocessing(model, how) if how is not None and fits else model, path)
    return how
