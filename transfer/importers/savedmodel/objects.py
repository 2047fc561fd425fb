"""Which stored array belongs to which object of a SavedModel, by the names on the way from the root."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from transfer.importers.metagraph.checkpoint import Checkpoint
from transfer.importers.metagraph.files import parsed
from transfer.importers.metagraph.variables import Stored

KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"


def keys(objects: Any, checkpoint: Checkpoint) -> dict[int, str]:
    """Return the checkpoint's names of a SavedModel's variables, by their place in its object graph.

    The two graphs number their objects apart, but name the ways to them alike.

    Args:
        objects: the `SavedObjectGraph`.
        checkpoint: the weights, with their own `TrackableObjectGraph`.
    """
    if KEY not in checkpoint.shapes or not objects.nodes:
        return {}
    data = np.asarray(checkpoint.read(KEY)).item()
    stored = parsed(TrackableObjectGraph, data) if isinstance(data, bytes) else None
    if stored is None or not stored.nodes:
        return {}
    found, seen, waiting = dict[int, str](), {0}, [(0, 0)]
    while waiting:
        here, there = waiting.pop()
        values = [a.checkpoint_key for a in stored.nodes[there].attributes if a.name == "VARIABLE_VALUE"]
        found |= {here: values[0]} if values else {}
        ways = {child.local_name: child.node_id for child in stored.nodes[there].children}
        for child in objects.nodes[here].children:
            known = child.local_name in ways and child.node_id not in seen
            if known and child.node_id < len(objects.nodes) and ways[child.local_name] < len(stored.nodes):
                seen.add(child.node_id)
                waiting.append((child.node_id, ways[child.local_name]))
    return found


def handles(objects: Any, checkpoint: Checkpoint, where: Mapping[str, Stored]) -> dict[int, str]:
    """Return the tensors of variables in the graph, by the variables' places in the object graph.

    Args:
        objects: the `SavedObjectGraph`.
        checkpoint: the weights.
        where: where the graph's variables are stored.
    """
    variables = {held.name: name for name, held in where.items()}
    return {at: f"{variables[key]}:0" for at, key in keys(objects, checkpoint).items() if key in variables}
