"""A model's weights as one safetensors file, which any framework reads and which can run nothing.

A weight is called by its layer's scope and its own path in the layer, `hidden1/kernel`, `bi/forward_gru/gru_cell/bias`;
the states of random generators are no weights. The metadata is `{"format": "keras"}`: the format keeps several keys in
no order, and the same weights are to be the same bytes. https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save_file

from registry.errors import ZooError
from transfer.scope import scope_of

METADATA = {"format": "keras"}
DTYPES: dict[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_, "C64": np.complex64,
}  # fmt: skip


def write(model: Any, path: Path) -> None:
    """Write all weights of a Keras model, trainable or not; the same weights give the same bytes.

    Raises:
        ZooError: the file cannot be written, or a weight is of a type that the format does not have.
    """
    arrays = {name: np.asarray(weight.value, order="C") for name, weight in named(model).items()}
    try:
        save_file(arrays, path, metadata=METADATA)
    except (SafetensorError, OSError) as error:
        raise ZooError(f"cannot write the weights to {path}: {error}") from error


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a safetensors file by name.

    Raises:
        ZooError: there is no such file, it is damaged, or holds a type that NumPy does not have.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ZooError(f"cannot read the weights {path}: {error.strerror}") from error
    try:
        tensors = deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ZooError(f"{path} is no safetensors file, or a damaged one: {error}") from error
    return {name: _array(name, tensor, path) for name, tensor in tensors}


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


def _array(name: str, tensor: dict[str, Any], path: Path) -> NDArray[Any]:
    if tensor["dtype"] not in DTYPES:
        raise ZooError(f"{path} holds {name!r} of the type {tensor['dtype']}; expected one of {', '.join(DTYPES)}")
    return np.frombuffer(tensor["data"], DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
