"""Whether a config names only what is allowed, at every depth; asked before anything is made from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2.allowed import is_allowed
from transfer.importers.keras2.kinds import MODELS
from transfer.importers.keras2.layers import HINT
from transfer.importers.keras2.member_layer import AUTHORS

RUNS_CODE = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
FROM_FILES = frozenset({"TextVectorization", "StringLookup", "IntegerLookup"})  # their words may lie in other files
NOT_LOADED = frozenset({"compile_config", "build_config"})  # training; shapes that the layers' inputs say again
PASSIVE = "__passive_serialization__"  # makes older code of Keras look up classes without safe mode


def cleaned(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return what Keras may make a model of: a checked config, without what is for training, at every depth.

    Args:
        config: of a model, as Keras 3 writes it.
        where: the file, as an error calls it.

    Raises:
        ZooError: it is no model's, or holds an object that is not allowed (named).
    """
    try:
        found = _without(config)
    except RecursionError as error:
        raise ZooError(f"the model config of {where} is nested too deeply") from error
    check(found, where, ("keras",))
    if str(found.get("class_name")) not in MODELS:
        kind = str(found.get("class_name"))[:80]
        raise ZooError(f"{where} holds no model: expected a functional or sequential Keras model, got {kind}")
    return dict(found)


def check(config: Any, where: str, authors: Collection[str] = AUTHORS) -> None:
    """Refuse a config that names anything that is not allowed, also where nothing would be made of it.

    Args:
        config: of the model, as the file has it.
        where: the file, as an error calls it.
        authors: whose modules may be named.

    Raises:
        ZooError: it does; the first such object is named.
    """
    for item in _mappings(config):
        if PASSIVE in item:
            raise ZooError(f"{where} has {PASSIVE} in its model config, which would make Keras run code", HINT)
        if "class_name" in item and not is_allowed(item, authors):
            raise _refused(item, where)


def _refused(item: Mapping[str, Any], where: str) -> ZooError:
    kind, registered = str(item["class_name"])[:100], str(item.get("registered_name") or "")[:100]
    name = item["config"].get("name", "") if isinstance(item.get("config"), Mapping) else ""
    what = f"{where}: {f'the layer {str(name)[:100]}' if name else 'a part'} is"
    if kind in RUNS_CODE or kind in FROM_FILES:
        return ZooError(f"{what} a {kind}, which would run or read what is not in the file: it is not loaded", HINT)
    if kind == "function":
        kind = f"function {str(item.get('config'))[:100]}"
    return ZooError(
        f"{what} of the class {registered if '>' in registered else kind}, which is not Keras's own and is not run",
        HINT,
    )


def _mappings(config: Any) -> Iterator[Mapping[str, Any]]:
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            yield item
            stack += item.values()
        elif isinstance(item, list | tuple):
            stack += item


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(item) for key, item in value.items() if key not in NOT_LOADED}
    return [_without(item) for item in value] if isinstance(value, list) else value


def holds_models(config: Mapping[str, Any]) -> bool:
    """Tell whether a model holds models."""
    return any(str(layer.get("class_name")) in MODELS for layer in _layers(config))


def holds_operations(config: Mapping[str, Any]) -> bool:
    """Tell whether a model holds operations that stand without a layer."""
    return any(str(layer.get("module")).startswith(("keras.src.ops", "keras.ops")) for layer in _layers(config))


def _layers(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, Mapping) else None
    return [layer for layer in layers if isinstance(layer, Mapping)] if isinstance(layers, list) else []
