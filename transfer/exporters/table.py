"""Which exporter writes a format: the table. Exporters are imported when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.errors import ZooError, near

if TYPE_CHECKING:
    from transfer.exporters.exported import About, Checked
    from transfer.inputs import Arrays


@dataclass(frozen=True)
class Exporter:
    """One format.

    Attributes:
        format: what users call it.
        what: for people.
        suffix: of its files; empty where it is a folder.
        module: the module with its `write` and `check`.
        back: the options after `zoo import PATH` that bring such a file back, for a model's name.
    """

    format: str
    what: str
    suffix: str
    module: str
    back: str = "--as {name}-back"

    def write(self, model: Any, path: Path, about: About) -> tuple[str, ...]:
        """Write a model to a path where nothing is; return notes, a sentence each.

        Raises:
            ZooError: the format cannot hold the model; the message names what.
        """
        notes: tuple[str, ...] = import_module(self.module).write(model, path, about)
        return notes

    def check(self, model: Any, path: Path, inputs: Arrays) -> Checked:
        """Run a written file and compare it with its model.

        Raises:
            ZooError: it computes other numbers, or what runs it is not installed.
        """
        checked: Checked = import_module(self.module).check(model, path, inputs)
        return checked


def exporter_of(format: str) -> Exporter:
    """Return the exporter of a format.

    Raises:
        ZooError: there is none.
    """
    for exporter in EXPORTERS:
        if exporter.format == format:
            return exporter
    raise ZooError(f"there is no export to {format!r}", near(format, [one.format for one in EXPORTERS]))


EXPORTERS = (
    Exporter("keras", "a Keras 3 file", ".keras", "transfer.exporters.keras_file"),
    Exporter("saved_model", "a SavedModel folder", "", "transfer.exporters.saved_model"),
    Exporter("tflite", "a TensorFlow Lite file", ".tflite", "transfer.exporters.tflite"),
    Exporter("onnx", "an ONNX file", ".onnx", "transfer.exporters.onnx"),
    Exporter(
        "safetensors", "the weights alone, as safetensors", ".safetensors", "transfer.exporters.safetensors",
        "--into {name} --as {name}-back",
    ),
)  # fmt: skip
