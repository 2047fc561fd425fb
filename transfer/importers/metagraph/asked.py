"""The tensors that somebody names by `--input` and `--output`. Pure."""

from __future__ import annotations

from difflib import get_close_matches

from registry.errors import ZooError, near
from transfer.importers.metagraph.endpoints import Net, is_forward, trains
from transfer.importers.metagraph.graph import VARIABLES, Graph, canonical, index_of, node_of
from transfer.importers.metagraph.placeholders import described, starts
from transfer.importers.metagraph.wellformed import outputs

HELD = VARIABLES | {"Const", "Assign", "NoOp"}


def named(graph: Graph, text: str, what: str) -> str:
    """Return a tensor's full name.

    Raises:
        ZooError: the graph has no such tensor; the hint lists near names, else what there is to begin or end at.
    """
    tensor = canonical(text)
    if tensor not in graph or index_of(tensor) >= outputs(graph.maker(tensor)):
        raise ZooError(f"the graph has no tensor {text!r} for --{what}", _hint(graph, node_of(tensor), what))
    return tensor


def all_named(graph: Graph, texts: str, what: str) -> tuple[str, ...]:
    """Return the full names of tensors, separated by commas, each once.

    Raises:
        ZooError: the graph lacks one; the hint lists near names.
    """
    return tuple(dict.fromkeys(named(graph, text.strip(), what) for text in texts.split(",")))


def _hint(graph: Graph, word: str, what: str) -> str:
    names = [name for name, node in graph.nodes.items() if node.op not in HELD and not trains(node)]
    heads = ", ".join(sorted(map(described, starts(graph))))
    if get_close_matches(word, names, cutoff=0.5):
        return near(word, names)
    if what == "input" and heads:
        return f"the placeholders are {heads}; any tensor with the batch as its first axis will do"
    net = Net(graph)
    return near(word, [name for name in net.order if is_forward(net, name)] or names)
