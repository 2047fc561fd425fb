"""Between which tensors a graph is imported, and the graph of inference between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tensorflow import as_dtype

from registry.errors import ZooError
from transfer.importers.metagraph.export import Shape, original_def, placeholder
from transfer.importers.metagraph.fold import PLACEHOLDER, Folded, fold
from transfer.importers.metagraph.frontier import NUMBERS, instead
from transfer.importers.metagraph.graph import Graph, Node, node_of
from transfer.importers.metagraph.safety import check
from transfer.importers.metagraph.shapes import inner


@dataclass(frozen=True)
class Start:
    """An input of the model.

    Attributes:
        tensor: as the graph names it.
        shape: as the graph has it, with the batch.
        dtype: what it holds, as in types.proto.
        label: the name of the model's input.
    """

    tensor: str
    shape: Shape
    dtype: int
    label: str


@dataclass(frozen=True)
class Ends:
    """Between which tensors a graph is imported.

    Attributes:
        inputs: the inputs.
        outputs: the outputs, as the original graph names them.
        folded: the graph of inference between them.
    """

    inputs: tuple[Start, ...]
    outputs: tuple[str, ...]
    folded: Folded

    @property
    def tensors(self) -> list[str]:
        """All of them, as the original graph names them."""
        return [*(start.tensor for start in self.inputs), *self.outputs]


def left(folded: Folded) -> list[Node]:
    """Return the placeholders that a folded graph still reads."""
    return [node for node in folded.graph.nodes.values() if node.op in PLACEHOLDER]


def between(graph: Graph, starts: Sequence[Start], outputs: Sequence[str], folded: Folded | None = None) -> Ends:
    """Return the ends of an import, checked: what lies between them may run, and reads nothing else.

    Args:
        graph: the original graph, functions written out.
        starts: the inputs; those that no output needs are left out.
        outputs: the outputs.
        folded: the graph between them, where it is known.

    Raises:
        ZooError: an output is an input or depends on none, or an operation between them may not run.
    """
    folded = folded or fold(graph, outputs, [start.tensor for start in starts])
    used = tuple(start for start in starts if node_of(start.tensor) in folded.graph.nodes)
    for output, end in zip(outputs, folded.outputs, strict=True):
        if end in {start.tensor for start in starts}:
            raise ZooError(f"the output is the input: {end}", "name another: --output TENSOR")
        if not used:
            names = ", ".join(start.tensor for start in starts)
            raise ZooError(
                f"the output {output} does not depend on the input {names}", "name others: --input, --output"
            )
    try:
        check(node for node in folded.graph.nodes.values() if node.op != "Variable")
    except ZooError as error:
        raise instead(error, folded) from error
    return Ends(used, tuple(outputs), _typed(folded, used))


def _typed(folded: Folded, starts: Sequence[Start]) -> Folded:
    """Return the folded graph with placeholders that say what the inputs hold."""
    heads = {node_of(s.tensor): placeholder(node_of(s.tensor), s.shape, s.dtype) for s in starts}
    return replace(folded, graph=Graph(folded.graph.nodes | heads))


def start_of(graph_def: Any, graph: Graph, tensor: str, label: str = "") -> Start:
    """Return a tensor as an input of the model.

    Args:
        graph_def: the original graph.
        graph: its nodes, functions written out.
        tensor: the tensor.
        label: the name of the model's input; that of its operation where empty.

    Raises:
        ZooError: it holds no arrays of numbers of known rank; the message says what it holds.
    """
    node = graph.maker(tensor)
    shape, dtype = node.shape(), node.type("dtype")
    if node.op not in PLACEHOLDER:
        shape, dtype = inner(original_def(graph_def, graph, [tensor]), tensor)
    return check_start(Start(tensor, shape, dtype, label or node.name))


def check_start(start: Start) -> Start:
    """Refuse an input that holds no arrays of numbers of known rank, one for each sample.

    Raises:
        ZooError: it does not; the message says what it holds.
    """
    if start.dtype in NUMBERS and start.shape:
        return start
    kind = as_dtype(start.dtype).name if start.dtype else "unknown type"
    shape = "unknown rank" if start.shape is None else list(start.shape)
    raise ZooError(
        f"the input {start.tensor.removesuffix(':0')} ({kind}, {shape}) cannot be imported: expected an array of "
        "float32, int32 or int64 of known rank",
        "name the tensor of numbers that is made from it: --input TENSOR",
    )
