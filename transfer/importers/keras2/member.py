"""The layers that a model config lists, each with its name, class, config and calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2.kinds import MODELS
from transfer.importers.keras2.nodes import TENSOR

MOST = 10_000


@dataclass(frozen=True)
class Member:
    """One entry of a model's layers.

    Attributes:
        name: the layer's.
        kind: its class name in the file.
        config: its config there.
        nodes: its `inbound_nodes`.
        module: where its class lies, as Keras 3 writes it; empty in older files.
        registered: the name of a class that its author registered.
    """

    name: str
    kind: str
    config: Any
    nodes: Sequence[Any]
    module: str
    registered: str = ""

    @property
    def shape(self) -> dict[str, Any] | None:
        """The config of the input that a first layer states, as Keras 1 and 2 do."""
        config = self.config if isinstance(self.config, Mapping) else {}
        shape = config.get("batch_input_shape", config.get("batch_shape"))
        if shape is None and "input_dim" in config and self.kind != "Embedding":
            length = config.get("input_length")
            recurrent = "inner_init" in config or "recurrent_initializer" in config
            shape = [None, length, config["input_dim"]] if recurrent or length else [None, config["input_dim"]]
        if shape is None:
            return None
        dtype = config.get("input_dtype") or ("float32" if self.kind != "Embedding" else "int32")
        return {"batch_shape": shape, "dtype": dtype, "name": f"{self.name}_input"}


def members(config: Any, kind: str, where: str) -> list[Member]:
    """List a model's layers.

    Raises:
        ZooError: the config has no list of layers with class_name and config, or one name twice.
    """
    listed = config if isinstance(config, list) else config.get("layers") if isinstance(config, Mapping) else None
    if not isinstance(listed, list) or (kind != "Sequential" and not isinstance(config, Mapping)):
        raise ZooError(f"{where} is damaged: a {kind} model has no list of layers")
    if len(listed) > MOST:
        raise ZooError(f"{where} lists {len(listed):,} layers: expected at most {MOST:,}")
    found = [_member(entry, place, where) for place, entry in enumerate(listed)]
    names = [member.name for member in found]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ZooError(f"{where} is damaged: two layers have the name {twice[0]}")
    return found


def _member(entry: Any, place: int, where: str) -> Member:
    kind = entry.get("class_name") if isinstance(entry, Mapping) else None
    config = entry.get("config") if isinstance(entry, Mapping) else None
    if not isinstance(kind, str) or not isinstance(config, Mapping | list):
        raise ZooError(f"{where} is damaged: layer {place} has no class_name and config")
    if isinstance(config, list) and kind != "Sequential":
        raise ZooError(f"{where} is damaged: the config of layer {place} ({kind}) is a list")
    own = config.get("name") if isinstance(config, Mapping) else None
    name = entry.get("name") or own or f"{kind.lower()}_{place + 1}"
    nodes = entry.get("inbound_nodes") or []
    if not isinstance(name, str) or not isinstance(nodes, list):
        raise ZooError(f"{where} is damaged: layer {place} ({kind}) has no name, or inbound_nodes that are no list")
    texts = [entry.get(key) or "" for key in ("module", "registered_name")]
    if not all(isinstance(text, str) for text in texts):
        raise ZooError(f"{where} is damaged: the module of layer {name} is no text")
    return Member(name, kind, config, nodes, texts[0], texts[1])


def key_numbers(held: Sequence[Member], config: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of each member's first call.

    TF-Keras counts the calls of a nested model from 1, since the model's own graph is its call 0; the first Keras 2
    counted from 0, and so does Keras 3. What is referred to tells which.
    """
    read: dict[str, set[int]] = {}
    for key, number in _references([member.nodes for member in held] + [config.get("output_layers")]):
        read.setdefault(key, set()).add(number)
    return {
        member.name: int(
            member.kind in MODELS
            and 0 not in read.get(member.name, {0})
            and max(read[member.name]) == len(member.nodes)
        )
        for member in held
    }


def _references(value: Any) -> Iterator[tuple[str, int]]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            if item.get("class_name") == TENSOR and isinstance(item.get("config"), Mapping):
                item = item["config"].get("keras_history")
            else:
                stack += list(item.values())
        if isinstance(item, list):
            if len(item) >= 3 and isinstance(item[0], str) and isinstance(item[1], int):
                yield item[0], item[1]
            stack += [part for part in item if isinstance(part, list | Mapping)]
