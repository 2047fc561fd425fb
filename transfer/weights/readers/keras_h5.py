"""Weights in HDF5: Keras 2's `save_weights("x.h5")` by layer, and Keras 3's `.weights.h5` by place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.files import hdf5
from transfer.weights.foreign import Foreign

FORMAT = "keras-weights"
NOT_THE_MODELS = frozenset({"optimizer", "optimizer_weights", "metrics", "_layer_checkpoint_dependencies"})
RANDOM_STATE = "seed_generator"
VARS, LAYERS = "vars", "layers"
# What Keras 3 numbers, by the class whose name the file gives: `layers/conv2d_1/vars/0`.
PAIR = ("kernel", "bias")
ROLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("dense", "conv1d", "conv2d", "conv3d", "depthwise_conv1d", "depthwise_conv2d"), PAIR),
    **dict.fromkeys(("conv1d_transpose", "conv2d_transpose", "conv3d_transpose"), PAIR),
    **dict.fromkeys(("lstm_cell", "gru_cell", "simple_rnn_cell"), ("kernel", "recurrent_kernel", "bias")),
    "embedding": ("embeddings",),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
COUNTS = {"batch_normalization": {4}}  # with fewer, the file does not say which one is missing


def read(path: Path) -> Foreign:
    """Read names and shapes; arrays are read one by one when they are asked for.

    Raises:
        ZooError: it is no HDF5 file, is damaged, points into other files, or holds no weights of Keras.
    """
    path = Path(path)
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    with hdf5.opened(path) as file:
        places = dict(_by_layer(file, path)) if _is_by_layer(file) else dict(_by_place(file))
        shapes = {name: tuple(file[place].shape) for name, place in places.items()}
    if not shapes:
        raise ZooError(f"{path} holds no weights of a Keras model: expected layer_names, or groups with vars")
    return Foreign(FORMAT, "keras", shapes, lambda name: hdf5.read(path, places[name]))


def _is_by_layer(file: Any) -> bool:
    return hdf5.texts(_weights(file).attrs, "layer_names") is not None


def _weights(file: Any) -> Any:
    return file.get("model_weights", file)


def _by_layer(file: Any, path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the place of each array of a file of Keras 1 or 2."""
    weights = _weights(file)
    for layer in hdf5.texts(weights.attrs, "layer_names") or []:
        group = weights.get(layer)
        if group is None:
            raise ZooError(f"{path} is damaged: it names the layer {layer[:200]} and has no group for it")
        for name in hdf5.texts(group.attrs, "weight_names") or []:
            if name not in group or not hasattr(group[name], "shape"):
                raise ZooError(f"{path} is damaged: it names the weight {name[:200]} and has no such array")
            yield plain_name(layer, name), f"{weights.name}/{layer}/{name}"


def plain_name(layer: str, weight: str) -> str:
    """Return a weight's name below its layer, which may be a model.

    Keras writes the name of the variable, which TensorFlow may have given a number that the layer has not.

    >>> plain_name("dense", "dense/kernel:0"), plain_name("conv_1", "conv_1_1/bias:0")
    ('dense/kernel', 'conv_1/bias')
    >>> plain_name("vgg16", "block1_conv1/kernel:0")
    'vgg16/block1_conv1/kernel'
    """
    name = re.sub(r":\d+$", "", weight)
    if name.startswith(f"{layer}/"):
        return name
    first, _, rest = name.partition("/")
    return f"{layer}/{rest}" if rest and re.fullmatch(re.escape(layer) + r"_\d+", first) else f"{layer}/{name}"


def _by_place(file: Any) -> Iterator[tuple[str, str]]:
    """Yield the name and the place of each array of a file of Keras 3; a name that is taken gives way to the place."""
    taken: dict[str, str] = {}
    for name, place in _groups(file, "", ""):
        if name in taken:
            name = place
        taken[name] = place
        yield name, place


def _groups(group: Any, path: str, kind: str) -> Iterator[tuple[str, str]]:
    for key in group:
        item = group[key]
        if key == VARS and hasattr(item, "keys"):
            roles = _roles(kind, len(item)) or _roles(_named(group), len(item))
            yield from ((f"{path}{_role(roles, number)}", item[number].name) for number in _numbers(item))
        elif hasattr(item, "keys") and not (key in NOT_THE_MODELS and not path) and not key.startswith(RANDOM_STATE):
            yield from _groups(item, path if key == LAYERS else f"{path}{_named(item) or key}/", key)


def _numbers(item: Any) -> list[str]:
    return sorted((key for key in item if key.isdigit() and hasattr(item[key], "shape")), key=int)


def _named(group: Any) -> str:
    """Return the name that a layer had, where the file has it."""
    held = group.get(VARS)
    name = hdf5.text(held.attrs, "name") if held is not None else None
    return name.replace(">", "/") if name else ""


def _roles(kind: str, count: int) -> tuple[str, ...]:
    plain = re.sub(r"_\d+$", "", kind.split("/")[-1])
    roles = ROLES.get(plain, ())
    return roles if roles and count <= len(roles) and count in COUNTS.get(plain, {count}) else ()


def _role(roles: Mapping[int, str] | tuple[str, ...], number: str) -> str:
    return roles[int(number)] if int(number) < len(roles) else number
