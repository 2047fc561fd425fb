"""A model at another image size, where its architecture allows it: the same layers with the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from registry.errors import ZooError
from transfer.backbone import joined, nodes
from transfer.imported import GRAPH_LAYER
from transfer.scope import scope_of

SAMPLES = 3


def at_size(model: Any, shape: Sequence[int]) -> Any:
    """Return the model with an input of another size; its layers and weights are shared, its outputs as wide as before.

    Convolutions and global pooling allow it; a dense layer above a flattened image does not. Fixed paddings, windows
    and factors stay what they are.

    Args:
        model: functional, with one input of images.
        shape: of one sample, `(height, width, channels)`.

    Raises:
        ZooError: the architecture does not allow it; the message names the first layer that does not.
    """
    shape = tuple(shape)
    _check_input(model, shape)
    given = keras.Input(shape, dtype=model.inputs[0].dtype, name=model.inputs[0]._keras_history.operation.name)
    known = {id(model.inputs[0]): given}
    for layer, inputs, outputs in nodes(model):
        if inputs:
            made = keras.tree.flatten(_called(layer, _node(outputs), known, shape))
            _check_made(layer, outputs, made, shape)
            known |= {id(old): new for old, new in zip(outputs, made, strict=True)}
    found = [known[id(tensor)] for tensor in model.outputs]
    for old, new in zip(model.outputs, found, strict=True):
        if len(old.shape) != len(new.shape) or old.shape[-1] != new.shape[-1]:
            raise _refused(f"its outputs {tuple(old.shape[1:])} would be {tuple(new.shape[1:])}", shape)
    resized = joined([given], found, name=model.name)
    _check_apart(resized, given, shape)
    return resized


def _check_input(model: Any, shape: tuple[int, ...]) -> None:
    if len(model.inputs) != 1:
        raise _refused(f"it has {len(model.inputs)} inputs", shape)
    has = tuple(model.inputs[0].shape[1:])
    if len(has) != 3 or len(shape) != 3 or min(shape) < 1 or has[2] not in (None, shape[2]):
        raise _refused(f"it takes samples {has}", shape)


def _node(outputs: list[Any]) -> Any:
    history = outputs[0]._keras_history
    return history.operation._inbound_nodes[history.node_index]


def _called(layer: Any, node: Any, known: dict[int, Any], shape: tuple[int, ...]) -> Any:
    """Call a layer on what stands for the tensors that it reads."""
    if type(layer).__name__ == GRAPH_LAYER:
        raise _refused(f"{scope_of(layer.name)} is a {GRAPH_LAYER}, whose operations may be made for one size", shape)

    def placed(value: Any) -> Any:
        return known[id(value)] if isinstance(value, keras.KerasTensor) else value

    args, kwargs = (keras.tree.map_structure(placed, part) for part in (node.arguments.args, node.arguments.kwargs))
    try:
        return layer(*args, **kwargs)
    except (ValueError, TypeError) as error:
        reads = ", ".join(str(tuple(known[id(tensor)].shape[1:])) for tensor in node.input_tensors)
        raise _refused(f"{scope_of(layer.name)} ({type(layer).__name__}) cannot take {reads}", shape) from error


def _check_made(layer: Any, outputs: list[Any], made: list[Any], shape: tuple[int, ...]) -> None:
    """Refuse what Keras lets through: an image of no pixels, another number of axes."""
    for old, new in zip(outputs, made, strict=True):
        if 0 in new.shape or len(old.shape) != len(new.shape) or old.shape[:1] != new.shape[:1]:
            what = f"{scope_of(layer.name)} ({type(layer).__name__})"
            raise _refused(f"{what} would make {tuple(new.shape)} of it in place of {tuple(old.shape)}", shape)


def _check_apart(resized: Any, given: Any, shape: tuple[int, ...]) -> None:
    """Refuse a model that makes other than as many outputs as samples: a reshape to a fixed size mixes them."""
    made = keras.tree.flatten(resized.compute_output_spec(keras.KerasTensor((SAMPLES, *shape), given.dtype)))
    if any(tensor.shape[0] != SAMPLES for tensor in made):
        raise _refused(f"it would make {made[0].shape[0]} outputs of {SAMPLES} samples", shape)


def _refused(why: str, shape: tuple[int, ...]) -> ZooError:
    return ZooError(
        f"the model cannot take images of {'x'.join(map(str, shape))}: {why}", "resize the images to its own size"
    )
