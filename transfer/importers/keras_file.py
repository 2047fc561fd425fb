"""Keras 3 files (`.keras`). Nothing in them is executed.

Keras gets a config of classes that are known here, without what is for training; from the file it reads weights only.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.assign import sparing
from transfer.backbone import describe
from transfer.imported import Imported, Mapped
from transfer.importers.keras2 import archive, trusted
from transfer.importers.keras2.arrays import Writer
from transfer.importers.keras2.build import Built, build
from transfer.importers.keras2.fill import Source, fill, weights_of
from transfer.importers.keras2.flatten import flatten
from transfer.importers.keras2.graph import Graph
from transfer.importers.keras2.loading import loaded, parts
from transfer.importers.keras2.proof import Proof, with_keras
from transfer.importers.keras2.reason import reason
from transfer.importers.native import identity

FORMAT = "keras"
ROOM = 1 << 20  # numbers that a layer may hold beside those in the file: random state, and the like


def read(path: Path | str, *, compare: bool = True, seed: int = 0, watch: Watch = silent) -> Imported:
    """Load a `.keras` file as a functional model; models inside it become scopes, operations become layers.

    Args:
        path: the file.
        compare: run what Keras loads and what comes out on the same random inputs.
        seed: of these.
        watch: called with progress.

    Raises:
        ZooError: the file is missing, broken, holds what would run code, or is no graph of layers.
    """
    path = Path(path)
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    watch("load", 0, 1)
    file = archive.opened(path)
    config = trusted.cleaned(file.config, str(path))
    whole, most = _loaded(config, file)
    watch("load", 1, 1)
    graph, built = flat(config, path, most) or (None, as_it_is(whole))
    layers = _filled(graph, built, whole, path) if graph else _described(built.model, path)
    proof = with_keras(lambda: whole, built, f"the original {path.name}", seed) if compare else Proof()
    return Imported(
        built.model,
        FORMAT,
        layers,
        max_abs_difference=proof.difference.largest if proof.difference else None,
        max_rel_difference=proof.difference.relative if proof.difference else None,
        notes=(*_notes(graph), *proof.notes),
        compared_with=proof.runtime,
    )


def flat(config: Mapping[str, Any], path: Path, most: int) -> tuple[Graph, Built] | None:
    """Build a model anew in which models inside are scopes, and operations are layers; None where nothing would change.

    Operations that are no layer stay what they are, unless they lie beside models inside.
    """
    models = trusted.holds_models(config)
    if not models and not trusted.holds_operations(config):
        return None
    try:
        graph = flatten(config, str(path), 3)
        return graph, build(graph, str(path), most)
    except ZooError:
        if models:
            raise
        return None


def _loaded(config: Mapping[str, Any], file: archive.KerasArchive) -> tuple[Any, int]:
    """Return the model as Keras loads it, and how many numbers it may hold: more than the file does by `ROOM`."""
    with ThreadPoolExecutor(1) as beside:  # another process looks at the weights while Keras makes the layers
        numbers = beside.submit(file.numbers)
        model = loaded(config, str(file.path), lambda: numbers.result() + ROOM)
    try:
        with sparing():
            file.fill(model)
    except Exception as error:  # Keras raises whatever the broken part of the file led to
        raise ZooError(f"{file.path} cannot be loaded: {reason(error)}") from error
    return model, numbers.result() + ROOM


def as_it_is(model: Any) -> Built:
    """Return the loaded layers as a functional model; one input or output stands alone, not in a list."""
    sides = [list(model.inputs), list(model.outputs)]
    whole = keras.Model(*(side[0] if len(side) == 1 else side for side in sides), name=model.name)
    orders = [tuple(identity(len(tensor.shape)) for tensor in side) for side in sides]
    return Built(whole, {}, orders[0], orders[1])


def _filled(graph: Graph, built: Built, whole: Any, path: Path) -> tuple[Mapped, ...]:
    """Copy the weights from the layers that Keras loaded."""
    sources = {
        scope: [
            Source(f"{path.name}:{scope}/{weight.name}", tuple(weight.shape), partial(np.asarray, weight))
            for weight in weights_of(layer)
        ]
        for scope, layer in parts(whole)
        if weights_of(layer)
    }
    return fill(graph, built.layers, sources, Writer(3), str(path))


def _described(model: Any, path: Path) -> tuple[Mapped, ...]:
    return tuple(
        Mapped(layer.name, layer.type, (f"{path.name}:{layer.name}",) if layer.parameters else (), layer.parameters)
        for layer in describe(model)
        if layer.inputs
    )


def _notes(graph: Graph | None) -> tuple[str, ...]:
    if graph is None:
        return ()
    return (*graph.notes, *(("models inside the model became scopes: outer/inner",) if graph.nested else ()))
