"""Patterns: from operations to Keras layers, one family a file.

A matcher is called with the first operation of its pattern and returns the layers that replace it and what
follows, or None. What no matcher takes goes to a `GraphLayer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transfer.importers.metagraph.graph import FLOAT, Node, node_of, scope
from transfer.importers.metagraph.patterns import activation, conv, dense, embedding, merge, norm, pool, prelu, shape
from transfer.importers.metagraph.view import Piece, Pieces, View

Matcher = Callable[[View, Node], Pieces | None]

# What is a layer of its own only where nothing around it needs a GraphLayer.
ELEMENTWISE = frozenset({"Rescaling", "Add", "Subtract", "Multiply", "Maximum", "Minimum"})

# In the order in which they are tried: the longer pattern first.
FAMILIES: tuple[Mapping[str, tuple[Matcher, ...]], ...] = (
    dense.MATCHERS,
    conv.MATCHERS,
    norm.MATCHERS,
    prelu.MATCHERS,
    activation.MATCHERS,
    pool.MATCHERS,
    shape.MATCHERS,
    embedding.MATCHERS,
    merge.MATCHERS,
)


def match(view: View, node: Node) -> Pieces | None:
    """Return the layers that begin at a node, or None."""
    if node.type("T") not in (0, FLOAT):
        return None
    matchers = (matcher for family in FAMILIES for matcher in family.get(node.op, ()))
    return next((found for matcher in matchers if (found := matcher(view, node))), None)


def pieces(view: View) -> tuple[Pieces, tuple[str, ...]]:
    """Return the layers that were recognised, and the data operations that were not, each in order."""
    taken, found, rest = {view.graph.maker(tensor).name for tensor in view.inputs}, list[Pieces](), list[str]()
    for name in view.order:
        if name in taken or name not in view.data:
            continue
        matched = match(view, view.graph.nodes[name])
        if matched is None or not taken.isdisjoint(own := {node for piece in matched for node in piece.nodes}):
            rest.append(name)
            continue
        found.append(matched)
        taken |= own
    return _whole_scopes(view, [piece for matched in found for piece in matched], rest)


def _whole_scopes(view: View, found: list[Piece], rest: list[str]) -> tuple[Pieces, tuple[str, ...]]:
    """Give arithmetic back where it is only a part of a formula: beside other operations of its scope."""
    while True:
        given = {name for piece in found if _is_part(view, piece, set(rest)) for name in piece.nodes}
        if not given:
            return tuple(found), tuple(name for name in view.order if name in set(rest))
        found = [piece for piece in found if given.isdisjoint(piece.nodes)]
        rest = [*rest, *given]


def _is_part(view: View, piece: Piece, rest: set[str]) -> bool:
    """Tell whether a piece is arithmetic that shares a scope with an unmatched neighbour."""
    own = scope(piece.nodes[0])
    if piece.type not in ELEMENTWISE or not own:
        return False
    near = {node_of(tensor) for tensor in piece.inputs}.union(*(view.graph.readers.get(t, ()) for t in piece.outputs))
    return any(scope(name) == own for name in near & rest)
