"""What runs a TensorFlow Lite file: LiteRT's interpreter where it is installed, or TensorFlow's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transfer.importers.apart import Batch, apart
from transfer.importers.tflite import interpreter

PLACES = (  # package, module, distribution, what it is called
    ("ai_edge_litert", "ai_edge_litert.interpreter", "ai-edge-litert", "LiteRT"),
    ("tensorflow", "tensorflow.lite.python.interpreter", "tensorflow", "TensorFlow Lite of TensorFlow"),
)
TIMEOUT = 9  # seconds, and one more for each megabyte of the file


@dataclass(frozen=True)
class Runtime:
    """An interpreter's module, and what it is called with its version."""

    module: str
    name: str

    @staticmethod
    def found() -> Runtime | None:
        """Return the first that is installed; TensorFlow's may be gone from a later version."""
        for package, module, distribution, called in PLACES:
            if importlib.util.find_spec(package) is not None:
                return Runtime(module, f"{called} {version(distribution)}")
        return None

    def interpreter(self, path: Path) -> Any:
        """Return an interpreter of a file of ours, in this process."""
        return interpreter.interpreter(self.module, str(path))

    def apart(
        self, path: Path, inputs: Sequence[int], outputs: Sequence[int], batches: Sequence[Batch]
    ) -> list[list[Any]]:
        """Run a foreign file in another process.

        Args:
            path: the file.
            inputs: the indices of the tensors that it takes.
            outputs: of those to return.
            batches: an array for each input.

        Raises:
            RunError: the interpreter refuses the file, crashes or does not end.
        """
        settings = {"module": self.module, "inputs": list(map(int, inputs)), "outputs": list(map(int, outputs))}
        patience = TIMEOUT + (path.stat().st_size >> 20)
        return apart(Path(str(interpreter.__file__)), path, settings, batches, patience).batches
