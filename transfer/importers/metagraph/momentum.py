"""The momentum of a moving average, from the operation that moves it."""

from __future__ import annotations

from transfer.importers.metagraph.constants import scalar
from transfer.importers.metagraph.fold import fold
from transfer.importers.metagraph.graph import Graph, Node
from transfer.importers.metagraph.variables import variable_of

MOVES = frozenset({"AssignSub", "AssignSubVariableOp"})
SETS = frozenset({"Assign", "AssignVariableOp"})


def momentum(graph: Graph, variable: str) -> float | None:
    """Return the share that a moving average keeps at each step in training; None where the graph does not say.

    `tf.layers` wrote `moving -= (moving - batch) * (1 - momentum)` (tensorflow/python/training/moving_averages.py);
    by hand it was `moving = moving * momentum + batch * (1 - momentum)`.

    Args:
        graph: the original graph.
        variable: the moving average's name.
    """
    for node in graph.nodes.values():
        if node.op in MOVES | SETS and variable_of(graph, node.inputs[0]) == variable:
            found = _by_move(graph, node) if node.op in MOVES else _by_set(graph, node, variable)
            if found is not None and 0 <= found <= 1:
                return round(found, 6)
    return None


def _by_move(graph: Graph, node: Node) -> float | None:
    """Read the rate of `moving -= difference * rate`."""
    trained = fold(graph, node.inputs[1:2], training=True)
    product = trained.graph.maker(trained.outputs[0])
    rates = [scalar(trained.graph, tensor) for tensor in product.inputs] if product.op == "Mul" else []
    return next((1 - rate for rate in rates if rate is not None), None)


def _by_set(graph: Graph, node: Node, variable: str) -> float | None:
    """Read the factor of the variable itself in `moving = moving * momentum + …`."""
    trained = fold(graph, node.inputs[1:2], training=True)
    total = trained.graph.maker(trained.outputs[0])
    for term in (trained.graph.maker(tensor) for tensor in total.inputs if total.op in {"Add", "AddV2"}):
        if term.op == "Mul" and f"{variable}:0" in term.inputs:
            factors = [scalar(trained.graph, tensor) for tensor in term.inputs]
            return next((factor for factor in factors if factor is not None), None)
    return None
