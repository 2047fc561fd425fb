"""Gather the operations for which there is no native layer into `GraphLayer` segments, scope by scope. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from transfer.importers.metagraph.graph import FLOAT, Node
from transfer.importers.metagraph.view import Piece, View, Weight


@dataclass
class _Segment:
    label: str
    nodes: list[str] = field(default_factory=list)


def segments(view: View, rest: Sequence[str], taken: Iterable[Piece], label: Callable[[str], str]) -> tuple[Piece, ...]:
    """Return one piece for each connected part of the rest that has one label.

    A segment is convex: nothing outside both depends on it and feeds it, or the layers would form a loop.

    Args:
        view: the graph.
        rest: the data operations that no pattern took, in order.
        taken: the pieces of the patterns.
        label: the scope that a node belongs to.
    """
    above = _ancestors(view, taken) if rest else {}
    owner: dict[str, _Segment] = {}
    for name in rest:
        candidates = (owner[made] for made in _reads(view, name) if made in owner)
        home = next((own for own in candidates if own.label == label(name) and _fits(view, name, own, above)), None)
        owner[name] = home or _Segment(label(name))
        owner[name].nodes.append(name)
    found = {id(segment): segment for segment in owner.values()}
    return tuple(_piece(view, segment.nodes) for segment in found.values())


def _ancestors(view: View, taken: Iterable[Piece]) -> dict[str, frozenset[str]]:
    """Return for each data node all data nodes that it depends on; a piece's nodes stand and fall together."""
    together = {name: piece for piece in taken for name in piece.nodes}
    found: dict[str, frozenset[str]] = {}
    for name in view.order:
        if name not in view.data:
            continue
        direct = set(_reads(view, name))
        piece = together.get(name)
        direct |= {view.graph.maker(tensor).name for tensor in piece.inputs if tensor in view.graph} if piece else set()
        found[name] = frozenset(direct).union(*(found.get(above, frozenset()) for above in direct))
    return found


def _reads(view: View, name: str) -> list[str]:
    """Return the data nodes that a node reads, directly or through sizes."""
    graph, found = view.graph, list[str]()
    stack = list(graph.nodes[name].inputs)
    while stack:
        maker = graph.maker(stack.pop())
        if maker.name in view.data:
            found.append(maker.name)
        elif maker.name in view.sized:
            stack.extend(maker.inputs)
    return list(dict.fromkeys(found))


def _fits(view: View, name: str, segment: _Segment, above: dict[str, frozenset[str]]) -> bool:
    """Tell whether a node can join a segment: none of its other inputs depends on the segment."""
    own = set(segment.nodes)
    return all(made in own or own.isdisjoint(above[made]) for made in _reads(view, name))


def _piece(view: View, names: Sequence[str]) -> Piece:
    nodes = closure(view, names)
    own = set(names)
    reads = [
        tensor for node in nodes for tensor in node.inputs if view.is_data(tensor) and _maker(view, tensor) not in own
    ]
    weights = [_weight(view, node) for node in nodes if node.op == "Variable"]
    return Piece(
        "GraphLayer",
        tuple(dict.fromkeys(reads)),
        _outputs(view, names),
        tuple(names),
        weights=tuple(sorted(weights, key=lambda weight: not weight.trainable)),  # as Keras lists them
    )


def closure(view: View, names: Sequence[str]) -> list[Node]:
    """Return nodes with all that they need besides data: constants, variables and sizes, in order."""
    wanted, stack = set(names), list(names)
    while stack:
        for tensor in view.graph.nodes[stack.pop()].inputs:
            maker = _maker(view, tensor)
            if maker not in view.data and maker not in wanted:
                wanted.add(maker)
                stack.append(maker)
    return [view.graph.nodes[name] for name in view.order if name in wanted]


def _maker(view: View, tensor: str) -> str:
    return view.graph.maker(tensor).name


def _outputs(view: View, names: Sequence[str]) -> tuple[str, ...]:
    """Return the tensors that are read outside; a reader through sizes counts too."""
    own, found = set(names), dict[str, None]()
    for tensor, readers in view.graph.readers.items():
        if _maker(view, tensor) in own and not own.issuperset(readers):
            found[tensor] = None
    return tuple(found | {tensor: None for tensor in view.outputs if _maker(view, tensor) in own})


def _weight(view: View, node: Node) -> Weight:
    shape = view.shape(node.output) or ()
    known = tuple(size for size in shape if size is not None)
    return Weight(
        node.output, (node.name,), known, trainable=node.type("dtype") == FLOAT and not is_statistic(node.name)
    )


def is_statistic(name: str) -> bool:
    """Tell whether a variable is a moving average, which does not train."""
    return name.rpartition("/")[2].startswith(("moving_mean", "moving_variance", "moving_var"))
