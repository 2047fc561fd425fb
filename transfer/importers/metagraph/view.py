"""What the patterns see: a folded graph, what each node depends on, and every shape. Pure, over `Graph`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from transfer.importers.metagraph.constants import Array, evaluate, scalar, whole
from transfer.importers.metagraph.dropout import Dropout
from transfer.importers.metagraph.graph import FLOAT, Graph, Node

Shape = tuple[int | None, ...] | None
Setting = int | float | str | bool | tuple[int, ...] | tuple[tuple[int, ...], ...] | None

SIZES = frozenset({"Shape", "ShapeN", "Size", "Rank"})

# What changes only the layout of a variable: training the result is training the variable.
LAYOUT = frozenset({"Reshape", "ExpandDims", "Squeeze", "Transpose", "ConcatV2"})


@dataclass(frozen=True)
class Weight:
    """An array of a layer, and the variables that hold its numbers.

    Attributes:
        tensor: the tensor of the graph.
        sources: the variables.
        shape: its shape in the layer.
        transposed: whether the layer holds the transposed matrix.
        trainable: False for moving statistics.
    """

    tensor: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    transposed: bool = False
    trainable: bool = True


@dataclass(frozen=True)
class Piece:
    """A part of the graph that becomes one layer.

    Attributes:
        type: the Keras class, or `GraphLayer`.
        inputs: the tensors that it reads.
        outputs: the tensors that it makes, or stands for.
        nodes: the operations that it replaces; the first one names it.
        config: what its constructor is given.
        weights: its arrays, in Keras's order.
        leaf: what its name ends in, where it has no variables and is named after an operation of another's scope.
    """

    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[str, ...]
    config: Mapping[str, Setting] = field(default_factory=dict)
    weights: tuple[Weight, ...] = ()
    leaf: str = ""


Pieces = tuple[Piece, ...]


@dataclass(frozen=True)
class View:
    """A folded graph, ready to be matched.

    Attributes:
        graph: the nodes.
        inputs: the input tensors.
        outputs: the output tensors.
        shapes: the shape of each tensor.
        dtypes: the type of each tensor, as in types.proto.
        dropouts: the nodes that stand for dropouts.
        momentum: finds the momentum of a moving statistic by its variable; None where the graph does not say.
    """

    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Shape]
    dtypes: Mapping[str, int]
    dropouts: Mapping[str, Dropout]
    momentum: Callable[[str], float | None]

    @cached_property
    def order(self) -> list[str]:
        """All nodes, each after those that it reads."""
        return self.graph.ordered(self.outputs)

    @cached_property
    def data(self) -> frozenset[str]:
        """The nodes whose values depend on the input, not only on its shape."""
        found = {self.graph.maker(tensor).name for tensor in self.inputs}
        for name in self.order:
            node = self.graph.nodes[name]
            if node.op not in SIZES and any(self.graph.maker(tensor).name in found for tensor in node.inputs):
                found.add(name)
        return frozenset(found)

    @cached_property
    def sized(self) -> frozenset[str]:
        """The nodes whose values depend on the input's shape alone."""
        found: set[str] = set()
        for name in self.order:
            node = self.graph.nodes[name]
            above = {self.graph.maker(tensor).name for tensor in node.inputs}
            if name not in self.data and (above & found or (node.op in SIZES and above & self.data)):
                found.add(name)
        return frozenset(found)

    def is_data(self, tensor: str) -> bool:
        """Tell whether a tensor's values depend on the input's."""
        return self.graph.maker(tensor).name in self.data

    def shape(self, tensor: str) -> Shape:
        """A tensor's shape; None where its rank is unknown."""
        return self.shapes.get(tensor)

    def rank(self, tensor: str) -> int | None:
        """How many axes a tensor has; None where that is unknown."""
        shape = self.shape(tensor)
        return None if shape is None else len(shape)

    def sample(self, tensor: str) -> tuple[int, ...] | None:
        """A tensor's shape without the batch, where all its sizes are known."""
        shape = self.shape(tensor)
        if not shape or None in shape[1:]:
            return None
        return tuple(size for size in shape[1:] if size is not None)

    def next(self, tensor: str) -> Node | None:
        """Return the one node that reads a tensor; None where there are several, or where it is an output."""
        return None if tensor in self.outputs else self.graph.only_reader(tensor)

    def whole(self, tensor: str) -> tuple[int, ...] | None:
        """A constant list of whole numbers."""
        return None if self.is_data(tensor) else whole(self.graph, tensor)

    def scalar(self, tensor: str) -> float | None:
        """A constant number."""
        return None if self.is_data(tensor) else scalar(self.graph, tensor)

    def constant(self, tensor: str) -> Array | None:
        """A constant array."""
        return None if self.is_data(tensor) else evaluate(self.graph, tensor)

    def weight(self, tensor: str, shape: tuple[int, ...] | None = None, trainable: bool = True) -> Weight | None:
        """Return the weight that a tensor is; None where it is more than a variable in another layout.

        Args:
            tensor: the tensor.
            shape: the shape wanted, of the same size; None takes the tensor's own.
            trainable: False for moving statistics.
        """
        sources = self._sources(tensor)
        own = self.shape(tensor)
        if not sources or own is None or None in own:
            return None
        known = tuple(size for size in own if size is not None)
        if shape is not None and math.prod(shape) != math.prod(known):
            return None
        return Weight(tensor, sources, known if shape is None else shape, trainable=trainable)

    def _sources(self, tensor: str) -> tuple[str, ...]:
        """The float32 variables that a tensor lays out anew; empty where it does something else with them."""
        node = self.graph.maker(tensor)
        if node.op == "Variable":
            return (node.name,) if node.type("dtype") == FLOAT else ()
        if node.op not in LAYOUT or self.is_data(tensor):
            return ()
        arrays = node.inputs[:-1] if node.op == "ConcatV2" else node.inputs[:1]
        found = [self._sources(array) for array in arrays]
        return tuple(name for names in found for name in names) if all(found) else ()
