"""Parametric ReLU in its spellings: `max(x, 0) + alpha * min(x, 0)` alpha learnt (He et al. 2015, equation 1)."""

from __future__ import annotations

from dataclasses import replace

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.patterns.follow import ADDED
from transfer.importers.metagraph.view import Piece, Pieces, View, Weight

CLIMB = 4  # operations from the first of the pattern to the sum
Found = tuple[Weight, tuple[Node, ...]]


def prelu(view: View, node: Node) -> Pieces | None:
    """Match a parametric ReLU from any of the operations that read its input."""
    top: Node | None = node
    for _ in range(CLIMB):
        top = view.next(top.output) if top is not None else None
        if top is None:
            return None
        if top.op in ADDED and (found := _summed(view, top)):
            return found if node.name in found[0].nodes else None
    return None


def _summed(view: View, top: Node) -> Pieces | None:
    for above, below in (top.inputs, top.inputs[::-1]):
        positive = view.graph.maker(above)
        source = _clipped(view, positive, "Maximum") or (positive.inputs[0] if positive.op == "Relu" else None)
        found = _scaled(view, below, source) if source and view.is_data(source) else None
        if found is None:
            continue
        alpha, inner = found
        nodes = (positive, *inner)
        if any(view.next(node.output) is None for node in nodes if view.is_data(node.output)):
            return None
        return _piece(view, source or "", alpha, top, tuple(node for node in nodes if view.is_data(node.output)))
    return None


def _clipped(view: View, node: Node, op: str) -> str | None:
    """Return what `max(x, 0)` or `min(x, 0)` reads."""
    if node.op != op:
        return None
    return next((a for a, b in (node.inputs, node.inputs[::-1]) if view.scalar(b) == 0), None)


def _scaled(view: View, tensor: str, source: str) -> Found | None:
    """Match `alpha * min(x, 0)`, `-alpha * relu(-x)`, and `alpha * (x - |x|) * 0.5`."""
    node = view.graph.maker(tensor)
    if node.op != "Mul":
        return None
    for factor, rest in (node.inputs, node.inputs[::-1]):
        inner = view.graph.maker(rest)
        if view.scalar(factor) == 0.5 and inner.op == "Mul":
            return _halved(view, inner, source, node)
        weight, negative = _alpha(view, factor)
        if weight is None:
            continue
        if not negative and _clipped(view, inner, "Minimum") == source:
            return weight, (node, inner)
        flipped = view.graph.maker(inner.inputs[0]) if inner.op == "Relu" else inner
        if negative and inner.op == "Relu" and flipped.op == "Neg" and flipped.inputs[0] == source:
            return weight, (node, inner, flipped)
    return None


def _halved(view: View, node: Node, source: str, top: Node) -> Found | None:
    for factor, rest in (node.inputs, node.inputs[::-1]):
        weight, negative = _alpha(view, factor)
        difference = view.graph.maker(rest)
        if weight is None or negative or difference.op != "Sub" or difference.inputs[0] != source:
            continue
        size = view.graph.maker(difference.inputs[1])
        if size.op == "Abs" and size.inputs[0] == source:
            return weight, (top, node, difference, size)
    return None


def _alpha(view: View, tensor: str) -> tuple[Weight | None, bool]:
    """Return the variable that a tensor is, and whether it is negated."""
    node = view.graph.maker(tensor)
    if node.op == "Neg" and not view.is_data(tensor):
        return view.weight(node.inputs[0]), True
    return view.weight(tensor), False


def _piece(view: View, source: str, alpha: Weight, top: Node, nodes: tuple[Node, ...]) -> Pieces | None:
    """Return the layer; alpha has one number a channel, or one for each place."""
    sample = view.sample(source)
    if sample is None:
        return None
    own = (*(1 for _ in range(len(sample) - len(alpha.shape))), *alpha.shape)
    if len(own) != len(sample) or any(a not in (1, b) for a, b in zip(own, sample, strict=True)):
        return None
    shared = tuple(axis for axis, (a, b) in enumerate(zip(own, sample, strict=True), start=1) if a == 1 != b)
    held = replace(alpha, shape=own)
    names = (top.name, *(node.name for node in nodes))
    return (Piece("PReLU", (source,), (top.output,), names, {"shared_axes": shared or None}, (held,)),)


MATCHERS = dict.fromkeys(("Relu", "Maximum", "Minimum", "Neg", "Abs"), (prelu,))
