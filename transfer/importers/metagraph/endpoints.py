"""Find a graph's output: as named, by signature, by collection, or by where the loss begins. Pure.

The loss is the first thing that needs labels. So the tensors that depend on variables and on the input but on no
labels, and that are read by something that depends on labels, are the edge between net and loss; the last tensor
that all of them depend on is the net's output. `tf.argmax`, `Log` and the like, which a loss or a metric puts on
top, are taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from registry.errors import ZooError
from transfer.importers.metagraph.fold import PLACEHOLDER, is_array
from transfer.importers.metagraph.graph import VARIABLES, Graph, Node, canonical, node_of
from transfer.importers.metagraph.placeholders import described, holds_more, starts

TRAINING = re.compile(r"(^|/)(gradients|save|report_uninitialized_variables|Regularizer|L2Loss|l2_loss|AssignMovingAvg)"
                      r"(_\d+)?(/|$)")  # fmt: skip
LOSS = re.compile(r"(^|/)([a-z_]*loss|metrics?|accuracy|xentropy|[A-Za-z_]*[cC]ross_?[eE]ntropy\w*)(_\d+)?/")
TRAINING_OPS = re.compile(r"^((Resource)?(Sparse)?Apply|Assign|ScalarSummary|HistogramSummary|Save|"
                          r"Restore|L2Loss|\w*Summary$|Is\w*Initialized|VarIs)")  # fmt: skip
SIZED = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})

# What a loss or a metric does to a net's output before labels come in.
ON_TOP = frozenset(
    {"Log", "Log1p", "LogSoftmax", "ClipByValue", "ArgMax", "ArgMin", "TopKV2", "TopK", "Cast", "Neg", "Exp",
     "Select", "SelectV2", "Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "Round", "Maximum",
     "Minimum", "Sub", "Add", "AddV2", "Mul", "Shape", "StridedSlice", "Pack", "Reshape", "Slice", "Identity",
     "ZerosLike", "Abs", "Softplus", "StopGradient"}
)  # fmt: skip
NEVER_LAST = frozenset({"Log", "ClipByValue", "ArgMax", "TopKV2", "LogSoftmax", "Cast", "Round"})
LAST = frozenset({"Softmax", "Sigmoid", "Tanh", "Relu", "Elu", "Identity", "Squeeze", "Reshape", "LogSoftmax"})
HINTED = re.compile(r"(^|_)(outputs?|logits|predictions?|probabilities|probs|scores)$")


@dataclass(frozen=True)
class Net:
    """What each node of a graph depends on.

    Attributes:
        graph: the original graph, functions written out.
        source: the input, where it is known.
        shut: the nodes that functions hold: nobody can name them.
    """

    graph: Graph
    source: str | None = None
    shut: frozenset[str] = frozenset()

    @cached_property
    def order(self) -> list[str]:
        """All nodes that do not train, each after those that it reads."""
        graph = self.graph
        names = graph.ordered([node.output for node in graph.nodes.values() if not trains(node)])
        return [name for name in names if not trains(graph.nodes[name])]

    @cached_property
    def arrays(self) -> dict[str, frozenset[str]]:
        """For each node the inputs and labels on which its values depend: placeholders of more than one number."""
        start = node_of(self.source) if self.source else None
        found: dict[str, frozenset[str]] = {}
        for name in self.order:
            node = self.graph.nodes[name]
            above = frozenset[str]().union(*(found.get(node_of(tensor), ()) for tensor in node.inputs))
            begins = name == start or (node.op in PLACEHOLDER and holds_more(node))
            found[name] = frozenset({name}) if begins else frozenset() if node.op in SIZED else above
        return found

    @cached_property
    def weighted(self) -> frozenset[str]:
        """The nodes that depend on a variable."""
        found: set[str] = set()
        for name in self.order:
            node = self.graph.nodes[name]
            if node.op in VARIABLES or any(node_of(tensor) in found for tensor in node.inputs):
                found.add(name)
        return frozenset(found)

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """The nodes that read any of each node's tensors."""
        found: dict[str, list[str]] = {}
        for tensor, names in self.graph.readers.items():
            found.setdefault(node_of(tensor), []).extend(names)
        return found


def find_output(
    graph: Graph,
    source: str | None,
    signatures: Sequence[str],
    collections: Mapping[str, tuple[str, ...]],
    shut: frozenset[str] = frozenset(),
) -> str:
    """Return the output of the net in a graph.

    Args:
        graph: the original graph, functions written out.
        source: the input, where it is known.
        signatures: the outputs that signatures name.
        collections: names by collection.
        shut: the nodes that functions hold: nobody can name them.

    Raises:
        ZooError: there is none, or there are several; the message lists them.
    """
    hinted = [*dict.fromkeys(signatures)] or [*dict.fromkeys(_hinted(graph, collections))]
    if len(hinted) == 1:
        return hinted[0]
    net = Net(graph, source, shut)
    forward = [name for name in net.order if is_forward(net, name)]
    if not forward:
        raise _no_net(graph)
    edge = _edge(net, forward)
    return _below_loss(net, edge, set(forward)) if edge else _last(net, forward)


def _no_net(graph: Graph) -> ZooError:
    found = starts(graph)
    cast = [n.name for n in graph.nodes.values() if n.op == "Cast" and node_of(n.inputs[0]) in {p.name for p in found}]
    return ZooError(
        "cannot tell which tensor is the output: none depends on variables and on exactly one float32 array; "
        f"the placeholders are {', '.join(map(described, found)) or 'none'}",
        f"name the float32 tensor to start from, or an output: --input {cast[0] if cast else 'TENSOR'} --output TENSOR",
    )


