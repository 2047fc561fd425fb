"""The tasks of `depth.py`: nets that are pretrained here on some classes, and the data of others."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from registry.shelf import Shelf
from registry.spot import Spot
from transfer.draft import draft

Labelled = tuple[np.ndarray, np.ndarray]
Net = Callable[[tuple[int, ...]], Any]
layers = keras.layers


@dataclass(frozen=True)
class Task:
    """A model, what data it is for (None for its own), and what the search's rules owe it."""

    model: str
    data: str | None
    role: str


def convolutional(shape: tuple[int, ...]) -> Any:
    """Five convolutions, and a dense layer."""
    image = tensor = keras.Input(shape, name="image")
    for number, filters in enumerate((16, 16, 32, 32, 64), start=1):
        tensor = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")(tensor)
        tensor = layers.MaxPooling2D(name=f"pool{number}")(tensor) if number in (2, 4) else tensor
    tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    tensor = layers.Dense(32, "relu", name="dense")(tensor)
    return keras.Model(image, layers.Dense(5, name="outputs")(tensor))


def residual(shape: tuple[int, ...]) -> Any:
    """A stem and four residual blocks with normalisation, two of which halve the maps."""
    image = tensor = keras.Input(shape, name="image")
    tensor = layers.ReLU(name="stem_relu")(_normalised(tensor, 16, 3, 1, "stem"))
    for number, (filters, stride) in enumerate([(16, 1), (32, 2), (32, 1), (64, 2)], start=1):
        name = f"block{number}"
        branch = layers.ReLU(name=f"{name}_relu1")(_normalised(tensor, filters, 3, stride, f"{name}_a"))
        branch = _normalised(branch, filters, 3, 1, f"{name}_b")
        if stride > 1:
            tensor = _normalised(tensor, filters, 1, stride, f"{name}_short")
        tensor = layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([tensor, branch]))
    tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    return keras.Model(image, layers.Dense(5, name="outputs")(tensor))


def digits(classes: Sequence[int]) -> Labelled:
    """Return scikit-learn's images `(n, 8, 8, 1) float32` of some digits, and their places among these."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return _among(found.images[:, :, :, None] / 16, found.target, classes)


def fashion(folder: Path, classes: Sequence[int]) -> Labelled:
    """Return Fashion-MNIST's images `(n, 28, 28, 1) float32` of some classes, training first."""
    parts = [(_idx(folder, f"{name}-images-idx3-ubyte"), _idx(folder, f"{name}-labels-idx1-ubyte")) for name in
             ("train", "t10k")]  # fmt: skip
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return _among(images[..., None] / np.float32(255), labels, classes)


def pretrained(
    folder: Path, name: str, net: Net, source: Labelled, task: Labelled,
    sizes: tuple[int, int], epochs: int,
) -> str:  # fmt: skip
    """Pretrain a net, put it into the catalogue, and write a task's data; return their path.

    Args:
        folder: where the data go.
        name: what the model is called.
        net: makes it for some shape of images.
        source, task: the samples that it is pretrained on, and those of the transfer.
        sizes: of the task's samples, how many are for training and validation; the others are for the test.
        epochs: of pretraining.
    """
    keras.utils.set_random_seed(0)
    model = net(source[0].shape[1:])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    model.fit(*source, epochs=epochs, batch_size=32, verbose=0)
    (x, y), train, valid = task, sizes[0], sum(sizes)
    parts = {"train": slice(0, train), "valid": slice(train, valid), "test": slice(valid, None)}
    arrays = {f"x_{part}": x[rows] for part, rows in parts.items()}
    np.savez(folder / f"{name}.npz", **arrays, **{f"y_{part}": y[rows] for part, rows in parts.items()})
    (folder / name).mkdir()
    Shelf().publish(draft(model, folder / name / "model.keras", x[:16]), folder / name, Spot(name))
    return str(folder / f"{name}.npz")


def _normalised(tensor: Any, filters: int, size: int, stride: int, name: str) -> Any:
    tensor = layers.Conv2D(filters, size, stride, "same", use_bias=False, name=f"{name}_conv")(tensor)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(tensor)


def _among(images: np.ndarray, labels: np.ndarray, classes: Sequence[int]) -> Labelled:
    held = np.isin(labels, classes)
    return images[held].astype(np.float32), np.searchsorted(classes, labels[held])


def _idx(folder: Path, name: str) -> np.ndarray:
    path = folder / name
    content = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(f"{name}.gz").read_bytes())
    shape = np.frombuffer(content, ">u4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)
