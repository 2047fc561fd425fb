"""How the model takes an input: which axis counts the samples, and whether channels come last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transfer.importers.onnx.graph import Node

CHANNELS = frozenset(
    """Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization LRN
    InstanceNormalization GroupNormalization Resize Upsample DepthToSpace SpaceToDepth""".split()  # noqa: SIM905
)
RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
THROUGH = frozenset(
    """Add Sub Mul Div Pow Relu LeakyRelu PRelu Elu Sigmoid Tanh Clip Identity Cast Pad Sqrt Abs Exp Dropout Neg
    Softplus HardSwish HardSigmoid""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Declared:
    """An input as the file declares it.

    Attributes:
        name: the tensor.
        shape: a number for a fixed size, a name for an open one, None for one that nobody names.
        dtype: the number of its type (`TensorProto.DataType`).
    """

    name: str
    shape: tuple[int | str | None, ...]
    dtype: int


def order_of(declared: Declared, nodes: Sequence[Node], batch: int | str | None, first: bool) -> tuple[int, ...]:
    """Return which of the original's axes each axis of the model's input holds.

    Args:
        declared: the input.
        nodes: of the graph, in order.
        batch: the size or name of the first input's axis of samples.
        first: whether it is that input.
    """
    rank = len(declared.shape)
    readers = _readers(declared.name, nodes)
    if rank == 3 and any(node.op in RECURRENT and not node.attributes.get("layout") for node in readers):
        return (1, 0, 2)
    axis = 0 if first else samples(declared, batch)
    if axis == 0 and rank in (3, 4, 5) and any(node.op in CHANNELS for node in readers):
        return (0, *range(2, rank), 1)
    return (axis, *(other for other in range(rank) if other != axis))


def samples(declared: Declared, batch: int | str | None) -> int:
    """Return the axis of another input that counts the samples.

    The one of the same size or name as the first input's; else the first that is open; else the first.
    """
    if batch is not None and batch in declared.shape:
        return declared.shape.index(batch)
    return next((axis for axis, size in enumerate(declared.shape) if not isinstance(size, int)), 0)


def _readers(name: str, nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes that read a tensor, or what came of it without any change to its axes."""
    names: set[str] = {name}
    found = []
    for node in nodes:
        if names.isdisjoint(node.inputs):
            continue
        if node.op in THROUGH:
            names.update(node.outputs)
        else:
            found.append(node)
    return found