def _hinted(graph: Graph, collections: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    for key, names in collections.items():
        if HINTED.search(key):
            yield from (tensor for name in names if (tensor := canonical(name)) in graph)


def trains(node: Node) -> bool:
    """Tell whether a node belongs to training: no net reads it."""
    return bool(TRAINING.search(node.name) or TRAINING_OPS.match(node.op))


def is_forward(net: Net, name: str) -> bool:
    """Tell whether a node belongs to the net: it depends on variables and on one float32 input."""
    if name not in net.weighted or net.graph.nodes[name].op in SIZED or len(net.arrays[name]) != 1:
        return False
    (start,) = net.arrays[name]
    return start == node_of(net.source) if net.source else is_array(net.graph.nodes[start])


def _edge(net: Net, forward: list[str]) -> list[str]:
    """Return the nodes of the net that something with labels reads."""
    inside, found = set(forward), dict[str, None]()
    for name in net.order:
        if len(net.arrays[name]) > 1 and name not in inside:
            found |= dict.fromkeys(node_of(t) for t in net.graph.nodes[name].inputs if node_of(t) in inside)
    return list(found)


def _below_loss(net: Net, edge: list[str], inside: set[str]) -> str:
    """Return the last node on which the whole edge depends, below what belongs to the loss."""
    above = [net.graph.ordered([f"{name}:0"]) for name in edge]
    shared = set(above[0]).intersection(*above[1:]) & inside
    common = (name for name in reversed(above[0]) if name in shared and all(_passes(net, e, name) for e in edge))
    name = next((name for name in common if name not in net.shut), "")
    if not name or any(_weighs(net, end, name) for end in edge):
        raise _ambiguous(net, edge)
    while net.graph.nodes[name].op in ON_TOP and (lower := _on_top_of(net, name, inside)):
        name = lower
    return f"{name}:0"


def _passes(net: Net, end: str, name: str) -> bool:
    """Tell whether all that `end` has from the input comes through `name`."""
    order = net.graph.ordered([f"{end}:0"], stop=[f"{name}:0"])
    return end == name or not any(other in net.arrays.get(other, ()) for other in order)


def _weighs(net: Net, end: str, name: str) -> bool:
    """Tell whether a layer lies between `name` and `end`: the net has several heads, and `name` is below them."""
    order = net.graph.ordered([f"{end}:0"], stop=[f"{name}:0"])
    return end != name and any(net.graph.nodes[other].op in VARIABLES for other in order)


def _on_top_of(net: Net, name: str, inside: set[str]) -> str | None:
    """Return the node below one that belongs to a loss or a metric; None where it is part of the net."""
    node = net.graph.nodes[name]
    lower = [node_of(tensor) for tensor in node.inputs if node_of(tensor) in inside]
    belongs = LOSS.search(node.name) or node.op in NEVER_LAST
    clipped = node.op in {"Maximum", "Minimum", "Add", "AddV2", "Sub"} and _reads_constant(net, node)
    return lower[0] if len(set(lower)) == 1 and lower[0] not in net.shut and (belongs or clipped) else None


def _reads_constant(net: Net, node: Node) -> bool:
    return any(net.graph.maker(tensor).op == "Const" for tensor in node.inputs)


def _last(net: Net, forward: list[str]) -> str:
    """Return the last layer of a net without a loss: the one on which no other layer depends."""
    inside = set(forward)
    layers = [name for name in forward if _reads_variable(net, name)]
    lower = {above for name in layers for above in net.graph.ordered([f"{name}:0"]) if above != name}
    ends = [*dict.fromkeys(end for name in layers if name not in lower and (end := _open(net, name, inside)))]
    if len(ends) != 1:
        raise _ambiguous(net, ends)
    name = ends[0]
    while True:
        readers = [r for r in net.graph.readers.get(f"{name}:0", ()) if r in inside and not LOSS.search(r)]
        if len(readers) != 1 or net.graph.nodes[readers[0]].op not in LAST:
            return f"{name}:0"
        name = readers[0]


def _reads_variable(net: Net, name: str) -> bool:
    """Tell whether a node reads the input and, beside it, something that depends on variables alone."""
    inputs = [node_of(tensor) for tensor in net.graph.nodes[name].inputs]
    return any(net.arrays.get(i) == frozenset() and i in net.weighted for i in inputs)


def _open(net: Net, name: str, inside: set[str]) -> str | None:
    """Return a node that can be named, or the first above it; None where only variables take what the node makes."""
    if _is_kept(net, name):
        return None
    while name in net.shut:
        readers = [reader for reader in net.readers.get(name, ()) if reader in inside]
        if not readers:
            return None
        name = readers[0]
    return name


def _is_kept(net: Net, name: str) -> bool:
    """Tell whether all that is made of a node goes into variables: it moves an average."""
    above, waiting = set[str](), [name]
    while waiting:
        node = net.graph.nodes[waiting.pop()]
        if node.name in above or node.op.startswith("Assign"):
            continue
        if not net.readers.get(node.name):
            return False
        above.add(node.name)
        waiting += net.readers[node.name]
    return True


def _ambiguous(net: Net, ends: Sequence[str]) -> ZooError:
    candidates = sorted(set(ends) - net.shut)
    shown = ", ".join(candidates[:12]) or "none"
    first = candidates[0] if candidates else "TENSOR"
    return ZooError(f"cannot tell which tensor is the output; candidates: {shown}", f"name it: --output {first}")
