"""Embeddings: rows of a variable, chosen by whole numbers."""

from __future__ import annotations

from transfer.importers.metagraph.graph import FLOAT, Node
from transfer.importers.metagraph.view import Piece, Pieces, View


def embedding(view: View, node: Node) -> Pieces | None:
    """Match `Gather` and `GatherV2` along the rows of a variable (rows, units)."""
    table, chosen = view.weight(node.inputs[0]), node.inputs[1]
    axis = view.whole(node.inputs[2]) if node.op == "GatherV2" else (0,)
    if table is None or len(table.shape) != 2 or axis != (0,) or not view.is_data(chosen):
        return None
    if node.type("Tparams") != FLOAT or ("batch_dims" in node.attr and node.attr["batch_dims"].i):
        return None
    source, nodes = _counted(view, chosen, table.shape[0])
    config = {"input_dim": table.shape[0], "output_dim": table.shape[1]}
    return (Piece("Embedding", (source,), (node.output,), (node.name, *nodes), config, (table,)),)


def _counted(view: View, tensor: str, rows: int) -> tuple[str, tuple[str, ...]]:
    """Take off what Keras puts before: numbers below zero count from the end, which `Embedding` does itself.

    `where(x < 0, x + rows, x)` (keras/src/backend/tensorflow/numpy.py, `take`).
    """
    top = view.graph.maker(tensor)
    if top.op not in {"SelectV2", "Select"} or view.next(tensor) is None:
        return tensor, ()
    less, added = view.graph.maker(top.inputs[0]), view.graph.maker(top.inputs[1])
    source = top.inputs[2]
    negative = less.op == "Less" and less.inputs[0] == source and view.scalar(less.inputs[1]) == 0
    moved = added.op in {"Add", "AddV2"} and source in added.inputs
    if not negative or not moved:
        return tensor, ()
    other = added.inputs[1 - added.inputs.index(source)]
    if view.scalar(other) != rows:
        return tensor, ()
    return source, (top.name, less.name, added.name)


MATCHERS = {"Gather": (embedding,), "GatherV2": (embedding,)}
