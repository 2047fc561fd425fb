"""Initializers, regularizers, constraints and activations of a config, as Keras 3 writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2.kinds import ACTIVATIONS

INITIALIZERS = frozenset(
    {
        *("Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal"),
        *("LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal"),
        *("VarianceScaling", "Zeros"),
    }
)
SHORT = {
    "glorot_normal": "GlorotNormal",
    "glorot_uniform": "GlorotUniform",
    "he_normal": "HeNormal",
    "he_uniform": "HeUniform",
    "identity": "Identity",
    "lecun_normal": "LecunNormal",
    "lecun_uniform": "LecunUniform",
    "normal": "RandomNormal",
    "one": "Ones",
    "ones": "Ones",
    "orthogonal": "Orthogonal",
    "random_normal": "RandomNormal",
    "random_uniform": "RandomUniform",
    "truncated_normal": "TruncatedNormal",
    "uniform": "RandomUniform",
    "zero": "Zeros",
    "zeros": "Zeros",
}
DRAWS = frozenset({"scale", "mode", "distribution", "seed", "mean", "stddev", "minval", "maxval", "value", "gain"})
PENALTIES = frozenset({"L1", "L2", "L1L2"})
SHORT_PENALTIES = {"l1": "L1", "l2": "L2", "l1_l2": "L1L2", "WeightRegularizer": "L1L2"}
SHORT_LIMITS = {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"}
LIMITS = {"MaxNorm": {"max_value", "axis"}, "NonNeg": set(), "UnitNorm": {"axis"}} | {
    "MinMaxNorm": {"min_value", "max_value", "rate", "axis"}
}
Object = dict[str, Any] | None


def initializer(given: Any) -> Object:
    """Return an initializer, None where it is not one of Keras's: weights come from the file, so little is lost.

    >>> initializer("zero")["class_name"], initializer({"class_name": "Mine", "config": {}})
    ('Zeros', None)
    """
    kind, config = _named(given)
    kind = SHORT.get(kind, kind)
    if kind not in INITIALIZERS:
        return None
    kept = {key: value for key, value in config.items() if key in DRAWS and _plain(value)}
    if kept.get("distribution") == "normal":  # Keras 2.2.3 and before called the truncated one so
        kept["distribution"] = "truncated_normal"
    return _object("initializers", kind, kept)


def regularizer(given: Any) -> Object:
    """Return a regularizer, None where it is not one of Keras's."""
    kind, config = _named(given)
    kind = SHORT_PENALTIES.get(kind, kind)
    if kind not in PENALTIES:
        return None
    known = {"L1": {"l1"}, "L2": {"l2"}, "L1L2": {"l1", "l2"}}[kind]
    return _object("regularizers", kind, {key: value for key, value in config.items() if key in known})


def constraint(given: Any) -> Object:
    """Return a constraint, None where it is not one of Keras's."""
    kind, config = _named(given)
    kind = SHORT_LIMITS.get(kind, kind)
    if kind not in LIMITS:
        return None
    return _object("constraints", kind, {key: value for key, value in config.items() if key in LIMITS[kind]})


def activation(given: Any, where: str) -> str:
    """Return the name of an activation.

    Raises:
        ZooError: it is not one of Keras's, which is all that there is without running the file's code.
    """
    name = given
    if isinstance(given, Mapping):
        name = given.get("config") if given.get("class_name") == "function" else given.get("class_name")
    if name is None:
        return "linear"
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ZooError(f"{where} has the activation {_short(name)}, which is not one of Keras's: it is not run")
    return name


def _named(given: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(given, str):
        return given, {}
    if not isinstance(given, Mapping):
        return "", {}
    config = given.get("config", {key: value for key, value in given.items() if key != "name"})
    name = given.get("class_name", given.get("name"))
    return str(name), dict(config) if isinstance(config, Mapping) else {}


def _object(module: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": f"keras.{module}", "class_name": kind, "config": config, "registered_name": None}


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return repr(text[:80])
