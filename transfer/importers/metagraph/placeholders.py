"""What a graph is fed: inputs, labels, switches and rates. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow import as_dtype

from registry.errors import ZooError
from transfer.importers.metagraph.fold import PLACEHOLDER, is_array
from transfer.importers.metagraph.graph import BOOL, FLOAT, Graph, Node


def starts(graph: Graph) -> list[Node]:
    """Return the placeholders that may hold more than one number: what the net starts from, and labels."""
    return [node for node in graph.nodes.values() if node.op in PLACEHOLDER and (holds_more(node) or is_array(node))]


def holds_more(node: Node) -> bool:
    """Tell whether a placeholder may hold more than one number: it is an input or labels, no switch or rate."""
    return bool(node.shape()) or (node.shape() is None and node.type("dtype") != FLOAT and node.type("dtype") != BOOL)


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
