"""What features depend on beside the samples' own content: the name of their folder in the cache."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.card import LayerInfo
from transfer.backbone import calls, describe, layer_of, tensor_names
from transfer.cache_dtypes import FLOAT32
from transfer.cache_files import FORMAT, VERSION
from transfer.split import Trunk

# A layer's config says more than what it computes when frozen: these say how it would start or train.
UNUSED = ("trainable", "seed", "name")
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of an object without a form of its own, another one in each process


@dataclass(frozen=True)
class Key:
    """All that a sample's features depend on beside its own content, each part as text."""

    trunk: str
    cut: str
    preparation: str
    dtype: str = FLOAT32

    @property
    def digest(self) -> str:
        """The sha256 over all parts and the format's version, in hex."""
        text = json.dumps([FORMAT, VERSION, *vars(self).items()])
        return hashlib.sha256(text.encode()).hexdigest()


def key_of(
    model: Any,
    below: Collection[str],
    halves: Trunk,
    preparation: str,
    dtype: str = FLOAT32,
    known: dict[str, bytes] | None = None,
) -> Key:
    """Make the key of a trunk's features.

    Args:
        model: the whole model.
        below: the scopes of the trunk's layers.
        halves: the model cut above them.
        preparation: what turned the samples into the model's input.
        dtype: what the features are stored as (`transfer.cache_dtypes`).
        known: as `trunk_digest` takes it.
    """
    return Key(trunk_digest(model, below, known), " ".join(halves.cut), preparation, dtype)


def trunk_digest(model: Any, below: Collection[str], known: dict[str, bytes] | None = None) -> str:
    """Return the sha256 over the layers below a cut, each over its structure, weights and calls, in hex.

    Args:
        model: the whole model.
        below: the scopes of these layers.
        known: the digests of layers that stay as they are, by scope; those that are looked at are added.
    """
    known = {} if known is None else known
    called, names = defaultdict(list), tensor_names(model)
    for scope, args, kwargs in calls(model):
        if scope in below:
            named = {key: one for key, one in kwargs.items() if one is not None and (key, one) != ("training", False)}
            called[scope].append(_told([args, named], names))
    digest = hashlib.sha256()
    for info in sorted(describe(model), key=lambda info: info.name):  # whatever stands above, and so comes in between
        if info.name in below:
            if info.name not in known:
                known[info.name] = _layer_digest(info, layer_of(model, info.name))
            digest.update(known[info.name] + json.dumps(called[info.name]).encode())
    return digest.hexdigest()


def _layer_digest(info: LayerInfo, layer: Any) -> bytes:
    digest = hashlib.sha256(_structure(info, layer).encode())
    for weight in map(np.asarray, layer.weights if info.parameters else ()):  # one copy at a time
        digest.update(_kind(weight).encode())
        digest.update(np.ascontiguousarray(weight).data)
    return digest.digest()


def _structure(info: LayerInfo, layer: Any) -> str:
    config = {
        name: value
        for name, value in layer.get_config().items()
        if name not in UNUSED and not name.endswith(("_initializer", "_regularizer", "_constraint"))
    }
    return json.dumps([info.name, info.type, _told(config)], sort_keys=True)


def _told(value: Any, names: Mapping[int, str] | None = None) -> Any:
    """Return what a layer was made or called with as JSON: of the model's tensors their names, of arrays the sha256."""
    if isinstance(value, Mapping):
        return {"map": {str(name): _told(one, names) for name, one in value.items()}}
    if isinstance(value, list | tuple):
        return [_told(one, names) for one in value]
    if isinstance(value, slice):
        return {"slice": _told([value.start, value.stop, value.step], names)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if names and id(value) in names:
        return {"tensor": names[id(value)]}
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        return {"array": _kind(array), "sha256": hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()}
    return {type(value).__name__: ADDRESS.sub("", repr(value))}


def _kind(array: NDArray[Any]) -> str:
    return f"{array.dtype.str}{array.shape}"
