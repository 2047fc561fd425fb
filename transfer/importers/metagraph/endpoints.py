"""Find a graph's input and output: as named, by signature, by collection, or by where the loss begins. Pure.

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

from tensorflow import as_dtype

from registry.errors import ZooError, near
from transfer.importers.metagraph.fold import PLACEHOLDER, is_array
from transfer.importers.metagraph.graph import FLOAT, VARIABLES, Graph, Node, canonical, index_of, node_of
from transfer.importers.metagraph.wellformed import outputs

TRAINING = re.compile(r"(^|/)(gradients|save|report_uninitialized_variables|Regularizer|L2Loss|l2_loss)(_\d+)?(/|$)")
LOSS = re.compile(r"(^|/)([a-z_]*loss|metrics?|accuracy|xentropy|[A-Za-z_]*[cC]ross_?[eE]ntropy\w*)(_\d+)?/")
TRAINING_OPS = re.compile(r"^(Apply|ResourceApply|Sparse|ResourceSparse|Assign|ScalarSummary|HistogramSummary|Save|"
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
        graph: the original graph.
        source: the input, where it is known.
    """

    graph: Graph
    source: str | None = None

    @cached_property
    def order(self) -> list[str]:
        """All nodes that do not train, each after those that it reads."""
        graph = self.graph
        names = graph.ordered([node.output for node in graph.nodes.values() if not _trains(node)])
        return [name for name in names if not _trains(graph.nodes[name])]

    @cached_property
    def arrays(self) -> dict[str, frozenset[str]]:
        """For each node the inputs and labels on which its values depend: placeholders of more than one number."""
        start = node_of(self.source) if self.source else None
        found: dict[str, frozenset[str]] = {}
        for name in self.order:
            node = self.graph.nodes[name]
            above = frozenset[str]().union(*(found.get(node_of(tensor), ()) for tensor in node.inputs))
            begins = name == start or (node.op in PLACEHOLDER and _holds_more(node))
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


def named(graph: Graph, text: str, what: str) -> str:
    """Return a tensor's full name.

    Raises:
        ZooError: the graph has no such tensor; the hint lists near names.
    """
    tensor = canonical(text)
    if tensor not in graph or index_of(tensor) >= outputs(graph.maker(tensor)):
        raise ZooError(
            f"the graph has no tensor {text!r} for --{what}",
            near(node_of(tensor), _nameable(graph)),
        )
    return tensor


def all_named(graph: Graph, texts: str, what: str) -> tuple[str, ...]:
    """Return the full names of tensors, separated by commas, each once.

    Raises:
        ZooError: the graph lacks one; the hint lists near names.
    """
    return tuple(dict.fromkeys(named(graph, text.strip(), what) for text in texts.split(",")))


def _nameable(graph: Graph) -> list[str]:
    held = VARIABLES | {"Const", "Assign", "NoOp"}
    return [name for name, node in graph.nodes.items() if node.op not in held and not _trains(node)]


def find_output(
    graph: Graph, source: str | None, signatures: Sequence[str], collections: Mapping[str, tuple[str, ...]]
) -> str:
    """Return the output of the net in a graph.

    Args:
        graph: the original graph.
        source: the input, where it is known.
        signatures: the outputs that signatures name.
        collections: names by collection.

    Raises:
        ZooError: there is none, or there are several; the message lists them.
    """
    hinted = [*dict.fromkeys(signatures)] or [*dict.fromkeys(_hinted(graph, collections))]
    if len(hinted) == 1:
        return hinted[0]
    net = Net(graph, source)
    forward = [name for name in net.order if _is_forward(net, name)]
    if not forward:
        raise _no_net(graph)
    edge = _edge(net, forward)
    return _below_loss(net, edge, set(forward)) if edge else _last(net, forward)


def _no_net(graph: Graph) -> ZooError:
    found = [node for node in graph.nodes.values() if node.op in PLACEHOLDER and (_holds_more(node) or is_array(node))]
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


def _trains(node: Node) -> bool:
    return bool(TRAINING.search(node.name) or TRAINING_OPS.match(node.op))


def _holds_more(node: Node) -> bool:
    """Tell whether a placeholder may hold more than one number: it is an input or labels, no switch or rate."""
    return bool(node.shape()) or (node.shape() is None and node.type("dtype") != FLOAT and node.type("dtype") != 10)


def _is_forward(net: Net, name: str) -> bool:
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
    name = next(common, "")
    if not name:
        raise _ambiguous(edge)
    while net.graph.nodes[name].op in ON_TOP and (lower := _on_top_of(net, name, inside)):
        name = lower
    return f"{name}:0"


def _passes(net: Net, end: str, name: str) -> bool:
    """Tell whether all that `end` has from the input comes through `name`."""
    order = net.graph.ordered([f"{end}:0"], stop=[f"{name}:0"])
    return end == name or not any(other in net.arrays.get(other, ()) for other in order)


def _on_top_of(net: Net, name: str, inside: set[str]) -> str | None:
    """Return the node below one that belongs to a loss or a metric; None where it is part of the net."""
    node = net.graph.nodes[name]
    lower = [node_of(tensor) for tensor in node.inputs if node_of(tensor) in inside]
    belongs = LOSS.search(node.name) or node.op in NEVER_LAST
    clipped = node.op in {"Maximum", "Minimum", "Add", "AddV2", "Sub"} and _reads_constant(net, node)
    return lower[0] if len(set(lower)) == 1 and (belongs or clipped) else None


def _reads_constant(net: Net, node: Node) -> bool:
    return any(net.graph.maker(tensor).op == "Const" for tensor in node.inputs)


def _last(net: Net, forward: list[str]) -> str:
    """Return the last layer of a net without a loss: the one on which no other layer depends."""
    inside = set(forward)
    layers = [name for name in forward if _reads_variable(net, name)]
    lower = {above for name in layers for above in net.graph.ordered([f"{name}:0"]) if above != name}
    ends = [name for name in layers if name not in lower]
    if len(ends) != 1:
        raise _ambiguous(ends)
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


def _ambiguous(candidates: Sequence[str]) -> ZooError:
    shown = ", ".join(sorted(candidates)[:12]) or "none"
    first = sorted(candidates)[0] if candidates else "TENSOR"
    return ZooError(f"cannot tell which tensor is the output; candidates: {shown}", f"name it: --output {first}")


def find_input(found: Sequence[Node], output: str) -> str:
    """Return the one placeholder that the output depends on.

    Args:
        found: the placeholders that are left in the graph of inference.
        output: the output.

    Raises:
        ZooError: there is none, or there are several.
    """
    if not found:
        raise ZooError(
            f"the output {output} depends on no placeholder", "name the tensor to start from: --input TENSOR"
        )
    if len(found) > 1:
        names = ", ".join(sorted(described(node) for node in found))
        raise ZooError(
            f"the output {output} needs {len(found)} inputs: {names}; expected one",
            "name a tensor above which one input is left: --input TENSOR, or a lower output: --output TENSOR",
        )
    return found[0].output


def described(node: Node) -> str:
    """Return a placeholder with its type and shape, for people."""
    dtype = as_dtype(node.type("dtype")).name if node.type("dtype") else "unknown type"
    shape = node.shape()
    return f"{node.name} ({dtype}, {'unknown rank' if shape is None else list(shape)})"
