"""Arrays as a file of weights would hold them, from PyTorch nets and from dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from transfer.weights.foreign import Foreign

Arrays = dict[str, np.ndarray[Any, Any]]


def of_arrays(arrays: Mapping[str, Any], convention: str = "numpy") -> Foreign:
    held = {name: np.asarray(array) for name, array in arrays.items()}
    return Foreign("test", convention, {name: array.shape for name, array in held.items()}, held.__getitem__)


def of_shapes(shapes: Mapping[str, tuple[int, ...]], convention: str = "torch", seed: int = 0) -> Foreign:
    draws = np.random.default_rng(seed)
    return of_arrays({name: draws.random(shape, np.float32) + 0.1 for name, shape in shapes.items()}, convention)


def of_torch(net: Any) -> Foreign:
    return of_arrays({name: tensor.numpy() for name, tensor in net.state_dict().items()}, "torch")


def settle(net: Any, seed: int = 0) -> Any:
    """Give a PyTorch net seeded weights, and statistics that are no zeros and ones; set it to inference."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for tensor in [*net.parameters(), *net.buffers()]:
            if tensor.dtype.is_floating_point:
                tensor.uniform_(0.2, 0.9) if tensor.ndim == 1 else tensor.normal_(0, 0.4)
    return net.eval()


def sequential(*layers: Any) -> Any:
    """Return the functional model of a stack of layers."""
    stack = keras.Sequential(list(layers))
    return keras.Model(stack.inputs[0], stack.outputs[0])


def chain(**units: int) -> Any:
    """Return dense layers on an input of 4, named and as wide as is said."""
    return sequential(keras.Input((4,)), *(keras.layers.Dense(size, name=name) for name, size in units.items()))
