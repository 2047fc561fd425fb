"""What features depend on beside the samples' own content: the name of their folder in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.card import LayerInfo
from transfer.backbone import describe, layer_of
from transfer.cache_dtypes import FLOAT32
from transfer.cache_files import FORMAT, VERSION
from transfer.split import Trunk

# A layer's config says more than what it computes when frozen: these say how it would start or train.
UNUSED = ("trainable", "seed", "name")


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
    """Return the sha256 over those of the layers below a cut, each over its structure and its weights, in hex.

    Args:
        model: the whole model.
        below: the scopes of these layers.
        known: the digests of layers that stay as they are, by scope; those that are looked at are added.
    """
    known, digest = {} if known is None else known, hashlib.sha256()
    for info in describe(model):
        if info.name in below:
            if info.name not in known:
                known[info.name] = _layer_digest(info, layer_of(model, info.name))
            digest.update(known[info.name])
    return digest.hexdigest()


def _layer_digest(info: LayerInfo, layer: Any) -> bytes:
    digest = hashlib.sha256(_structure(info, layer).encode())
    for weight in map(np.asarray, layer.weights if info.parameters else ()):  # one copy at a time
        digest.update(f"{weight.dtype.str}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).data)
    return digest.digest()


def _structure(info: LayerInfo, layer: Any) -> str:
    config = {
        name: value
        for name, value in layer.get_config().items()
        if name not in UNUSED and not name.endswith(("_initializer", "_regularizer", "_constraint"))
    }
    return json.dumps([info.name, info.type, info.inputs, config], sort_keys=True, default=repr)
