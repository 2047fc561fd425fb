"""One node about to become layers: what it reads, what it says, and where its layers go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.importers.native import Net, Order, Tensor
from transfer.importers.onnx.graph import Node
from transfer.importers.onnx.known import Known

Value = Tensor | Known | None
HINT = "name an input behind it or an output before it: --input TENSOR, --output TENSOR"


@dataclass(frozen=True)
class Call:
    """A node in its place.

    Attributes:
        node: the operation.
        opset: the version of the operators, which says what a node means.
        net: the net that its layers go into.
        scope: their path.
        inputs: the values of the tensors that it reads, None for one that is left out.
        used: the tensors that anything reads.
        batch: the number of samples that the file fixes, None where it is open.
    """

    node: Node
    opset: int
    net: Net
    scope: str
    inputs: tuple[Value, ...]
    used: frozenset[str]
    batch: int | None = None

    def refuse(self, reason: str) -> NoReturn:
        """Say why the node cannot be imported."""
        raise ZooError(f"cannot import the operator {self.node.op} (node {self.node.name}): {reason}", HINT)

    def given(self, number: int) -> Value:
        """Return an input, or None where it is left out."""
        return self.inputs[number] if number < len(self.inputs) else None

    def tensor(self, number: int = 0) -> Tensor:
        """Return an input that the model computes."""
        value = self.given(number)
        if not isinstance(value, Tensor):
            self.refuse(f"its input {number} is {'missing' if value is None else 'a constant'}")
        return value

    def tensors(self) -> list[Tensor]:
        """Return all inputs, which the model computes, with their axes in the order of the first."""
        first = self.tensor(0)
        rest = [self.tensor(number) for number in range(1, len(self.inputs))]
        if any(len(tensor.order) != len(first.order) for tensor in rest):
            self.refuse(f"its inputs have {', '.join(str(len(t.order)) for t in [first, *rest])} axes")
        return [first, *(self.net.arranged(tensor, first.order) for tensor in rest)]

    def optional(self, number: int) -> NDArray[Any] | None:
        """Return an input that is a constant or left out."""
        value = self.given(number)
        if value is None:
            return None
        found = value.fixed if isinstance(value, Known) else None
        if found is None:
            self.refuse(f"its input {number} ({self.node.inputs[number]}) is not a constant")
        return found

    def array(self, number: int) -> NDArray[Any]:
        """Return an input that is a constant."""
        found = self.optional(number)
        if found is None:
            self.refuse(f"its input {number} is missing")
        return found

    def weight(self, number: int) -> NDArray[np.float32]:
        """Return an input that is a constant, as float32."""
        return self.array(number).astype(np.float32, copy=False)

    def sources(self, *numbers: int) -> tuple[str, ...]:
        """Return the names of the weights that some inputs come from."""
        values = [self.given(number) for number in numbers]
        return tuple(dict.fromkeys(name for value in values if isinstance(value, Known) for name in value.sources))

    def integer(self, name: str, default: int = 0) -> int:
        """Return an attribute that is an integer."""
        return int(self._attribute(name, default, int))

    def real(self, name: str, default: float) -> float:
        """Return an attribute that is a number."""
        return float(self._attribute(name, default, float, int))

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is a text."""
        return bytes(self._attribute(name, default.encode(), bytes)).decode("ascii", "replace")

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return an attribute that lists integers, None where it is not there."""
        found = self._attribute(name, None, tuple, type(None))
        return None if found is None else tuple(int(number) for number in found)

    def _attribute(self, name: str, default: Any, *kinds: type) -> Any:
        value = self.node.attributes.get(name, default)
        if not isinstance(value, kinds):
            self.refuse(f"its attribute {name} is of another kind than the operator has")
        return value

    def layer(
        self,
        layer: Any,
        inputs: Tensor | Sequence[Tensor],
        weights: Sequence[NDArray[Any]] = (),
        sources: Sequence[str] = (),
        order: Order | None = None,
        part: str = "",
    ) -> Tensor:
        """Add a layer at the node's scope, or at a part below it."""
        scope = f"{self.scope}/{part}" if part else self.scope
        return self.net.layer(scope, layer, inputs, weights=weights, sources=sources, order=order)

    def operation(
        self, operation: Callable[..., Any], *inputs: Tensor, order: Order | None = None, part: str = ""
    ) -> Tensor:
        """Add one of Keras's operations at the node's scope, or at a part below it."""
        held = self.sources(*range(len(self.inputs)))
        scope = f"{self.scope}/{part}" if part else self.scope
        return self.net.operation(scope, operation, *inputs, order=order, sources=held)

    def below(self, part: str) -> Call:
        """Return the same call with its layers at a part below."""
        return replace(self, scope=f"{self.scope}/{part}")


def channels_last(call: Call, tensor: Tensor) -> Tensor:
    """Return a tensor with the axis of channels, the original's second, at the end."""
    rank = len(tensor.order)
    return call.net.arranged(tensor, (0, *range(2, rank), 1))


def spatial(tensor: Tensor) -> tuple[int | None, ...]:
    """Return the sizes of a channels-last tensor between batch and channels."""
    return tuple(tensor.keras.shape[1:-1])
