"""What may follow a kernel: a bias, then an activation, each read by nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.view import View, Weight

ADDED = frozenset({"Add", "AddV2"})

ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Exp": "exponential",
}


@dataclass(frozen=True)
class Followed:
    """A kernel's operation with what follows it.

    Attributes:
        output: the last tensor.
        nodes: all operations, the kernel's first.
        bias: the bias, if there is one.
        activation: the Keras name of the activation; `linear` where there is none.
    """

    output: str
    nodes: tuple[str, ...]
    bias: Weight | None = None
    activation: str = "linear"

    @property
    def weights(self) -> tuple[Weight, ...]:
        """The bias, as a tuple."""
        return (self.bias,) if self.bias else ()


def follow(view: View, nodes: tuple[str, ...], output: str, units: int) -> Followed:
    """Return what follows a kernel's operation.

    Args:
        view: the graph.
        nodes: the operation, and any that belong to it.
        output: its tensor.
        units: how many channels it has.
    """
    bias: Weight | None = None
    reader = view.next(output)
    if reader is not None and (bias := bias_of(view, reader, output, units)):
        nodes, output = (*nodes, reader.name), reader.output
        reader = view.next(output)
    if reader is not None and reader.op in ACTIVATIONS and reader.inputs[0] == output:
        return Followed(reader.output, (*nodes, reader.name), bias, ACTIVATIONS[reader.op])
    return Followed(output, nodes, bias)


def bias_of(view: View, node: Node, tensor: str, units: int) -> Weight | None:
    """Return the bias that a node adds to a tensor's channels."""
    if node.op == "BiasAdd" and node.text("data_format", "NHWC") == "NHWC" and node.inputs[0] == tensor:
        return view.weight(node.inputs[1], (units,))
    if node.op not in ADDED or tensor not in node.inputs:
        return None
    other = node.inputs[1 - node.inputs.index(tensor)]
    shape = view.shape(other)
    along = bool(shape) and shape is not None and shape[-1] == units and all(size == 1 for size in shape[:-1])
    fits = along and shape is not None and len(shape) <= (view.rank(tensor) or 0)
    return view.weight(other, (units,)) if fits else None
