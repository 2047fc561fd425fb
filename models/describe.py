"""Write the `zoo.json` of a shipped model from its files: `python models/describe.py mnist-dnn`.

Run it after the model's own `make.py`. It imports the checkpoint, compares it with the original graph and replays
the stored test, so that a card is never written for a model that does not compute its numbers. An architecture without
weights has no test.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from registry.blobs import entry_of
from registry.card import CARD_FILE, Card, Preprocessing, TensorSpec, encode
from registry.errors import ZooError
from registry.trust import Kind, kind_of
from transfer.backbone import describe, model_inputs
from transfer.extract import outputs
from transfer.importers.table import importer_of
from transfer.inputs import feed
from transfer.stored_test import read

HERE = Path(__file__).parent
CARDS = {
    "mnist-dnn": Card(
        name="mnist-dnn",
        format="tf1-metagraph",
        weights="model.ckpt",
        task="image-classification",
        summary="five dense ELU layers for 28x28 digits 0-4, a TensorFlow 1 checkpoint with the textbook's scopes",
        license="apache-2.0",
        tags=("mnist", "dense", "tensorflow-1"),
        classes=("0", "1", "2", "3", "4"),
        inputs=(TensorSpec("X:0", (None, 784)),),
        outputs=(TensorSpec("dnn/outputs/BiasAdd:0", (None, 5)),),
        preprocessing=Preprocessing((28, 28), "uint8", 1 / 255),
        tests="test.npz",
        data="digits-5-9.npz",
    ),
    "mnist-pairs": Card(
        name="mnist-pairs",
        format="tf1-metagraph",
        weights="model.ckpt",
        task="image-classification",
        summary="two dense ELU towers that say whether two 28x28 digits are the same, a TensorFlow 1 checkpoint",
        license="apache-2.0",
        tags=("mnist", "dense", "pairs", "tensorflow-1"),
        inputs=(TensorSpec("X_a", (None, 784)), TensorSpec("X_b", (None, 784))),
        outputs=(TensorSpec("same", (None, 1)),),
        preprocessing=Preprocessing((28, 28), "uint8", 1 / 255),
        tests="test.npz",
        data="digits.npz",
    ),
    "efficientnet-lite0": Card(
        name="efficientnet-lite0",
        format="keras-json",
        weights="architecture.json",
        task="image-classification",
        summary="the architecture of EfficientNet-Lite0 without weights, to import published weights into",
        license="apache-2.0",
        tags=("architecture", "imagenet", "convolutional"),
        inputs=(TensorSpec("image", (None, 224, 224, 3)),),
        outputs=(TensorSpec("top", (None, 1000)),),
        preprocessing=Preprocessing((224, 224, 3), "uint8", 1 / 128, -127 / 128),
    ),
    "squeezenet": Card(
        name="squeezenet",
        format="keras-json",
        weights="architecture.json",
        task="image-classification",
        summary="the architecture of SqueezeNet 1.1 without weights, to import published weights into",
        license="apache-2.0",
        tags=("architecture", "imagenet", "convolutional"),
        inputs=(TensorSpec("image", (None, 227, 227, 3)),),
        outputs=(TensorSpec("softmax", (None, 1000)),),
        preprocessing=Preprocessing((227, 227, 3), "uint8", 1.0, (-103.939, -116.779, -123.68), "bgr"),
    ),
}
TOLERANCE = 1e-4


def main(name: str) -> None:
    """Write one model's card."""
    folder, card = HERE / name, CARDS[name]
    importer = importer_of(card.format)
    named = {"input": _named(card.inputs), "output": _named(card.outputs)} if card.tests else {}
    model = importer.read(f"{folder}/{card.weights}", **named).model
    proof = _replayed(model, folder, card) if card.tests else "no weights to test"
    paths = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != CARD_FILE)
    paths = [path for path in paths if kind_of(path) is not Kind.PROGRAM]  # no revision holds code
    card = replace(card, layers=describe(model), files=tuple(entry_of(folder, path) for path in paths))
    (folder / CARD_FILE).write_bytes(encode(card))
    print(f"{name}: {len(card.layers)} layers, {card.parameters:,} parameters, {proof}")


def _named(specs: tuple[TensorSpec, ...]) -> str:
    return ",".join(spec.name for spec in specs)


def _replayed(model: Any, folder: Path, card: Card) -> str:
    stored = read(folder / card.tests)
    (expected,) = stored.expected(("outputs",)).values()
    given = feed(stored.inputs, model_inputs(model), None, card.tests)
    difference = float(np.abs(outputs(model, given) - expected).max())
    if difference > TOLERANCE * float(np.abs(expected).max()):
        raise ZooError(f"{card.name} differs from its stored outputs by {difference}")
    return f"stored test within {difference:.1g}"


if __name__ == "__main__":
    main(*sys.argv[1:])
