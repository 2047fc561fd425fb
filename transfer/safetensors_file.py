"""A model's weights as one safetensors file, which any framework reads and which can run nothing.

A weight is called by its layer's scope and its own path in the layer, `hidden1/kernel`, `bi/forward_gru/gru_cell/bias`;
the states of random generators are no weights. The metadata is `{"format": "keras"}`: the format keeps several keys in
no order, and the same weights are to be the same bytes. https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from registry.errors import ZooError
from transfer.scope import scope_of
from transfer.weights.readers.safetensors_header import header

METADATA = {"format": "keras"}


def write(model: Any, path: Path) -> None:
    """Write all weights of a Keras model, trainable or not; the same weights give the same bytes.

    Raises:
        ZooError: the file cannot be written, or a weight is of a type that the format does not have.
    """
    # The array of a tensor that was read shares the variable's memory; that of the variable would be a copy.
    arrays = {name: np.asarray(weight.value.read_value(), order="C") for name, weight in named(model).items()}
    try:
        save_file(arrays, path, metadata=METADATA)
    except (SafetensorError, OSError) as error:
        raise ZooError(f"cannot write the weights to {path}: {error}") from error


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a safetensors file by name.

    Raises:
        ZooError: there is no such file, it is damaged, or holds a type that NumPy does not have.
    """
    _, arrays = header(path)
    return {name: stored.load() for name, stored in arrays.items()}


def named(model: Any) -> dict[str, Any]:
    """Return a model's variables by the names that they have in the file, each once."""
    found: dict[str, Any] = {}
    for name, weight in _weights(model):
        free, number = name, 0
        while free in found:  # a layer of someone's own may give two weights one name
            number += 1
            free = f"{name}_{number}"
        found[free] = weight
    return found


def _weights(model: Any) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for layer in model.layers:
        for weight in layer.weights:
            if id(weight) not in seen:  # layers can share a weight
                seen.add(id(weight))
                yield f"{scope_of(layer.name)}/{scope_of(_within(layer.name, weight.path))}", weight


def _within(layer: str, path: str) -> str:
    """Cut a variable's path down to its part below the layer; a model that was loaded has no more than that."""
    parts = path.split("/")
    return "/".join(parts[parts.index(layer) + 1 :]) if layer in parts[:-1] else path
