"""Write the `zoo.json` of a shipped model from its files: `python models/describe.py mnist-dnn`.

Run it after the model's own `make.py`. It imports the checkpoint, compares it with the original graph and replays
the stored test, so that a card is never written for a model that does not compute its numbers.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from registry.blobs import entry_of
from registry.card import CARD_FILE, Card, Preprocessing, TensorSpec, encode
from registry.errors import ZooError
from registry.trust import Kind, kind_of
from transfer.backbone import describe
from transfer.extract import outputs
from transfer.importers.table import importer_of

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
}
TOLERANCE = 1e-4


def main(name: str) -> None:
    """Write one model's card."""
    folder, card = HERE / name, CARDS[name]
    model = (
        importer_of(card.format)
        .read(f"{folder}/{card.weights}", input=card.inputs[0].name, output=card.outputs[0].name)
        .model
    )
    stored = np.load(folder / card.tests)
    difference = float(np.abs(outputs(model, stored["inputs"]) - stored["outputs"]).max())
    if difference > TOLERANCE * float(np.abs(stored["outputs"]).max()):
        raise ZooError(f"{name} differs from its stored outputs by {difference}")
    paths = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != CARD_FILE)
    paths = [path for path in paths if kind_of(path) is not Kind.PROGRAM]  # no revision holds code
    card = replace(card, layers=describe(model), files=tuple(entry_of(folder, path) for path in paths))
    (folder / CARD_FILE).write_bytes(encode(card))
    print(f"{name}: {len(card.layers)} layers, {card.parameters:,} parameters, stored test within {difference:.1g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
