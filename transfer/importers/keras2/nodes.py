"""How a config says what a layer reads: `inbound_nodes` of Keras 1, 2 and 3."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from registry.errors import ZooError

CONSTANT = "_CONSTANT_VALUE"
TENSOR = "__keras_tensor__"
Key = tuple[str, int, int]  # layer, its call, the call's output


def arguments(
    node: Any, names: Collection[str], found: Callable[[Key], Any], where: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Read one call.

    Args:
        node: an entry of `inbound_nodes`.
        names: the model's layers, which tells references from constants.
        found: gives what stands for a tensor.
        where: the layer, as an error calls it.

    Raises:
        ZooError: it is none of the forms.
    """
    if isinstance(node, Mapping) and "args" in node:
        args, kwargs = node["args"], node.get("kwargs") or {}
        if not isinstance(args, list) or not isinstance(kwargs, Mapping):
            raise ZooError(f"{where} is damaged: its inbound_nodes have no list of args")
        read = tuple(_new(value, found) for value in args)
        return read, {key: _new(value, found) for key, value in kwargs.items()}
    if not isinstance(node, list) or not node:
        raise ZooError(f"{where} is damaged: it reads {str(node)[:80]}, expected a list of [layer, call, output]")
    single = isinstance(node[0], str)
    items = [node] if single else node
    if not all(_is_item(item) for item in items):
        raise ZooError(f"{where} reads {str(node)[:80]}, expected a list of [layer, call, output]")
    kwargs = items[0][3] if len(items[0]) > 3 and isinstance(items[0][3], Mapping) else {}
    values = [_old(item[:3], names, found) for item in items]
    first = values[0] if single or len(values) == 1 else values
    return (first,), {key: _old(value, names, found) for key, value in kwargs.items()}


def ends(given: Any, where: str) -> list[Key]:
    """Read `input_layers` or `output_layers`.

    Raises:
        ZooError: they are no tensors.
    """
    if isinstance(given, Mapping):
        given = list(given.values())
    if isinstance(given, list) and given and isinstance(given[0], str):
        given = [given]
    if not isinstance(given, list) or not given or not all(_is_key(item) for item in given):
        raise ZooError(f"{where} are {str(given)[:80]}, expected a list of [layer, call, output]")
    return [(item[0], item[1], item[2]) for item in given]


def _is_item(item: Any) -> bool:
    return isinstance(item, list) and len(item) >= 3 and (_is_key(item) or item[0] == CONSTANT)


def _is_key(item: Any) -> bool:
    return (
        isinstance(item, list)
        and len(item) >= 3
        and isinstance(item[0], str)
        and all(isinstance(number, int) and not isinstance(number, bool) for number in item[1:3])
    )


def _old(value: Any, names: Collection[str], found: Callable[[Key], Any]) -> Any:
    if isinstance(value, list):
        if len(value) >= 3 and value[0] == CONSTANT:
            return value[2]
        if len(value) == 3 and _is_key(value) and value[0] in names:
            return found((value[0], value[1], value[2]))
        return [_old(item, names, found) for item in value]
    if isinstance(value, Mapping):
        return {key: _old(item, names, found) for key, item in value.items()}
    return value


def _new(value: Any, found: Callable[[Key], Any]) -> Any:
    if isinstance(value, Mapping):
        if value.get("class_name") == TENSOR:
            config = value.get("config")
            history = config.get("keras_history") if isinstance(config, Mapping) else None
            if history is None or not _is_key(history):
                raise ZooError("the model config is damaged: a tensor has no keras_history")
            return found((history[0], history[1], history[2]))
        return {key: _new(item, found) for key, item in value.items()}
    if isinstance(value, list):
        return [_new(item, found) for item in value]
    return value
