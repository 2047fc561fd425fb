"""Native layers for operations that stand in a model without a layer: `x * 2.0`, `tf.concat`, `keras.ops.mean`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from registry.errors import ZooError
from transfer.importers.keras2.arithmetic import ARITHMETIC, arithmetic
from transfer.importers.keras2.graph import OPERATION, Call, Layer, Ref, refs
from transfer.importers.keras2.options import RefusedError, attributes, named
from transfer.importers.keras2.rules import RULES
from transfer.importers.native import Tensor

HINT = "build the architecture in Keras 3 and import the weights alone: zoo import FILE --into NAME"
FIRST = ("x", "x1", "a", "value", "values", "input", "features", "logits", "tensor", "image", "images", "inputs")
SECOND = ("y", "x2", "b", "bias")


class Adding(Protocol):
    """What an operation needs of the model that is built."""

    where: str

    def tensor(self, ref: Ref) -> Tensor:
        """Return what a reference stands for."""

    def arranged(self, tensor: Tensor, order: tuple[int, ...] | None) -> Tensor:
        """Return it with the original's axes."""

    def add(self, scope: str, layer: Any, given: Tensor | Sequence[Tensor]) -> Tensor:
        """Add a layer."""


def operate(net: Adding, layer: Layer, call: Call) -> Tensor:
    """Make the layers of one operation.

    Raises:
        ZooError: the operation, with these arguments, is no native layer; an option that it has too many is named.
    """
    name = layer.kind.removeprefix(OPERATION)
    what = f"{net.where}: the operation {layer.scope} ({layer.origin} {name})"
    args, options = _arguments(layer, call)
    tensors = [net.arranged(net.tensor(ref), None) for ref in refs([args, options])]
    if not tensors:
        raise ZooError(f"{net.where}: the operation {layer.scope} reads no tensor")
    try:
        made = _native(name, args, options, [tuple(tensor.shape) for tensor in tensors])
    except RefusedError as error:
        raise ZooError(f"{what} has {error}, which no native Keras layer does", HINT) from error
    if made is None:
        raise ZooError(f"{what} has no native Keras layer with these arguments", HINT)
    return net.add(layer.scope, made, tensors)


def _arguments(layer: Layer, call: Call) -> tuple[list[Any], dict[str, Any]]:
    """Return what the operation is given by place and by name; a node's constants are put in their places."""
    options = dict(layer.config)
    constants = options.pop("constants", None)
    options |= attributes(options.pop("attributes", {}))
    args = list(call.args)
    if constants is not None:
        args = args[0] if args and isinstance(args[0], list) else args
        for place in sorted(constants):
            args = [*args[:place], constants[place], *args[place:]]
        if len(args) > 1 and layer.kind == "@concat":
            args = [args[:-1], args[-1]]
    options |= call.kwargs
    if not args:
        args = [options.pop(key) for key in FIRST if isinstance(options.get(key), Ref | list)][:1]
    return args, options


def _native(name: str, args: list[Any], options: Mapping[str, Any], shapes: list[tuple[int | None, ...]]) -> Any:
    """Return the layer, None where there is none."""
    if name in ARITHMETIC:
        return _of_two(name, args, options, shapes)
    rule = RULES.get(name)
    return rule.make(named(args, options, rule.takes), shapes[0]) if rule else None


def _of_two(name: str, args: list[Any], options: Mapping[str, Any], shapes: list[tuple[int | None, ...]]) -> Any:
    found = named(args, options, (FIRST, SECOND), 0)
    return arithmetic(name, found.get(FIRST[0]), found.get(SECOND[0]), shapes)
