"""A model as calls of layers: what a Keras config says, without nesting and without Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

OPERATION = "@"  # a kind that begins with it is an operation of TensorFlow or keras.ops, not a layer


@dataclass(frozen=True)
class Ref:
    """One output of a call.

    Attributes:
        call: the call's place in `Graph.calls`.
        output: which of its outputs.
    """

    call: int
    output: int = 0


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        scope: its path; layers of a nested model have that model's path before their names.
        kind: a class of `keras.layers`, or `@multiply` for an operation.
        config: what its constructor takes, in Keras 3's words.
        origin: the class name in the file.
        given: the config in the file.
    """

    scope: str
    kind: str
    config: Mapping[str, Any]
    origin: str
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One use of a layer.

    Attributes:
        scope: the layer's.
        args: what it is called with: a `Ref`, a list of such, or constants.
        kwargs: the same by name.
    """

    scope: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A flat model.

    Attributes:
        name: the model's.
        layers: all layers by scope, in the file's order.
        calls: each after those that it reads.
        inputs: the model's inputs.
        outputs: the model's outputs.
        groups: for each layer of the outermost model, the scopes that it became: one, or those of a nested model.
        nested: whether a model was nested in it.
        notes: what could not be carried over, a sentence each.
    """

    name: str
    layers: Mapping[str, Layer]
    calls: tuple[Call, ...]
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    groups: Mapping[str, tuple[str, ...]]
    nested: bool = False
    notes: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is the file's own graph: no nested models, no operations outside layers."""
        return not self.nested and not any(layer.kind.startswith(OPERATION) for layer in self.layers.values())


def refs(value: Any) -> Iterator[Ref]:
    """Yield the references in the arguments of a call, in order."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from refs(item)
