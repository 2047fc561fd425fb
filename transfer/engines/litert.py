"""A trunk in LiteRT, from the file that `transfer.exporters.tflite` writes."""

from __future__ import annotations

import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from registry.errors import ZooError
from transfer.cores import cores
from transfer.engines.ends import Ends
from transfer.exporters import tflite
from transfer.exporters.exported import About, end_names
from transfer.exporters.quiet import quiet
from transfer.feeding import Feed, Sliced
from transfer.files.shown import first_line
from transfer.importers.savedmodel.keras_config import SIGNATURE
from transfer.importers.tflite.runtime import Runtime
from transfer.inputs import Arrays

START, A_LAYER, A_GIGABYTE = 2.0, 0.06, 20.0  # seconds


class LiteRT:
    """An engine; see `transfer.engines.engine.Engine`. Its buffers are made for one batch of one size at a time.

    Raises:
        ZooError: no interpreter is installed, or an operation has no form in TensorFlow Lite.
    """

    at_once = 1

    def __init__(self, trunk: Any) -> None:
        runtime = Runtime.found()
        if runtime is None:
            raise ZooError("no TensorFlow Lite interpreter is installed", "pip install 'zoo[tflite]'")
        self.name, self._ends = runtime.name, Ends.of(trunk)
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            path = Path(folder) / "trunk.tflite"
            try:
                tflite.write(self._ends.model, path, About("trunk", ""))
                self._interpreter = _interpreter(runtime, path)
            except (tf.errors.OpError, RuntimeError, ValueError) as error:
                raise ZooError(f"{self.name} cannot run the exported trunk: {first_line(error)}") from error
        self._inputs, self._outputs = _places(self._interpreter, self._ends.model)
        self._shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Arrays) -> Arrays:
        """Return the trunk's outputs for a batch.

        Raises:
            ZooError: it cannot compute with such samples.
        """
        try:
            return self._ends.spread(batch, self._made(self._ends.read(batch)))
        except (RuntimeError, ValueError) as error:
            raise ZooError(
                f"{self.name} cannot compute the model's outputs for these samples: {first_line(error)}",
                "TensorFlow may: --backend tensorflow",
            ) from error

    def _made(self, arrays: list[Any]) -> list[Any]:
        shapes = [array.shape for array in arrays]
        if shapes != self._shapes:
            self._fit(shapes)
        for index, array in zip(self._inputs, arrays, strict=True):
            self._interpreter.set_tensor(index, np.ascontiguousarray(array))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def _fit(self, shapes: list[tuple[int, ...]]) -> None:
        """Make the buffers for a batch of another size."""
        with quiet():
            for index, shape in zip(self._inputs, shapes, strict=True):
                self._interpreter.resize_tensor_input(index, shape)
            self._interpreter.allocate_tensors()
        self._shapes = shapes


def build(trunk: Any, feed: Feed | Sliced) -> LiteRT:
    """Make a trunk ready."""
    return LiteRT(trunk)


def cost(trunk: Any) -> float:
    """Return about how many seconds it takes to make a trunk ready, as measured on two cores.

    A recurrent layer is written out step by step, so each step counts as a layer.
    """
    steps = sum(_steps(layer) for layer in trunk.layers)
    return START + A_LAYER * steps + A_GIGABYTE * 4e-9 * int(trunk.count_params())


def _steps(layer: Any) -> int:
    return 1 if not tflite.loops(layer) else 10 * (layer.input.shape[1] or 1)


def _interpreter(runtime: Runtime, path: Path) -> Any:
    found = import_module(runtime.module)
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")  # TensorFlow's says that it moves to LiteRT
        return found.Interpreter(model_path=str(path), num_threads=cores())


def _places(interpreter: Any, model: Any) -> tuple[list[int], list[int]]:
    """Return the indices of the tensors for a model's inputs and outputs, by the names that its exporter gave them."""
    runner = interpreter.get_signature_runner(SIGNATURE)
    ins, outs = runner.get_input_details(), runner.get_output_details()
    names, results = end_names(model)
    return [ins[name]["index"] for name in names], [outs[name]["index"] for name in results]
