"""Give an original graph its variables' values, by its own Saver where that is safe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from transfer.importers.metagraph.constants import evaluate
from transfer.importers.metagraph.graph import VARIABLES, canonical, node_of
from transfer.importers.metagraph.lower import lowered
from transfer.importers.metagraph.variables import text_of

tf1 = tf.compat.v1

# What a Saver's own restore operation consists of; a graph that does more there is not trusted.
RESTORING = VARIABLES | {
    "Assign",
    "AssignVariableOp",
    "Const",
    "Identity",
    "IdentityN",
    "NoOp",
    "Placeholder",
    "PlaceholderWithDefault",
    "RestoreV2",
}


def own_restore(meta: Any, stored: Collection[str]) -> str | None:
    """Return the tensor name of a meta-graph's own restore operation; None where it cannot be used.

    It shows which variable gets which numbers, whatever the importer made of that.

    Args:
        meta: the `MetaGraphDef`.
        stored: the checkpoint's names.
    """
    graph, wanted = lowered(meta.graph_def), canonical(meta.saver_def.restore_op_name or "")
    file = canonical(meta.saver_def.filename_tensor_name or "")
    if wanted not in graph or file not in graph:
        return None
    needed = [graph.nodes[name] for name in graph.ordered([wanted], controls=True)]
    reads = [node for node in needed if node.op == "RestoreV2"]
    safe = all(node.op in RESTORING for node in needed) and all(node.inputs[0] == file for node in reads)
    names = [evaluate(graph, node.inputs[1]) for node in reads]
    present = all(name is not None and {text_of(text) for text in name.reshape(-1)} <= set(stored) for name in names)
    return wanted if safe and present and reads else None


def assign(session: Any, values: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Give variables their values by assignments of our own."""
    made, fed = [], {}
    for name, value in values.items():
        op = session.graph.get_operation_by_name(node_of(name))
        if op.type in VARIABLES:
            held = tf1.placeholder(value.dtype, value.shape)
            fed[held] = value
            made.append(_assignment(op, held))
    session.run(made, fed)


def _assignment(variable: Any, value: Any) -> Any:
    if variable.type == "VarHandleOp":
        return tf.raw_ops.AssignVariableOp(resource=variable.outputs[0], value=value)
    return tf.raw_ops.Assign(ref=variable.outputs[0], value=value).op
