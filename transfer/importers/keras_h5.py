"""Whole models in HDF5 (`.h5`, `.hdf5`), as Keras 1, 2 and 3 write them: architecture and weights in one file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.files import hdf5
from transfer.files.json_text import parsed
from transfer.imported import Imported
from transfer.importers.keras2.arrays import Writer
from transfer.importers.keras2.build import Built, build
from transfer.importers.keras2.fill import Source, Sources, by_scope, fill
from transfer.importers.keras2.flatten import flatten
from transfer.importers.keras2.graph import Graph
from transfer.importers.keras2.loading import assigned, loaded, of_legacy
from transfer.importers.keras2.original import model_of, rebuilt
from transfer.importers.keras2.proof import Proof, with_keras, with_tf_keras

FORMAT = "keras-h5"
ROOM = 1 << 20  # numbers that a model may hold beside those in its file
THEANO = "not compared with the original: TF-Keras does not turn the kernels of files that Theano wrote"
HINT = "the file may be damaged; where it was written with other code, import its weights with --into"


@dataclass(frozen=True)
class Header:
    """What the attributes of a file say.

    Attributes:
        config: the model config.
        writer: the Keras that wrote it.
        version: its whole version.
    """

    config: Mapping[str, Any]
    writer: Writer
    version: str


def read(path: Path | str, *, compare: bool = True, seed: int = 0, watch: Watch = silent) -> Imported:
    """Import a whole model.

    Args:
        path: the file.
        compare: run the original in TF-Keras too, where it is installed.
        seed: of the inputs that it is run on.
        watch: called with progress.

    Raises:
        ZooError: the file is missing, damaged, holds weights alone, a layer that is not Keras's own, or weights that
            do not fit its architecture.
    """
    path = Path(path)
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    with hdf5.opened(path) as file:
        header = _header(file, path)
        graph = flatten(header.config, str(path), header.writer.major)
        weights = file.get("model_weights", file)
        groups = sources(weights, path)
        room = sum(math.prod(source.shape) for group in groups.values() for source in group) + ROOM
        built = build(graph, str(path), room)
        shared = by_scope(graph, built.layers, groups, header.writer.major)
        layers = fill(graph, built.layers, shared, header.writer, str(path), HINT, watch)
        proof = Original(path, header, weights, room).proof(built, seed) if compare else Proof()
    return Imported(
        built.model,
        FORMAT,
        layers,
        max_abs_difference=proof.difference.largest if proof.difference else None,
        max_rel_difference=proof.difference.relative if proof.difference else None,
        notes=(*graph.notes, *notes_of(graph, built, header.writer.major), *proof.notes),
        compared_with=proof.runtime,
    )


def notes_of(graph: Graph, built: Built, major: int) -> tuple[str, ...]:
    """Say what the model takes otherwise than the original did."""
    found = []
    if any(order != tuple(range(len(order))) for order in (*built.orders, *built.outputs)):
        found.append("the original takes channels first; the imported model takes and gives them last")
    if graph.nested:
        found.append("models inside the model became scopes: outer/inner")
    old = [layer.scope for layer in graph.layers.values() if "hard_sigmoid" in str(dict(layer.config)) and major < 3]
    if old:
        found.append(f"weights of {', '.join(old[:5])} are scaled by 1.2 for Keras 3's hard_sigmoid, or their input is")
    return tuple(found)


def sources(weights: Any, path: Path, read: Callable[[Any, str], Any] = hdf5.array) -> Sources:
    """List the arrays of each layer's group, in the order of its `weight_names`.

    Raises:
        ZooError: there are no such groups.
    """
    names = hdf5.texts(weights.attrs, "layer_names")
    if names is None:
        raise ZooError(f"{path} has no layer_names: expected a Keras file with weights by layer")
    return {name: tuple(_group(weights, name, path, read)) for name in names}


def _group(weights: Any, name: str, path: Path, read: Callable[[Any, str], Any]) -> list[Source]:
    if name not in weights:
        raise ZooError(f"{path} is damaged: it names the layer {name[:200]} and has no group for it")
    group = weights[name]
    found = []
    for held in hdf5.texts(group.attrs, "weight_names") or []:
        if held not in group or not hasattr(group[held], "shape"):
            raise ZooError(f"{path} is damaged: it names the weight {held[:200]} of {name[:200]} and has no such array")
        found.append(Source(held, tuple(group[held].shape), partial(read, group[held], held)))
    return found


def _header(file: Any, path: Path) -> Header:
    text = hdf5.text(file.attrs, "model_config")
    if text is None:
        raise ZooError(
            f"{path} holds weights without their architecture (there is no model_config)",
            f"say which model they go into: zoo import {path} --into NAME",
        )
    weights = file.get("model_weights", file)
    version = hdf5.text(file.attrs, "keras_version") or hdf5.text(weights.attrs, "keras_version") or "1"
    backend = hdf5.text(file.attrs, "backend") or hdf5.text(weights.attrs, "backend") or "tensorflow"
    return Header(parsed(text, f"the model config of {path}"), Writer(major_of(version), backend), version)


def major_of(version: str) -> int:
    """Return the first number of a Keras version; files without one are of Keras 1.

    >>> major_of("2.2.4-tf"), major_of("")
    (2, 1)
    """
    first = version.split(".")[0]
    return int(first) if first in ("1", "2", "3") else 1


@dataclass(frozen=True)
class Original:
    """A file as Keras 3 or TF-Keras makes it, to compare with: of what was checked, not of the file.

    Attributes:
        path: of the file, which is open.
        header: what its attributes say.
        weights: the group of its arrays by layer of the outermost model.
        room: how many numbers it may hold.
    """

    path: Path
    header: Header
    weights: Any
    room: int

    def proof(self, built: Built, seed: int) -> Proof:
        """Compare a model with it.

        Raises:
            ZooError: the outputs differ by more than 1e-4 relative.
        """
        what = f"the original {self.path.name}"
        if self.header.writer.backend == "theano":
            return Proof(notes=(THEANO,))
        if self.header.writer.major == 3:
            return with_keras(self.of_keras_3, built, what, seed)
        return with_tf_keras(self.of_keras_2, built, what, seed)

    def of_keras_3(self) -> Any:
        """Make it in Keras 3."""
        where = str(self.path)
        groups = sources(self.weights, self.path, hdf5.rows)  # two models at once leave no memory for whole arrays
        return assigned(loaded(rebuilt(self.header.config, where), where, self.room, of_legacy), groups)

    def of_keras_2(self, tf_keras: Any) -> Any:
        """Make it in TF-Keras, which converts the arrays itself."""
        convert = import_module("tf_keras.src.saving.legacy.hdf5_format").preprocess_weights_for_loading
        model = model_of(self.header.config, tf_keras, str(self.path))
        version, backend = self.header.version, self.header.writer.backend
        groups = sources(self.weights, self.path)
        return assigned(model, groups, lambda layer, arrays: convert(layer, arrays, version, backend))
