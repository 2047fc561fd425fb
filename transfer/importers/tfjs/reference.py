"""The original of a TF.js model in TF-Keras, to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transfer.importers.keras2.fill import Source
from transfer.importers.keras2.loading import settled
from transfer.importers.keras2.original import model_of


def reference(config: Any, held: Mapping[str, Source], where: str, tf_keras: Any) -> Any:
    """Make the model that a topology describes, with its weights by name.

    Args:
        config: the model config, which `flatten` has let pass.
        held: the weights by name.
        where: the model file, as an error calls it.
        tf_keras: the module.

    Raises:
        ZooError: something in the config is not allowed.
        KeyError: TF-Keras calls a weight otherwise than the file.
    """
    model = model_of(config, tf_keras, where)
    for weight in model.weights:
        weight.assign(held[weight.name.split(":")[0]].load())
    for layer in model.layers:
        settled(layer)
    return model
