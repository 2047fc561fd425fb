"""A model that takes rows of a table: the encoding of its columns as its first layers; put on, and taken off again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from registry.card import TensorSpec
from registry.columns import Column
from registry.errors import ZooError
from transfer.backbone import joined, nodes, replayed
from transfer.data.tables.layers import PREFIX, table_layers
from transfer.scope import layer_name, scope_of


def can_take_rows(model: Any, columns: Sequence[Column]) -> bool:
    """Tell whether the columns' encoding can be put in front of a model: no layer of it is called as one of them."""
    taken = {layer.name for layer in model.operations}
    mine = {layer_name(column.name) for column in columns}
    starts = any(scope_of(name).startswith(f"{PREFIX}/") for name in taken)
    return bool(columns) and len(model.inputs) == 1 and len(mine) == len(columns) and not (starts or mine & taken)


def with_columns(model: Any, columns: Sequence[Column]) -> Any:
    """Return the model that takes raw rows, an input a column (`transfer.data.tables.layers`); weights are shared."""
    inputs, encoded = table_layers(columns)
    name = scope_of(model.inputs[0]._keras_history.operation.name)
    outputs = replayed(model, {name}, {id(model.inputs[0]): encoded})
    return keras.Model(inputs, outputs[0] if len(outputs) == 1 else outputs, name=model.name)


def takes_rows(model: Any) -> bool:
    """Tell whether a model begins with the encoding of columns."""
    return any(scope_of(layer.name).startswith(f"{PREFIX}/") for layer in model.operations)


def without_columns(model: Any, spec: TensorSpec) -> Any:
    """Return the model without its columns' encoding; the inverse of `with_columns`.

    Args:
        model: functional; its other layers are shared.
        spec: what the card says of the input for encoded rows.

    Raises:
        ZooError: its first layers do not lead to one tensor, which the rest reads.
    """
    calls = list(nodes(model))
    below = {scope_of(layer.name) for layer, inputs, _ in calls if not inputs}
    below |= {scope for layer, _, _ in calls if (scope := scope_of(layer.name)).startswith(f"{PREFIX}/")}
    made = {id(tensor): tensor for layer, _, tensors in calls if scope_of(layer.name) in below for tensor in tensors}
    read = {id(tensor) for layer, inputs, _ in calls if scope_of(layer.name) not in below for tensor in inputs}
    ends = [made[key] for key in made if key in read]
    if len(ends) != 1:
        raise ZooError("the file does not begin with the columns that its card names", "verify it: zoo verify NAME")
    given = keras.Input(batch_shape=spec.shape, dtype=spec.dtype, name=layer_name(spec.name))
    return joined([given], replayed(model, below, {id(ends[0]): given}), name=model.name)
