"""The original's config for a comparison: made of values that were allowed one by one, never the file's own.

TF-Keras, and Keras 3 for HDF5, look classes up by name and without safe mode in places. So they get a config that is
built anew: known classes, plain numbers and texts. What draws, penalises or limits weights is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2.kinds import KINDS, MODELS, RENAMED
from transfer.importers.keras2.nodes import TENSOR
from transfer.importers.keras2.objects import activation
from transfer.importers.keras2.op_names import LAMBDAS, operation

KNOWN = KINDS | MODELS | LAMBDAS | set(RENAMED)
LEFT_OUT = ("_initializer", "_regularizer", "_constraint", "_init")
FUNCTIONS = ("activation", "recurrent_activation", "inner_activation")
INNER = ("layer", "backward_layer", "cell")
OF_MODEL = ("name", "trainable", "input_layers", "output_layers", "build_input_shape")


def model_of(config: Mapping[str, Any], tf_keras: Any, where: str) -> Any:
    """Make the model in TF-Keras, with fresh weights, in its safe mode.

    Args:
        config: as the file has it; `flatten` has let it pass.
        tf_keras: the module.
        where: the file, as an error calls it.

    Raises:
        ZooError: something in the config is not allowed.
    """
    safe = import_module("tf_keras.src.saving.serialization_lib").SafeModeScope
    with safe(True):
        return tf_keras.models.model_from_config(rebuilt(config, where))


def rebuilt(given: Any, where: str) -> dict[str, Any]:
    """Return a model's or a layer's config with nothing in it but what is allowed.

    >>> rebuilt({"class_name": "Dense", "config": {"units": 2, "bias_initializer": {"class_name": "Mine"}}}, "m.h5")
    {'class_name': 'Dense', 'config': {'units': 2}}

    Raises:
        ZooError: it holds anything else.
    """
    kind = given.get("class_name") if isinstance(given, Mapping) else None
    config: Any = given.get("config") if isinstance(given, Mapping) else None
    if not isinstance(kind, str) or kind not in KNOWN:
        raise ZooError(f"{where} holds a {str(kind)[:80]}")
    if kind in MODELS:
        found: Any = _model(config, where)
    else:
        found = _operation(kind, config, where) if kind in LAMBDAS else _layer(config, where)
    outer = {key: plain(given[key], where) for key in ("name", "inbound_nodes") if key in given}
    return {"class_name": kind, "config": found, **outer}


def _model(config: Any, where: str) -> Any:
    if isinstance(config, list):
        return [rebuilt(layer, where) for layer in config]
    own = {key: plain(config[key], where) for key in OF_MODEL if key in config}
    return {**own, "layers": [rebuilt(layer, where) for layer in config["layers"]]}


def _layer(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key.endswith(LEFT_OUT) or key == "init" or (key == "dtype" and not isinstance(value, str)):
            continue
        if key in FUNCTIONS:
            found[key] = activation(value, where)
        elif key in INNER and value is not None:
            found[key] = rebuilt(value, where)
        else:
            found[key] = [rebuilt(cell, where) for cell in value] if key == "cells" else plain(value, where)
    return found


def _operation(kind: str, config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Keep what `operation` knows: TF-Keras would look up any function of TensorFlow."""
    operation(kind, config, where)
    kept = {key: plain(config[key], where) for key in ("name", "trainable", "dtype", "function") if key in config}
    if kind == "TensorFlowOpLayer":
        node = config["node_def"]
        node = json.dumps(plain(json.loads(node), where)) if isinstance(node, str) else plain(node, where)
        kept |= {"node_def": node, "constants": plain(config.get("constants") or {}, where)}
    return kept


def plain(value: Any, where: str) -> Any:
    """Return numbers, texts, and lists and mappings of such.

    Raises:
        ZooError: an object is among them.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [plain(item, where) for item in value]
    if isinstance(value, Mapping) and value.get("class_name") == "TensorShape":
        return plain(value.get("items"), where)
    if isinstance(value, Mapping) and value.get("class_name") == TENSOR:
        return {"class_name": TENSOR, "config": plain(value.get("config"), where)}
    if isinstance(value, Mapping) and not {"class_name", "__passive_serialization__"} & set(value):
        return {str(key): plain(item, where) for key, item in value.items()}
    raise ZooError(f"{where} holds an object where a value is expected")
