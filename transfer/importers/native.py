"""Build a functional Keras model layer by layer, from a net whose tensors have their axes in another order.

Caffe and ONNX keep channels before height and width; Keras on a CPU wants them last. So each tensor carries which of
the original's axes its own axes hold, and nothing is transposed until an operation needs another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.assign import assign
from transfer.blank import blank
from transfer.files.shown import first_line
from transfer.imported import Mapped
from transfer.scope import layer_name

Shape = tuple[int | None, ...]
Order = tuple[int, ...]
CHANNELS_LAST: dict[int, Order] = {rank: (0, *range(2, rank), 1) for rank in (3, 4, 5)}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the net.

    Attributes:
        keras: the symbolic tensor, with the batch as its first axis.
        order: which axis of the original each of its axes holds: `(0, 2, 3, 1)` for NHWC where the original is NCHW.
    """

    keras: Any
    order: Order

    @property
    def shape(self) -> Shape:
        """The shape as the original has it."""
        return tuple(self.keras.shape[self.order.index(axis)] for axis in range(len(self.order)))

    def axis(self, original: int) -> int:
        """Return which of its axes holds one of the original's, which may count from the end."""
        return self.order.index(original % len(self.order))


def identity(rank: int) -> Order:
    """Return the order of a tensor whose axes lie as in the original."""
    return tuple(range(rank))


class Net:
    """A net being built: layers by scope, and the account of their weights."""

    def __init__(self, name: str = "imported") -> None:
        self.name = name
        self.mapped: list[Mapped] = []
        self._scopes: set[str] = set()
        self._taken: dict[str, int] = {}

    def input(self, name: str, shape: Shape, order: Order | None = None, dtype: str = "float32") -> Tensor:
        """Add an input.

        Args:
            name: its scope.
            shape: as the original has it, with the batch.
            order: how the model is to take it; the original's own order where None.
            dtype: of its numbers.
        """
        order = order or identity(len(shape))
        turned = tuple(shape[axis] for axis in order[1:])
        return Tensor(keras.Input(turned, name=layer_name(self._free(name)), dtype=dtype), order)

    def layer(
        self,
        scope: str,
        layer: Any,
        inputs: Tensor | Sequence[Tensor],
        *,
        weights: Sequence[NDArray[Any]] = (),
        sources: Sequence[str] = (),
        order: Order | None = None,
        call: Callable[..., Any] | None = None,
    ) -> Tensor:
        """Add a layer, with its weights.

        Args:
            scope: its path; a number is appended where it is taken.
            layer: a Keras layer that is not built yet; it gets the scope as its name.
            inputs: what it reads, all in one order.
            weights: its arrays, in the order of `layer.weights`.
            sources: the original's names of them.
            order: of its output; that of its first input where None.
            call: calls the layer with the inputs' Keras tensors apart, where it takes some by keyword.

        Raises:
            ZooError: the layer does not fit its input, or the weights do not fit the layer.
        """
        scope = self._free(scope)
        layer.name = layer_name(scope)
        given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        with blank(layer):
            output = _called(call or layer, scope, [tensor.keras for tensor in given], apart=call is not None)
        _fill(layer, scope, weights, sources)
        size = sum(int(np.prod(array.shape)) for array in weights)
        self.mapped.append(Mapped(scope, type(layer).__name__, tuple(sources), size))
        return Tensor(output, order or given[0].order)

    def operation(
        self,
        scope: str,
        operation: Callable[..., Any],
        *inputs: Tensor,
        order: Order | None = None,
        sources: Sequence[str] = (),
    ) -> Tensor:
        """Add one of Keras's own operations without weights, such as `keras.ops.sqrt`.

        It becomes a node of the model by itself, like a layer: saved, loaded in safe mode and opened by plain Keras.

        Args:
            scope: its path; a number is appended where it is taken.
            operation: takes the inputs' Keras tensors, applies one operation, and returns its tensor.
            inputs: what it reads, all in one order.
            order: of its output; that of its first input where None.
            sources: the original's names of constants that the operation holds.

        Raises:
            ZooError: the operation does not fit its inputs.
        """
        scope = self._free(scope)
        output = _called(operation, scope, [tensor.keras for tensor in inputs], apart=True)
        node = output._keras_history.operation
        node.name = layer_name(scope)
        self.mapped.append(Mapped(scope, type(node).__name__, tuple(sources), 0))
        return Tensor(output, order or inputs[0].order)

    def arranged(self, tensor: Tensor, order: Order) -> Tensor:
        """Return a tensor with its axes in another order.

        Raises:
            ZooError: the batch would no longer come first.
        """
        if tensor.order == order:
            return tensor
        moves = [tensor.order.index(axis) for axis in order]
        if moves[0] != 0:
            raise ZooError("the net moves the axis of the samples, which no Keras layer can do")
        scope = f"{tensor.keras._keras_history.operation.name.replace('>', '/')}/permute"
        return self.layer(scope, keras.layers.Permute(tuple(moves[1:])), tensor, order=order)

    def plain(self, tensor: Tensor) -> Tensor:
        """Return a tensor with its axes as the original has them."""
        return self.arranged(tensor, identity(len(tensor.order)))

    def model(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Any:
        """Return the functional model; one input or output stands alone, not in a list."""
        ends = [[tensor.keras for tensor in side] for side in (inputs, outputs)]
        return keras.Model(*(side[0] if len(side) == 1 else side for side in ends), name=self.name)

    def _free(self, scope: str) -> str:
        """Return a scope that no layer has, as Keras compares them: without regard to case."""
        scope = scope.strip("/") or "layer"
        candidates = chain([scope], (f"{scope}_{number}" for number in count(self._taken.get(scope.lower(), 0) + 1)))
        free = next(name for name in candidates if name.lower() not in self._scopes)
        self._scopes.add(free.lower())
        if free != scope:
            self._taken[scope.lower()] = int(free.rpartition("_")[2])  # no number below it is free any more
        return free


def _called(layer: Any, scope: str, inputs: list[Any], apart: bool = False) -> Any:
    try:
        return layer(*inputs) if apart or len(inputs) == 1 else layer(inputs)
    except (ValueError, TypeError) as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
        kind = "operation" if apart else type(layer).__name__
        raise ZooError(f"the layer {scope} ({kind}) does not fit its input {shapes}: {first_line(error)}") from error


def _fill(layer: Any, scope: str, weights: Sequence[NDArray[Any]], sources: Sequence[str]) -> None:
    expected = [tuple(weight.shape) for weight in layer.weights]
    got = [tuple(array.shape) for array in weights]
    if expected != got:
        raise ZooError(
            f"the weights of {scope} ({type(layer).__name__}) do not fit: expected {expected}, got {got} from "
            f"{', '.join(sources) or 'nothing'}"
        )
    for weight, array in zip(layer.weights, weights, strict=True):
        assign(weight, array)
