"""Make a model of a cleaned Keras 3 config the way Keras does, with its weights' sizes checked before they exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from importlib import import_module
from typing import Any

import keras

from registry.errors import ZooError
from transfer.assign import assign
from transfer.importers.keras2.fill import Sources
from transfer.importers.keras2.reason import reason
from transfer.importers.keras2.sizes import bounded, numbers_of, without_values

Arrays = list[Any]


def deserialized(config: dict[str, Any]) -> Any:
    """Make a model of a config as `.keras` files have it."""
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def of_legacy(config: dict[str, Any]) -> Any:
    """Make a model of a config as Keras 3 writes it into HDF5: without modules."""
    return import_module("keras.src.legacy.saving.saving_utils").model_from_config(config)


def loaded(
    config: Mapping[str, Any],
    where: str,
    most: int | Callable[[], int],
    make: Callable[[dict[str, Any]], Any] = deserialized,
) -> Any:
    """Return the model, with fresh weights.

    Args:
        config: what `trusted.cleaned` or `original.rebuilt` returned.
        where: the file, as an error calls it.
        most: how many numbers it may hold altogether, or what finds it out and is asked when the layers are made.
        make: how Keras makes it.

    Raises:
        ZooError: Keras cannot make it, it has no graph of layers, or would be too large.
    """
    from transfer.importers import graph_layer  # noqa: F401  registers GraphLayer with Keras

    try:
        with without_values():
            model = make(deepcopy(dict(config)))  # Keras changes what it is given
            left = most() if callable(most) else most
            for scope, layer in parts(model):
                numbers = numbers_of(layer)
                bounded(numbers, left, f"{where}: the layer {scope} ({type(layer).__name__})")
                left -= numbers
    except ZooError:
        raise
    except Exception as error:  # Keras raises whatever the broken part of the config led to
        raise ZooError(f"{where} cannot be loaded: {reason(error)}") from error
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise ZooError(f"{where} has no graph of layers: only functional and sequential Keras models can be split")
    return model


def parts(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a model's layers by scope, those of models inside it by theirs."""
    for layer in model.layers:
        scope = (path + layer.name).replace(">", "/")
        if isinstance(layer, keras.Model):
            yield from parts(layer, f"{scope}/")
        else:
            yield scope, layer


def _as_they_are(layer: Any, arrays: Arrays) -> Sequence[Any]:
    return arrays


def assigned(model: Any, groups: Sources, converted: Callable[[Any, Arrays], Sequence[Any]] = _as_they_are) -> Any:
    """Give a model of Keras 2 or 3 the arrays of an HDF5 file, layer by layer, as both do it: what trains comes first.

    Args:
        model: the model, which is returned.
        groups: the arrays by layer of the outermost model.
        converted: given a layer and its arrays, returns them as the layer has them.

    Raises:
        ValueError: they are more or fewer than the model's, or of other shapes.
    """
    layers = [layer for layer in model.layers if layer.weights]
    filled = [sources for sources in groups.values() if sources]
    for layer, sources in zip(layers, filled, strict=True):
        _assign_all(layer, converted(layer, [source.load() for source in sources]))
        settled(layer)
    return model


def _assign_all(layer: Any, arrays: Sequence[Any]) -> None:
    for weight, array in zip([*layer.trainable_weights, *layer.non_trainable_weights], arrays, strict=True):
        assign(weight, array)


def settled(layer: Any) -> None:
    """Let a layer compute what it keeps besides its weights, as `Normalization` does."""
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
