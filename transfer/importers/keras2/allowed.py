"""Which objects a model config may name, at any depth: what this package knows of Keras, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from transfer.importers.keras2.kinds import ACTIVATIONS, KINDS, LOADED, MODELS, RENAMED
from transfer.importers.keras2.member_layer import AUTHORS, OWN_LAYER
from transfer.importers.keras2.objects import INITIALIZERS, LIMITS, PENALTIES, SHORT, SHORT_LIMITS, SHORT_PENALTIES
from transfer.importers.keras2.op_names import LAMBDAS, OPERATIONS

VALUES = frozenset(  # numbers, shapes, slices and dtypes, written as objects
    {
        *("__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__tuple__"),
        *("DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1", "TensorShape"),
    }
)
CLASSES = (
    KINDS | LOADED | MODELS | LAMBDAS | VALUES | INITIALIZERS | PENALTIES | {"Merge"}
    | set(LIMITS) | set(RENAMED) | set(SHORT) | set(SHORT_PENALTIES) | set(SHORT_LIMITS)
)  # fmt: skip
PLACES = "layers|models|engine|initializers|regularizers|constraints|activations|dtype_policies"
MODULE = re.compile(rf"(keras|tf_keras|tensorflow(\.python)?\.keras)(\.src)?(\.({PLACES})(\.\w+)*)?")
OPS = re.compile(r"keras\.(src\.)?ops(\.\w+)?")
FUNCTIONS = ("", "builtins", "keras.activations", "tf_keras.activations", "keras.src.activations.activations")
VERSION = re.compile(r"V[12]$")  # TensorFlow 1.14 wrote such class names


def is_allowed(item: Mapping[str, Any], authors: Collection[str] = AUTHORS) -> bool:
    """Tell whether an object of a config, `{"class_name": …, "config": …}`, is one of Keras's that is known here.

    Args:
        item: the object.
        authors: whose modules it may name.

    >>> is_allowed({"class_name": "Dense", "module": "keras.layers", "config": {}})
    True
    >>> is_allowed({"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/passwd"}})
    False
    >>> is_allowed({"class_name": "function", "module": "keras.utils", "config": "get_file"})
    False
    """
    kind, module, registered = (item.get(key) or "" for key in ("class_name", "module", "registered_name"))
    if not all(isinstance(text, str) for text in (kind, module, registered)):
        return False
    if kind == "GraphLayer" or registered == OWN_LAYER:
        return bool(kind == "GraphLayer" and registered == OWN_LAYER)
    if kind == "function":
        name = item.get("config")
        return isinstance(name, str) and name in ACTIVATIONS and module in FUNCTIONS
    if kind == "StringLookup":
        return registered in ("", kind) and module == "keras.layers" and _holds_its_words(item.get("config"))
    if registered not in ("", kind) or (module and module.split(".")[0] not in authors):
        return False
    if OPS.fullmatch(module):
        return kind in OPERATIONS
    return VERSION.sub("", kind) in CLASSES and (not module or MODULE.fullmatch(module) is not None)


def _holds_its_words(config: Any) -> bool:
    """Tell whether a lookup's words are in its config; where they are a path, Keras would read that file."""
    words = config.get("vocabulary") if isinstance(config, Mapping) else None
    return isinstance(words, list) and all(isinstance(word, str) for word in words)
