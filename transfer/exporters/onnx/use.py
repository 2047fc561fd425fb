"""One use of an operation of `keras.ops` as it is written: its arguments, tensors and constants in their places."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from transfer.exporters.onnx.graph import TYPES, Value
from transfer.exporters.onnx.step import Shape, Step


@dataclass(frozen=True)
class Given:
    """A tensor among the arguments.

    Attributes:
        value: in the graph.
        shape: as Keras has it.
        dtype: of its numbers.
    """

    value: Value
    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Use:
    """An operation's use.

    Attributes:
        step: where its nodes go; its `layer` is the operation.
        arguments: by name, in the order of its `call`: `Given` for tensors, constants as they are.
        dtype: of its first output.
        rank: of its first output.
    """

    step: Step
    arguments: Mapping[str, Any]
    dtype: str
    rank: int

    @classmethod
    def of(cls, step: Step, output: Any, values: Mapping[int, Value]) -> Use:
        """Return the use that made a tensor.

        Args:
            step: where its nodes go.
            output: the first tensor that it made.
            values: of all tensors before it, by `id`.
        """
        history = output._keras_history
        held = history.operation._inbound_nodes[history.node_index].arguments
        bound = inspect.signature(history.operation.call).bind(*held.args, **held.kwargs)

        def placed(value: Any) -> Any:
            if not isinstance(value, keras.KerasTensor):
                return value
            return Given(values[id(value)], tuple(value.shape), str(value.dtype))

        arguments = {name: _each(value, placed) for name, value in bound.arguments.items()}
        return cls(step, arguments, str(output.dtype), len(output.shape))

    @property
    def option(self) -> Any:
        """The operation, for its attributes: `axis`, `keepdims`."""
        return self.step.layer

    def tensors(self, dtype: str) -> list[Value | str]:
        """Return the arguments of an elementwise operation in one type and one layout; constants become weights."""
        given = list(self.arguments.values())
        tensors = [one for one in given if isinstance(one, Given)]
        layouts = {(one.value.rank, one.value.first) for one in tensors}
        numbers = all(np.ndim(one) == 0 for one in given if not isinstance(one, Given))
        keep = numbers and len(layouts) == 1
        return [self.operand(name, dtype, keep) for name in self.arguments]

    def operand(self, name: str, dtype: str, keep: bool = False) -> Value | str:
        """Return an argument in a type: a tensor with its channels last unless its layout is kept, or a constant."""
        given = self.arguments[name]
        if not isinstance(given, Given):
            return self.step.writer.weight(f"{self.step.scope}/{name}", np.asarray(given, dtype))
        return self.cast(given, dtype, name, keep)

    def cast(self, given: Given, dtype: str, part: str, keep: bool = False) -> Value:
        """Return a tensor in a type."""
        value = given.value if keep else self.step.writer.last(given.value)
        if given.dtype == dtype:
            return value
        return self.step.add("Cast", [value], value.rank, f"{part}_{dtype}", value.first, to=self.code(dtype))

    def code(self, dtype: str) -> int:
        """Return ONNX's number of a type."""
        return TYPES[dtype] if dtype in TYPES else self.step.refuse(f"it makes numbers of the type {dtype}")

    def tensor(self, name: str, dtype: str = "") -> Value:
        """Return an argument that must be a tensor, with its channels last."""
        given = self.arguments.get(name)
        if not isinstance(given, Given):
            self.step.refuse(f"its {name} is a constant")
        return self.cast(given, dtype or given.dtype, name)

    def constant(self, name: str, otherwise: Any = None) -> Any:
        """Return an argument that must be a constant."""
        found = self.arguments.get(name, otherwise)
        if isinstance(found, Given):
            self.step.refuse(f"its {name} is computed")
        return found

    def shape(self, name: str = "x") -> Shape:
        """Return the shape of an argument that is a tensor."""
        shape: Shape = self.arguments[name].shape
        return shape

    def common(self) -> str:
        """Return the type in which Keras compares or multiplies the arguments."""
        kinds = [one.dtype if isinstance(one, Given) else _kind(one) for one in self.arguments.values()]
        return str(keras.backend.result_type(*kinds))

    def whole(self, name: str, numbers: Any) -> str:
        """Add a constant list of int64."""
        return self.step.writer.whole(f"{self.step.scope}/{name}", [int(number) for number in numbers])

    def add(self, op: str, inputs: Any, part: str = "", first: bool = False, **attributes: Any) -> Value:
        """Add a node that makes a tensor with as many axes as the operation's; its own where no part is named."""
        return self.step.add(op, inputs, self.rank, part, first, **attributes)


def _each(value: Any, placed: Any) -> Any:
    return [placed(item) for item in value] if isinstance(value, list) else placed(value)


def _kind(constant: Any) -> Any:
    """Return a constant's type: Python's own are weak."""
    return type(constant) if isinstance(constant, bool | int | float) else str(np.asarray(constant).dtype)
