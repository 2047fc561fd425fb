"""One layer's config, from the words of Keras 1 and 2 to those of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2.kinds import KINDS, MERGE_MODES, MODELS, RECURRENT, RENAMED
from transfer.importers.keras2.objects import activation, constraint, initializer, regularizer
from transfer.importers.keras2.words import worded

HARD = 1.2  # hard_sigmoid was clip(0.2 x + 0.5), and is clip(x / 6 + 0.5): the same of 1.2 times the input
GATED = frozenset({"LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})
WRAPPERS = frozenset({"TimeDistributed", "Bidirectional"})


@dataclass(frozen=True)
class Translated:
    """A layer in Keras 3's words.

    Attributes:
        kind: a class of `keras.layers`.
        config: what its constructor takes, without its name.
        below: a layer without weights that has to stand below it.
        notes: what was left out.
    """

    kind: str
    config: dict[str, Any]
    below: tuple[str, dict[str, Any]] | None = None
    notes: tuple[str, ...] = ()


def translated(origin: str, given: Mapping[str, Any], where: str, major: int) -> Translated:
    """Translate one layer.

    Args:
        origin: its class name in the file.
        given: its config there.
        where: the layer, as an error calls it.
        major: of the Keras that wrote it; it tells which `hard_sigmoid` is meant.

    Raises:
        ZooError: Keras 3 has no such layer, or not with these arguments.
    """
    kind = MERGE_MODES.get(str(given.get("mode")), origin) if origin == "Merge" else RENAMED.get(origin, origin)
    if kind not in KINDS:
        raise ZooError(f"{where} is a {origin}, which is no layer of Keras 3 and is not run", HINT)
    config = worded(kind, given)
    config.pop("name", None)
    _refused(kind, config, where)
    notes = _objects(config, where)
    _shape_of(kind, origin, config, where, major)
    hard = major < 3 and hard_activation(config)
    if hard and kind == "Activation":
        return Translated(kind, config, ("Rescaling", {"scale": HARD, "offset": 0.0}), notes)
    if hard and not _scales(kind, config):
        raise ZooError(f"{where} ({origin}) uses the hard_sigmoid of Keras {major}, which Keras 3 does not have")
    return Translated(kind, config, None, notes)


HINT = "build the architecture in Keras 3 and import the weights alone: zoo import FILE --into NAME"


def hard_activation(config: Mapping[str, Any]) -> bool:
    """Tell whether a layer uses `hard_sigmoid`."""
    return "hard_sigmoid" in (config.get("activation"), config.get("recurrent_activation"))


def _scales(kind: str, config: Mapping[str, Any]) -> bool:
    """Tell whether weights can be scaled so that the new `hard_sigmoid` gives what the old one gave."""
    if kind in GATED:
        return config.get("activation") != "hard_sigmoid"
    return kind == "Dense" or (kind.startswith("Conv") and kind not in GATED)


def _refused(kind: str, config: dict[str, Any], where: str) -> None:
    for key, fine in ONLY.items():
        if key in config and config.pop(key) not in fine:
            raise ZooError(f"{where} ({kind}) has {key} set, which Keras 3 does not have")
    if kind.startswith("ConvLSTM") and config.get("data_format") == "channels_first":
        raise ZooError(f"{where} is a {kind} with channels first; only channels_last can be")
    if kind == "BatchNormalization" and config.pop("mode", 0) not in (0, 2):
        raise ZooError(f"{where} (BatchNormalization) has mode 1, which normalises each sample by itself; only 0 and 2")


ONLY: dict[str, tuple[Any, ...]] = {
    "renorm": (False, None),
    "time_major": (False, None),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "arguments": (None, {}),
}


def _objects(config: dict[str, Any], where: str) -> tuple[str, ...]:
    """Translate what a config holds besides numbers; initializers and penalties that Keras lacks are left out."""
    lost = []
    for ending, read in (("_initializer", initializer), ("_regularizer", regularizer), ("_constraint", constraint)):
        for key in [key for key in config if key.endswith(ending) and config[key] is not None]:
            found = read(config[key])
            if found is None:
                lost.append(f"{where} had a {key} that is not one of Keras's; it is left out")
                del config[key]
            else:
                config[key] = found
    for key in ("activation", "recurrent_activation"):
        if key in config:
            config[key] = activation(config[key], where)
    return tuple(lost)


def _shape_of(kind: str, origin: str, config: dict[str, Any], where: str, major: int) -> None:
    """Put right what depends on the class."""
    axis = config.get("axis")
    if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    if origin == "Merge" or (major < 2 and kind in MERGE_MODES.values()):
        keep = {"axis"} if kind == "Concatenate" else set()
        for key in set(config) - keep:
            del config[key]
    if origin in ("CuDNNLSTM", "CuDNNGRU"):
        config["recurrent_activation"] = "sigmoid"
    if kind in ("GRU", "GRUCell") and "reset_after" not in config:  # before 2.1.0 there was only this one
        config["reset_after"] = origin == "CuDNNGRU"
    if origin == "CuDNNGRU":
        config["reset_after"] = True
    if kind.endswith("Transpose"):
        config.pop("output_shape", None)
    if origin in ("Embedding",) and major < 2:
        config.pop("dropout", None)
    if kind == "Embedding":
        config.pop("units", None)
    if kind in WRAPPERS or kind in RECURRENT or kind == "StackedRNNCells":
        _inner(config, where, major)


def _inner(config: dict[str, Any], where: str, major: int) -> None:
    for key in ("layer", "backward_layer", "cell"):
        if isinstance(config.get(key), Mapping):
            config[key] = nested(config[key], where, major)
        elif key == "layer" or config.get(key) is None:
            config.pop(key, None)
    if isinstance(config.get("cells"), list):
        config["cells"] = [nested(cell, where, major) for cell in config["cells"]]


def nested(given: Mapping[str, Any], where: str, major: int) -> dict[str, Any]:
    """Translate a layer inside a layer, as Keras 3 writes it.

    Raises:
        ZooError: it is a model, or no layer of Keras 3.
    """
    origin, config = given.get("class_name"), given.get("config")
    if str(origin) in MODELS:
        raise ZooError(f"{where} repeats a whole model ({origin}) over time, which no native layer does")
    if not isinstance(origin, str) or not isinstance(config, Mapping):
        raise ZooError(f"{where} is damaged: its inner layer has no class_name and config")
    found = translated(origin, config, where, major)
    if found.below:
        raise ZooError(f"{where} uses the hard_sigmoid of Keras {major}, which Keras 3 does not have")
    named = {"name": str(config["name"]).replace("/", ">")} if "name" in config else {}
    if found.config.get("data_format") == "channels_first":
        raise ZooError(f"{where} repeats a {origin} with channels first over time; only channels_last can be")
    return {
        "module": "keras.layers",
        "class_name": found.kind,
        "config": named | found.config,
        "registered_name": None,
    }
