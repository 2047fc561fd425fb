"""The account of a SavedModel's weights in the names that its program gave them. Pure.

TensorFlow 2 stores a variable under its path from the root object, `layer_with_weights-0/kernel/.ATTRIBUTES/
VARIABLE_VALUE` (tensorflow/python/checkpoint/graph_view.py); the graph knows it as `conv1/kernel`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from transfer.imported import Imported
from transfer.importers.metagraph.graph import Graph
from transfer.importers.metagraph.variables import saved

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
REASONS = (
    (".OPTIMIZER_SLOT/", "optimizer slot"),
    ("optimizer/", "optimizer slot"),
    ("save_counter", "step counter"),
    ("keras_api/metrics/", "metric"),
)


def accounted(found: Imported, meta: Any, graph: Graph) -> Imported:
    """Return an import whose account names variables, not paths of objects."""
    where = saved(graph, meta.saver_def.save_tensor_name)
    names = {held.name: variable for variable, held in where.items() if held.name.endswith(VALUE)}

    def shown(key: str) -> str:
        return names.get(key, key.removesuffix(VALUE))

    layers = tuple(replace(layer, sources=tuple(map(shown, layer.sources))) for layer in found.layers)
    left = {shown(key): _reason(key, reason) for key, reason in found.unmapped.items() if key != GRAPH}
    return replace(found, layers=layers, unmapped=left)


def _reason(key: str, reason: str) -> str:
    return next((known for part, known in REASONS if part in key and key.endswith(VALUE)), reason)
