"""Several tensors into one: sums, products, extremes, concatenation."""

from __future__ import annotations

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.view import Piece, Pieces, View

MERGES = {
    "Add": "Add",
    "AddV2": "Add",
    "AddN": "Add",
    "Mul": "Multiply",
    "Sub": "Subtract",
    "Maximum": "Maximum",
    "Minimum": "Minimum",
}


def merged(view: View, node: Node) -> Pieces | None:
    """Match an operation on data tensors of one shape."""
    shapes = {view.shape(tensor) for tensor in node.inputs}
    if len(node.inputs) < 2 or len(shapes) > 1 or None in shapes or not _all_data(view, node.inputs):
        return None
    return (Piece(MERGES[node.op], node.inputs, (node.output,), (node.name,)),)


def concatenated(view: View, node: Node) -> Pieces | None:
    """Match `ConcatV2`, and `Concat`, which names the axis first, along any axis but the batch."""
    axis, tensors = (node.inputs[-1], node.inputs[:-1]) if node.op == "ConcatV2" else (node.inputs[0], node.inputs[1:])
    along, rank = view.whole(axis), view.rank(tensors[0])
    if along is None or not rank or along[0] % rank == 0 or len(tensors) < 2 or not _all_data(view, tensors):
        return None
    return (Piece("Concatenate", tensors, (node.output,), (node.name,), {"axis": along[0] % rank}),)


def _all_data(view: View, tensors: tuple[str, ...]) -> bool:
    return all(view.is_data(tensor) for tensor in tensors)


MATCHERS = {
    **dict.fromkeys(MERGES, (merged,)),
    **dict.fromkeys(("ConcatV2", "Concat"), (concatenated,)),
}
