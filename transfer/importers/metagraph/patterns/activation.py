"""Activations that stand alone, leaky ReLU in its spellings, dropout, and rescaling by constants."""

from __future__ import annotations

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.patterns.follow import ACTIVATIONS, ADDED
from transfer.importers.metagraph.view import Piece, Pieces, View


def activation(view: View, node: Node) -> Pieces | None:
    """Match one activation operation."""
    name = ACTIVATIONS[node.op]
    return (Piece("Activation", node.inputs[:1], (node.output,), (node.name,), {"activation": name}, leaf=name),)


def leaky_operation(view: View, node: Node) -> Pieces | None:
    """Match the `LeakyRelu` operation."""
    return (_leaky(node.inputs[0], node.real("alpha", 0.2), (node,)),)


def leaky_maximum(view: View, node: Node) -> Pieces | None:
    """Match `tf.maximum(alpha * z, z)`, in any order."""
    top = view.next(node.output)
    for source, factor in (node.inputs, node.inputs[::-1]):
        slope = view.scalar(factor)
        if slope is None or top is None or top.op != "Maximum" or set(top.inputs) != {source, node.output}:
            continue
        if 0 <= slope <= 1:
            return (_leaky(source, slope, (top, node)),)
    return None


def _leaky(source: str, slope: float, nodes: tuple[Node, ...]) -> Piece:
    names = tuple(node.name for node in nodes)
    config = {"negative_slope": round(slope, 7)}
    return Piece("LeakyReLU", (source,), (nodes[0].output,), names, config, leaf="leaky_relu")


def dropped(view: View, node: Node) -> Pieces | None:
    """Match a node that stands for a dropout."""
    found = view.dropouts.get(node.name)
    if found is None:
        return None
    # Where a placeholder decides the rate, the graph does not know it: the layer is there, at 0.
    config = {"rate": found.rate or 0.0}
    return (Piece("Dropout", node.inputs[:1], (node.output,), (node.name,), config, leaf="dropout"),)


def rescaled(view: View, node: Node) -> Pieces | None:
    """Match `x * c`, `x / c`, `x + c` and `x - c` for a constant number."""
    pairs = (node.inputs, node.inputs[::-1])[: 2 if node.op in ADDED | {"Mul"} else 1]
    for source, constant in pairs:
        number = view.scalar(constant)
        if number is None or view.rank(constant) != 0 or (node.op == "RealDiv" and number == 0):
            continue
        scale, offset = {
            "Mul": (number, 0.0),
            "RealDiv": (1 / (number or 1.0), 0.0),
            "Sub": (1.0, -number),
        }.get(node.op, (1.0, number))
        config = {"scale": scale, "offset": offset}
        return (Piece("Rescaling", (source,), (node.output,), (node.name,), config, leaf=node.op.lower()),)
    return None


MATCHERS = {
    **dict.fromkeys(ACTIVATIONS, (activation,)),
    "LeakyRelu": (leaky_operation,),
    "Identity": (dropped,),
    "Mul": (leaky_maximum, rescaled),
    **dict.fromkeys(("RealDiv", "Add", "AddV2", "Sub"), (rescaled,)),
}
