"""Give what lies inside of functions the names that their program gave them. Pure, over `Graph`.

TensorFlow 2 wraps a model into functions that call functions: `StatefulPartitionedCall/StatefulPartitionedCall/
resnet/conv1/Conv2D`. And Keras 3 traces a model again when it exports it, which makes `conv1` into `conv1_1`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from transfer.importers.metagraph.graph import VARIABLES, Graph, Node, index_of, node_of
from transfer.scope import unused

CALL = re.compile(r"^(Stateful)?PartitionedCall(_\d+)?$")


def plain(graph: Graph, kept: Collection[str]) -> Graph:
    """Return a graph in which operations inside of functions are called what they were before they were wrapped.

    Args:
        graph: the graph, functions written out.
        kept: the names of the original graph, which stay.
    """
    again = _again(graph, kept)
    names: dict[str, str] = {}
    taken = set(kept)
    for name in graph.nodes:
        if name in kept:
            continue
        wanted = "/".join(again.get(part, part) for part in _uncalled(name)) or name
        names[name] = unused(wanted, taken)
        taken.add(names[name])
    return Graph({names.get(name, name): _renamed(node, names) for name, node in graph.nodes.items()})


def _uncalled(name: str) -> list[str]:
    *path, leaf = name.split("/")
    return [*(part for part in path if not CALL.match(part)), leaf]


def _again(graph: Graph, kept: Collection[str]) -> dict[str, str]:
    """Return the scopes that were traced again, `conv1_1`, with the scopes of their variables, `conv1`.

    Only where every scope that reads variables is: the number belongs to the tracing then, not to the layers.
    """
    found: dict[str, str] = {}
    for name, node in graph.nodes.items():
        held = graph.nodes.get(node_of(node.inputs[0])) if node.inputs else None
        if name in kept or node.op != "ReadVariableOp" or held is None or held.op not in VARIABLES:
            continue
        path, own = _uncalled(name)[:-1], held.name.split("/")[:-1]
        at = next((at for at in range(len(path)) if own and path[at : at + len(own)] == [f"{p}_1" for p in own]), None)
        if own and at is None and path and not CALL.match(path[0]):
            shared = [part for part in path if part in own]
            if shared:
                return {}
        if at is not None:
            found |= zip(path[at : at + len(own)], own, strict=True)
    if not found:
        return {}
    parts = Counter(part for name in graph.nodes if name not in kept for part in _uncalled(name)[:-1])
    tops = {_uncalled(name)[0] for name in graph.nodes if name not in kept and len(_uncalled(name)) > 2}
    layers = {_uncalled(name)[1] for name in graph.nodes if name not in kept and len(_uncalled(name)) > 2}
    retraced = {part: part[:-2] for part in (tops | layers) & set(parts) if part.endswith("_1")}
    return retraced | found


def _renamed(node: Node, names: dict[str, str]) -> Node:
    inputs = tuple(f"{names.get(node_of(tensor), node_of(tensor))}:{index_of(tensor)}" for tensor in node.inputs)
    controls = tuple(names.get(name, name) for name in node.controls)
    return replace(node, name=names.get(node.name, node.name), inputs=inputs, controls=controls)


def root(names: Collection[str]) -> str:
    """Return the scope that is around all layers, such as the name of a `Sequential`; empty where there is none.

    >>> root(["sequential/conv1/Relu", "sequential/outputs/MatMul"]), root(["conv1/Relu", "outputs/MatMul"])
    ('sequential', '')
    """
    tops = {name.split("/")[0] for name in names if name.count("/") > 1}
    return next(iter(tops)) if len(tops) == 1 else ""
