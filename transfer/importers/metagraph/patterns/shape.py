"""New shapes for the same numbers: flatten, reshape, added and dropped axes, transposition."""

from __future__ import annotations

import math

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.view import Piece, Pieces, View


def reshaped(view: View, node: Node) -> Pieces | None:
    """Match a reshape that keeps the batch."""
    sample, target = view.sample(node.inputs[0]), view.whole(node.inputs[1])
    if sample is None or not target or target[0] != -1 or math.prod(target[1:]) != math.prod(sample):
        return None
    return _to(view, node, target[1:]) if min(target[1:], default=1) > 0 else None


def resized(view: View, node: Node) -> Pieces | None:
    """Match `ExpandDims` and `Squeeze` on other axes than the batch."""
    before, after = view.sample(node.inputs[0]), view.sample(node.output)
    axes = view.whole(node.inputs[1]) if node.op == "ExpandDims" else node.ints("squeeze_dims")
    rank = view.rank(node.output if node.op == "ExpandDims" else node.inputs[0])
    if before is None or after is None or not axes or rank is None or 0 in {axis % rank for axis in axes}:
        return None
    return _to(view, node, after)


def _to(view: View, node: Node, sizes: tuple[int, ...]) -> Pieces:
    if len(sizes) == 1:
        return (Piece("Flatten", node.inputs[:1], (node.output,), (node.name,)),)
    return (Piece("Reshape", node.inputs[:1], (node.output,), (node.name,), {"target_shape": sizes}),)


def transposed(view: View, node: Node) -> Pieces | None:
    """Match a transposition that leaves the batch first."""
    order = view.whole(node.inputs[1])
    if not order or len(order) < 2 or order[0] != 0:
        return None
    return (Piece("Permute", node.inputs[:1], (node.output,), (node.name,), {"dims": order[1:]}),)


MATCHERS = {
    "Reshape": (reshaped,),
    "ExpandDims": (resized,),
    "Squeeze": (resized,),
    "Transpose": (transposed,),
}
