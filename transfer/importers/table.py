"""Which importer reads a path: the table, and the choice from it. Importers are imported when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from registry.errors import ZooError, near
from registry.watch import Watch, silent
from transfer.files.mistaken import refuse_mistaken
from transfer.files.named import named
from transfer.importers import frozen_graph, onnx, tflite
from transfer.importers.caffe import pairing as caffe
from transfer.importers.keras2 import claims as keras2
from transfer.importers.metagraph.prefix import prefix_of
from transfer.importers.savedmodel import folder as savedmodel
from transfer.weights.table import READERS


@dataclass(frozen=True)
class Importer:
    """One format.

    Attributes:
        format: its name in cards.
        what: for people.
        module: the module whose `read(path, *, compare, seed, watch, …)` returns an `Imported`.
        claims: tells from names and first bytes whether a path is of this format.
        takes: the options that choose a part of it: `input`, `output`, `signature`.
    """

    format: str
    what: str
    module: str
    claims: Callable[[str], bool]
    takes: frozenset[str] = frozenset()

    def read(self, path: str, watch: Watch = silent, *, compare: bool = True, **options: str | None) -> Any:
        """Import the path; see the module's `read`.

        Args:
            path: the file, folder or prefix.
            watch: called with progress.
            compare: run the original beside the model, where something here can.
            options: `input`, `output`, `signature`; None where the user says nothing.

        Raises:
            ZooError: the format has no such choice, or the path cannot be imported.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if refused := sorted(given.keys() - self.takes):
            raise ZooError(
                f"{path} is {self.what}: --{refused[0]} chooses nothing there",
                "leave it out" + (f"; it takes --{', --'.join(sorted(self.takes))}" if self.takes else ""),
            )
        refuse_mistaken(path, self.what)
        with named(path):
            return import_module(self.module).read(path, compare=compare, watch=watch, **given)


def importer_for(path: str) -> Importer:
    """Choose the importer of a path.

    Raises:
        ZooError: there is nothing at the path, it holds weights alone, or no importer claims it.
    """
    for importer in IMPORTERS:
        if importer.claims(path):
            return importer
    if Path(path).exists() and any(reader.claims(Path(path)) for reader in READERS):
        raise ZooError(
            f"{path} holds weights and no architecture",
            "name one: --into keras:MobileNetV2, or --into NAME of zoo list",
        )
    for file in (Path(path), *sorted(Path(path).glob("model.*"))):
        refuse_mistaken(file, "a model")
    if not Path(path).exists():
        raise ZooError(f"{path} does not exist", "give a file, a folder, a checkpoint's prefix, or a name of zoo list")
    known = "; ".join(f"{importer.what}" for importer in IMPORTERS)
    raise ZooError(f"{path} is of no format that can be read", f"these can be: {known}; with --into weights alone")


def importer_of(format: str) -> Importer:
    """Return the importer of a card's format.

    Raises:
        ZooError: there is none.
    """
    for importer in IMPORTERS:
        if importer.format == format:
            return importer
    raise ZooError(f"no importer reads the format {format!r}", near(format, [one.format for one in IMPORTERS]))


HERE = "transfer.importers"
ENDS = frozenset({"input", "output"})

# A path is of the first format that claims it.
IMPORTERS = (
    Importer("keras", "a Keras 3 file (.keras)", f"{HERE}.keras_file", keras2.keras_file),
    Importer(
        "saved_model", "a SavedModel (a folder with saved_model.pb)", f"{HERE}.savedmodel", savedmodel.claims,
        ENDS | {"signature"},
    ),
    Importer(
        "tf1-metagraph", "a TensorFlow 1 checkpoint (.meta, .index, .data-00000-of-00001)", f"{HERE}.metagraph",
        lambda path: prefix_of(path) is not None, ENDS,
    ),
    Importer("frozen-graph", "a frozen TensorFlow graph (.pb)", f"{HERE}.frozen_graph", frozen_graph.claims, ENDS),
    Importer("tfjs", "a TF.js layers model (model.json and its shards)", f"{HERE}.tfjs", keras2.tfjs),
    Importer("keras-json", "a Keras architecture (.json)", f"{HERE}.keras_json", keras2.keras_json),
    Importer("keras-h5", "a Keras HDF5 file (.h5, .hdf5)", f"{HERE}.keras_h5", keras2.keras_h5),
    Importer("onnx", "an ONNX model (.onnx)", f"{HERE}.onnx", onnx.claims, ENDS),
    Importer("tflite", "a TFLite model (.tflite)", f"{HERE}.tflite", tflite.claims),
    Importer(
        "caffe", "a Caffe net (.prototxt and .caffemodel)", f"{HERE}.caffe.reader", caffe.claims, frozenset({"output"})
    ),
)  # fmt: skip
