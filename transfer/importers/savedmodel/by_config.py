"""SavedModels of `zoo export`: the model of their config, with the weights that the checkpoint has for each layer.

Below the root object lie `layers`, the layer's scope, and the weight's place in `Layer.weights`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
from tensorflow import as_dtype

from registry.errors import ZooError
from transfer.imported import Imported
from transfer.importers.keras2 import trusted
from transfer.importers.keras2.arrays import Writer
from transfer.importers.keras2.build import Built
from transfer.importers.keras2.fill import Source, fill
from transfer.importers.keras2.graph import Graph, Layer
from transfer.importers.keras2.loading import loaded, parts
from transfer.importers.keras_file import as_it_is, flat
from transfer.importers.metagraph.checkpoint import Checkpoint
from transfer.importers.metagraph.ends import Start
from transfer.importers.savedmodel.account import GRAPH
from transfer.importers.savedmodel.keras_config import FILE, HINT, Recorded
from transfer.importers.savedmodel.objects import keys

ROOM = 1 << 20  # numbers that a model may hold beside those in its files


def model_of(folder: Path, held: Recorded, meta: Any, checkpoint: Checkpoint, format: str) -> Imported:
    """Return the model, not compared yet.

    Args:
        folder: the SavedModel.
        held: its config.
        meta: its `MetaGraphDef`.
        checkpoint: the weights.
        format: as cards call it.

    Raises:
        ZooError: the config holds what is not Keras's own, is damaged, or the weights do not fit it.
    """
    where = folder / FILE
    try:
        sources = dict(_sources(meta.object_graph_def, checkpoint))
        numbers = sum(math.prod(one.shape) for found in sources.values() for one in found) + ROOM
        graph, built = _built(trusted.cleaned(held.config, str(where)), where, numbers)
        layers = fill(graph, built.layers, sources, Writer(3), str(where))
    except ZooError as error:
        raise ZooError(error.message, HINT) from error
    used = {name for layer in layers for name in layer.sources}
    return Imported(built.model, format, layers, unmapped=_left(meta.object_graph_def, checkpoint, used))


def _built(config: Mapping[str, Any], where: Path, most: int) -> tuple[Graph, Built]:
    found = flat(config, where, most) if trusted.holds_models(config) else None
    if found:
        return found
    whole = loaded(config, str(where), most)
    built = as_it_is(whole)
    layers = dict(parts(whole))
    kinds = {scope: Layer(scope, type(layer).__name__, {}, "", {}) for scope, layer in layers.items()}
    called = {scope: layer for scope, layer in layers.items() if not isinstance(layer, keras.layers.InputLayer)}
    return Graph(whole.name, kinds, (), (), (), {}), Built(built.model, called, built.orders, built.outputs)


def same_ends(model: Any, starts: Sequence[Start], outputs: int, where: str) -> None:
    """Refuse a model that takes other arrays than its signature.

    Args:
        model: what a config describes.
        starts: the signature's inputs, in the order of the model's.
        outputs: how many the signature returns.
        where: the config's file, as an error calls it.

    Raises:
        ZooError: it does.
    """
    ours = [(tuple(tensor.shape), str(tensor.dtype)) for tensor in model.inputs]
    theirs = [(start.shape, as_dtype(start.dtype).name) for start in starts]
    if (ours, len(model.outputs)) != (theirs, outputs):
        raise ZooError(
            f"{where} describes another model than the signature runs: expected {theirs} and {outputs} outputs, "
            f"got {ours} and {len(model.outputs)}",
            HINT,
        )


def _sources(objects: Any, checkpoint: Checkpoint) -> Iterator[tuple[str, list[Source]]]:
    """Yield the arrays of each layer by its scope."""
    stored = keys(objects, checkpoint)
    root = _children(objects, 0).get("layers", -1)
    for scope, listed in _children(objects, root).items():
        places = sorted((int(name), at) for name, at in _children(objects, listed).items() if name.isdecimal())
        yield scope, [_source(objects, at, stored, checkpoint) for _, at in places if at in stored]


def _children(objects: Any, at: int) -> dict[str, int]:
    if not 0 <= at < len(objects.nodes):
        return {}
    return {child.local_name: child.node_id for child in objects.nodes[at].children}


def _source(objects: Any, at: int, stored: Mapping[int, str], checkpoint: Checkpoint) -> Source:
    key = stored[at]
    if key not in checkpoint.shapes:
        raise ZooError(f"the checkpoint {checkpoint.prefix} has no values for {key}")
    return Source(objects.nodes[at].variable.name or key, checkpoint.shapes[key], partial(checkpoint.read, key))


def _left(objects: Any, checkpoint: Checkpoint, used: set[str]) -> dict[str, str]:
    names = {key: objects.nodes[at].variable.name or key for at, key in keys(objects, checkpoint).items()}
    others = {names.get(key, key) for key in checkpoint.shapes if key != GRAPH} - used
    return dict.fromkeys(sorted(others), "no weight of a layer, such as the state of a random generator")
