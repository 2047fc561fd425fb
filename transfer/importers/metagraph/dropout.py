"""Dropout as `tf.nn.dropout` wrote it: which tensor, at which rate.

Until TensorFlow 1.12: `x / keep_prob * floor(keep_prob + uniform)`. Since: `x * scale * (uniform >= rate)`, or
`where(uniform >= rate, x * scale, 0)`, with `scale = 1 / (1 - rate)` (tensorflow/python/ops/nn_ops.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from transfer.importers.metagraph.constants import scalar
from transfer.importers.metagraph.graph import Graph, Node

UNIFORM = frozenset({"RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"})
PEELED = frozenset({"Identity", "Switch", "Cast", "StopGradient"})
ADDED = frozenset({"Add", "AddV2"})
SELECTED = frozenset({"Select", "SelectV2"})


@dataclass(frozen=True)
class Dropout:
    """A dropout that was recognised.

    Attributes:
        source: the tensor that it reads.
        rate: which share it drops; None where a placeholder decides.
        off: what to feed to which tensors so that it drops nothing.
    """

    source: str
    rate: float | None
    off: tuple[tuple[str, float], ...]


def dropout(graph: Graph, tensor: str) -> Dropout | None:
    """Return the dropout whose output a tensor is, or None."""
    node = peeled(graph, tensor)
    if node.op == "Mul":
        pairs = (node.inputs, node.inputs[::-1])
        return next((found for scaled, mask in pairs if (found := _matched(graph, scaled, mask))), None)
    if node.op in SELECTED and scalar(graph, node.inputs[2]) == 0:
        return _matched(graph, node.inputs[1], node.inputs[0])
    return None


def peeled(graph: Graph, tensor: str) -> Node:
    """Return the node that makes a tensor, below whatever only passes it on."""
    node = graph.maker(tensor)
    while node.op in PEELED and node.inputs and node.inputs[0] in graph:
        node = graph.maker(node.inputs[0])
    return node


def _matched(graph: Graph, scaled: str, mask: str) -> Dropout | None:
    node = peeled(graph, mask)
    if node.op == "Floor":
        return _kept(graph, scaled, node)
    if node.op == "GreaterEqual" and _uniform(graph, node.inputs[0]):
        return _dropped(graph, scaled, node.inputs[1])
    return None


def _kept(graph: Graph, scaled: str, floor: Node) -> Dropout | None:
    """Match `x / keep_prob` and `floor(keep_prob + uniform)`."""
    total = peeled(graph, floor.inputs[0])
    if total.op not in ADDED:
        return None
    pairs = (total.inputs, total.inputs[::-1])
    keep = next((a for a, b in pairs if _uniform(graph, b) and not _uniform(graph, a)), None)
    division = peeled(graph, scaled)
    if keep is None or division.op not in {"RealDiv", "Div"}:
        return None
    root = peeled(graph, keep).output
    if peeled(graph, division.inputs[1]).output != root:
        return None
    share = scalar(graph, root)
    return Dropout(division.inputs[0], None if share is None else _rounded(1 - share), ((root, 1.0),))


def _dropped(graph: Graph, scaled: str, rate: str) -> Dropout | None:
    """Match `x * scale` or `x / keep_prob`, beside `uniform >= rate`."""
    node = peeled(graph, scaled)
    if node.op not in {"Mul", "RealDiv"}:
        return None
    root = peeled(graph, rate).output
    share = scalar(graph, root)
    for source, scale in _operands(node):
        factor = peeled(graph, scale).output
        if _is_scale(graph, factor, root, share, node.op == "RealDiv"):
            off = ((root, 0.0),) if factor == root else ((root, 0.0), (factor, 1.0))
            return Dropout(source, None if share is None else _rounded(share), off)
    return None


def _operands(node: Node) -> Iterator[tuple[str, str]]:
    yield node.inputs[0], node.inputs[1]
    if node.op == "Mul":
        yield node.inputs[1], node.inputs[0]


def _is_scale(graph: Graph, factor: str, rate: str, share: float | None, divides: bool) -> bool:
    """Tell whether a factor is `1 / (1 - rate)`, or with a division `1 - rate`."""
    if share is None:
        return rate in {node.output for node in map(graph.nodes.__getitem__, graph.ordered([factor]))}
    value = scalar(graph, factor)
    wanted = 1 - share if divides else 1 / (1 - share) if share < 1 else None
    return value is not None and wanted is not None and abs(value - wanted) < 1e-3 * max(1.0, wanted)


def _uniform(graph: Graph, tensor: str) -> bool:
    """Tell whether a tensor is random and uniform: `random * (high - low) + low`."""
    node = peeled(graph, tensor)
    for _ in range(4):
        if node.op in UNIFORM:
            return True
        if node.op not in ADDED | {"Mul"}:
            return False
        node = peeled(graph, node.inputs[0])
    return False


def _rounded(rate: float) -> float:
    """Undo what float32 did to a rate that somebody typed: 0.30000001 was 0.3."""
    return min(max(round(rate, 6), 0.0), 1.0)
