"""A model packed for other processes: its config, and its variables' values."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.backbone import nodes


@dataclass(frozen=True)
class Net:
    """A model: its config, its variables' names and values, and the modules that define its layers."""

    config: dict[str, Any]
    names: tuple[str, ...]
    values: tuple[NDArray[Any], ...]
    modules: tuple[str, ...]

    @classmethod
    def of(cls, model: Any) -> Net:
        """Pack a functional model."""
        modules = sorted({type(layer).__module__ for layer, _, _ in nodes(model)})
        values = tuple(np.asarray(variable.value) for variable in model.variables)
        return cls(keras.saving.serialize_keras_object(model), _names(model), values, tuple(modules))

    def model(self) -> Any:
        """Make it again.

        Raises:
            ZooError: it comes out with other variables.
        """
        for module in self.modules:
            import_module(module)
        model = keras.saving.deserialize_keras_object(self.config)
        if _names(model) != self.names:
            raise ZooError("the model does not come out of its config as it was", "without the cluster: --engine local")
        for variable, value in zip(model.variables, self.values, strict=True):
            variable.assign(value)
        return model


def _names(model: Any) -> tuple[str, ...]:
    """Name a model's variables, in their order, by their layers."""
    layers = {id(layer): layer for layer, _, _ in nodes(model) if isinstance(layer, keras.Layer)}.values()
    named = {id(one): f"{layer.name}/{place}" for layer in layers for place, one in enumerate(layer.variables)}
    return tuple(named.get(id(variable), "") for variable in model.variables)
