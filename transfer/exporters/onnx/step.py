"""One call of a layer as it is written: what it reads, its weights, and the words for refusing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.exporters.onnx.graph import Value, Writer

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Step:
    """A layer's call.

    Attributes:
        writer: where its nodes go.
        layer: Keras's.
        scope: its path.
        inputs: what it reads.
        shapes: of the inputs, as Keras has them.
    """

    writer: Writer
    layer: Any
    scope: str
    inputs: tuple[Value, ...]
    shapes: tuple[Shape, ...]

    @property
    def shape(self) -> Shape:
        """The shape of its first input."""
        return self.shapes[0]

    def refuse(self, why: str) -> NoReturn:
        """Refuse the model for this layer."""
        raise ZooError(
            f"the layer {self.scope} ({type(self.layer).__name__}) cannot be written as ONNX: {why}",
            "try --to saved_model",
        )

    def need(self, **wanted: Any) -> None:
        """Refuse the layer where an attribute has another value."""
        for name, value in wanted.items():
            got = getattr(self.layer, name, value)
            if got != value:
                self.refuse(f"its {name} is {got!r}; expected {value!r}")

    def weight(self, name: str, array: Any) -> str:
        """Add a weight under `scope/name`, float32."""
        return self.writer.weight(f"{self.scope}/{name}", np.asarray(array, np.float32))

    def array(self, name: str) -> NDArray[np.float32]:
        """Return a weight of the layer by its attribute."""
        return np.asarray(getattr(self.layer, name).value, np.float32)

    def add(self, op: str, inputs: Any, rank: int, part: str = "", first: bool = False, **attributes: Any) -> Value:
        """Add a node; the layer's own where no part is named."""
        scope = f"{self.scope}/{part}" if part else self.scope
        return self.writer.node(op, scope, inputs, rank, first=first, **attributes)

    def biased(self, value: Value, part: str = "bias") -> Value:
        """Add the layer's bias along the channels, which come last, where it has one."""
        if not self.layer.use_bias:
            return value
        bias = self.weight("bias", self.array("bias"))
        return self.add("Add", [value, bias], value.rank, part, first=value.first)
