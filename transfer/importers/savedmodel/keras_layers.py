"""SavedModels of Keras 2 whose graph cannot be folded, such as recurrent ones: layers by their configs.

`keras_metadata.pb` (keras/protobuf/saved_metadata.proto) holds the config of the model and of each layer as JSON, with
the layer's place in the object graph; there its `variables` are listed in the order of `Layer.weights`. The loops in
the graph are then run for the comparison only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.files.json_text import parsed as json_of
from transfer.imported import Imported
from transfer.importers.keras2.arrays import Writer
from transfer.importers.keras2.build import build
from transfer.importers.keras2.fill import Source, by_scope, fill
from transfer.importers.keras2.flatten import flatten
from transfer.importers.metagraph.checkpoint import Checkpoint
from transfer.importers.metagraph.files import parsed
from transfer.importers.protos import classes
from transfer.importers.savedmodel.account import VALUE
from transfer.importers.savedmodel.objects import keys

FILE = "keras_metadata.pb"
LARGEST = 1 << 28  # bytes
ROOM = 1 << 20  # numbers that a model may hold beside those in its files
SCHEMA = """
message SavedMetadata { repeated SavedObject nodes = 1; }
message SavedObject {
  optional int32 node_id = 2;
  optional string node_path = 3;
  optional string identifier = 4;
  optional string metadata = 5;
}
"""


def described(folder: Path) -> bool:
    """Tell whether a SavedModel says which Keras layers it was made of."""
    return (folder / FILE).is_file()


def from_layers(folder: Path, meta: Any, checkpoint: Checkpoint, format: str) -> Imported:
    """Return the model that the configs describe, with the checkpoint's weights; it is not compared yet.

    Args:
        folder: the SavedModel.
        meta: its `MetaGraphDef`.
        checkpoint: the weights.
        format: as cards call it.

    Raises:
        ZooError: the file is damaged, or holds a layer that is not Keras's own.
    """
    where = str(folder / FILE)
    objects = _objects(folder)
    root = next((json_of(item.metadata, where) for item in objects if item.node_path == "root"), {})
    if not isinstance(root.get("config"), dict) or not isinstance(root.get("class_name"), str):
        raise ZooError(f"{where} holds no model config: a subclassed model has none")
    graph = flatten({"class_name": root["class_name"], "config": _plain(root["config"])}, where, 2)
    groups = dict(_groups(objects, meta.object_graph_def, checkpoint, where))
    size = sum(math.prod(source.shape) for sources in groups.values() for source in sources)
    built = build(graph, where, size + ROOM)
    layers = fill(graph, built.layers, by_scope(graph, built.layers, groups, 2), Writer(2), where)
    return Imported(built.model, format, layers, notes=(*graph.notes, "made from the layers' configs, not the graph"))


def _objects(folder: Path) -> list[Any]:
    file = folder / FILE
    size = file.stat().st_size
    message = parsed(classes(SCHEMA, "zoo.keras2")["SavedMetadata"], file.read_bytes()) if size <= LARGEST else None
    if message is None or not message.nodes:
        raise ZooError(f"{file} is damaged: it does not parse as Keras's metadata, or is empty")
    return list(message.nodes)


def _plain(value: Any) -> Any:
    """Return a config with lists for the tuples that this file writes as `{"class_name": "__tuple__", "items": …}`."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        tuples = set(value) == {"class_name", "items"} and value["class_name"] == "__tuple__"
        return _plain(value["items"]) if tuples else {key: _plain(item) for key, item in value.items()}
    return value


def _groups(objects: list[Any], graph: Any, checkpoint: Checkpoint, where: str) -> Iterator[tuple[str, list[Source]]]:
    """Yield the arrays of each layer of the model by its name."""
    stored = keys(graph, checkpoint)
    for item in objects:
        if item.node_path.count(".") != 1 or not 0 < item.node_id < len(graph.nodes):
            continue
        name = json_of(item.metadata, where).get("name")
        listed = {child.local_name: child.node_id for child in graph.nodes[item.node_id].children}.get("variables", -1)
        if not isinstance(name, str) or not 0 < listed < len(graph.nodes):
            continue
        places = sorted((int(c.local_name), c.node_id) for c in graph.nodes[listed].children if c.local_name.isdigit())
        found = [(graph.nodes[at].variable.name, stored[at]) for _, at in places if at in stored]
        if found:
            yield name, [_source(variable, key, checkpoint) for variable, key in found]


def _source(variable: str, key: str, checkpoint: Checkpoint) -> Source:
    if key not in checkpoint.shapes:
        raise ZooError(f"the checkpoint {checkpoint.prefix} has no values for {key.removesuffix(VALUE)}")
    return Source(variable, checkpoint.shapes[key], partial(checkpoint.read, key))
