"""One operator of a `.tflite` graph as it is turned into layers: what it reads, and the words for refusing it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import keras
import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.importers.native import Net, Shape, Tensor
from transfer.importers.tflite.file import Lite, Operator
from transfer.importers.tflite.schema import ACTIVATIONS
from transfer.importers.tflite.values import Size, Sizes, Value

Array = NDArray[Any]
OUTSIDE = re.compile(r"[^A-Za-z0-9_./-]+")
# The last segments that TensorFlow's converter adds to a layer's scope.
ADDED = frozenset({
    "Add", "AvgPool", "BiasAdd", "Conv1D", "Conv2D", "FusedBatchNormV3", "MatMul", "MaxPool", "Mean", "Mul", "Pad",
    "Relu", "Relu6", "Reshape", "Sigmoid", "Softmax", "Tanh", "add", "concat", "conv2d_transpose", "convolution",
    "depthwise",
})  # fmt: skip
KERAS_ACTIVATIONS = {"NONE": None, "RELU": "relu", "RELU6": "relu6", "TANH": "tanh"}


@dataclass
class Build:
    """A graph on its way to a model.

    Attributes:
        lite: the file.
        where: what an error calls it.
        net: the layers so far.
        values: what each tensor is, by index.
        names: the original name of a constant that was computed from another, by index.
        shared: layers that several operators use with the same weights.
        notes: what the user should know.
        numbers: of one sample at all tensors together, so far.
    """

    lite: Lite
    where: str
    net: Net = field(default_factory=Net)
    values: dict[int, Value] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    shared: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    numbers: int = 0

    def name(self, index: int) -> str:
        """Return the original name of a tensor."""
        return self.names.get(index, self.lite.tensors[index].name)


@dataclass(frozen=True)
class Call:
    """An operator and the graph that it belongs to."""

    build: Build
    operator: Operator

    @property
    def scope(self) -> str:
        """The path of its layer: the name of what it makes, the signature's or the file's without additions."""
        index = self.operator.outputs[0]
        name = self.build.lite.names.get(index) or self.build.lite.tensors[index].name
        return scope_of_tensor(name) or self.operator.kind.lower()

    @property
    def declared(self) -> Shape:
        """The shape that the file says it makes."""
        return self.build.lite.tensors[self.operator.outputs[0]].shape

    def refuse(self, why: str) -> NoReturn:
        """Refuse the file for this operator."""
        raise ZooError(f"{self.build.where} cannot be imported: {self.operator.kind} at {self.scope}: {why}")

    def options(self, layout: str | None = None) -> Mapping[str, Any]:
        """Return its options."""
        return self.operator.options(layout)

    def given(self, place: int) -> bool:
        """Tell whether it has an input at a place."""
        return place < len(self.operator.inputs) and self.operator.inputs[place] >= 0

    def value(self, place: int) -> Value:
        """Return an input, whatever it is."""
        if not self.given(place):
            self.refuse(f"it lacks its input {place}")
        return self.build.values[self.operator.inputs[place]]

    def tensor(self, place: int = 0) -> Tensor:
        """Return an input that depends on the samples."""
        value = self.value(place)
        if not isinstance(value, Tensor):
            self.refuse(f"its input {place} is a constant; expected a tensor")
        return value

    def plain(self, place: int = 0) -> Tensor:
        """Return such an input with its axes as the file has them."""
        return self.build.net.plain(self.tensor(place))

    def array(self, place: int) -> Array:
        """Return an input that is constant."""
        value = self.value(place)
        if not isinstance(value, np.ndarray):
            self.refuse(f"its input {place} is computed; expected a constant")
        return value

    def sizes(self, place: int) -> tuple[Size, ...]:
        """Return an input of whole numbers, of which one may be the number of samples."""
        value = self.value(place)
        if isinstance(value, Sizes):
            return value.values
        return tuple(int(number) for number in self.array(place).reshape(-1))

    def source(self, place: int) -> str:
        """Return the original name of an input."""
        return self.build.name(self.operator.inputs[place])

    def layer(self, layer: Any, inputs: Tensor | Sequence[Tensor], **options: Any) -> Tensor:
        """Add a layer; see `Net.layer`."""
        return self.build.net.layer(self.scope, layer, inputs, **options)

    def operation(self, operation: Callable[..., Any], *inputs: Tensor) -> Tensor:
        """Add one of Keras's operations; see `Net.operation`."""
        return self.build.net.operation(self.scope, operation, *inputs)

    def activation(self, code: int) -> str:
        """Return the name of a fused activation."""
        if not 0 <= code < len(ACTIVATIONS):
            self.refuse(f"its fused activation has the number {code}")
        return ACTIVATIONS[code]

    def activated(self, tensor: Tensor, code: int) -> Tensor:
        """Apply a fused activation as a layer of its own."""
        name = self.activation(code)
        if name == "RELU_N1_TO_1":
            return self.operation(lambda x: keras.ops.clip(x, -1.0, 1.0), tensor)
        if name not in KERAS_ACTIVATIONS:
            self.refuse(f"it has the fused activation {name}")
        kind = KERAS_ACTIVATIONS[name]
        return tensor if kind is None else self.layer(keras.layers.Activation(kind), tensor)


def scope_of_tensor(name: str) -> str:
    """Return the path that a tensor's name gives to the layer that makes it.

    >>> scope_of_tensor("net/conv1/Relu;net/conv1/BiasAdd"), scope_of_tensor("StatefulPartitionedCall_1:0")
    ('net/conv1', 'StatefulPartitionedCall_1')
    """
    path = OUTSIDE.sub("_", name.partition(";")[0].removesuffix(":0")).strip("/._-")
    head, _, last = path.rpartition("/")
    return head if head and last in ADDED else path
