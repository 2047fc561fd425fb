"""TensorFlow Lite files: float32, one signature with named inputs and outputs, a batch that may vary."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from registry.errors import ZooError
from transfer.exporters import saved_model
from transfer.exporters.exported import About, Checked, compared, end_names, outputs_of
from transfer.exporters.quiet import quiet
from transfer.imported import GRAPH_LAYER
from transfer.importers.savedmodel.keras_config import SIGNATURE
from transfer.importers.tflite.runtime import Runtime
from transfer.inputs import Arrays
from transfer.scope import scope_of

OPERATION = re.compile(r"(?:'tf\.|\btf\.|\"tf\.)([A-Z]\w+)")


def write(model: Any, path: Path, about: About) -> tuple[str, ...]:
    """Write a `.tflite` file.

    Raises:
        ZooError: an operation has no form in TensorFlow Lite; the message names all of them.
    """
    unrolled, notes = _without_loops(model)
    with tempfile.TemporaryDirectory() as folder:
        served = Path(folder) / "model"
        saved_model.write(unrolled, served, about)
        path.write_bytes(_converted(unrolled, served))
    return notes


def check(model: Any, path: Path, inputs: Arrays) -> Checked:
    """Run the file in TensorFlow Lite's interpreter, by its signature."""
    names, results = end_names(model)
    runtime = Runtime.found()
    if runtime is None:
        raise ZooError("no TensorFlow Lite interpreter is installed", "pip install 'zoo[tflite]'")
    runner = runtime.interpreter(path).get_signature_runner(SIGNATURE)
    found = runner(**{name: np.asarray(array) for name, array in zip(names, inputs, strict=True)})
    return compared(outputs_of(model, inputs), [found[name] for name in results], runtime.name)


def _converted(model: Any, served: Path) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(served), signature_keys=[SIGNATURE])
    try:
        with quiet():
            converted: bytes = converter.convert()
    except Exception as error:  # ConverterError is no public name, and others come through
        raise _refused(model, str(error)) from error
    return converted


def _refused(model: Any, text: str) -> ZooError:
    """Name the operations that the converter names, and the layers that can hold such."""
    names = sorted(set(OPERATION.findall(text)))
    ours = [scope_of(layer.name) for layer in model.layers if type(layer).__name__ == GRAPH_LAYER]
    what = (
        f"these operations have no form there: {', '.join(names)}" if names else (text.splitlines() or ["?"])[0][:300]
    )
    where = f"; the layers {', '.join(ours)} are {GRAPH_LAYER}" if ours else ""
    return ZooError(f"the model cannot be written as TensorFlow Lite: {what}{where}", "try --to saved_model")


def _without_loops(model: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the model with its recurrent layers written out step by step, which share their weights.

    The converter turns no loop over a batch that may vary into TensorFlow Lite's operators.

    Raises:
        ZooError: a recurrent layer reads sequences of any length.
    """
    if not any(loops(layer) for layer in model.layers):
        return model, ()
    endless = [scope_of(layer.name) for layer in model.layers if loops(layer) and layer.input.shape[1] is None]
    if endless:
        raise ZooError(
            f"TensorFlow Lite needs sequences of a fixed length; {', '.join(endless)} read any", "try --to onnx"
        )
    unrolled = keras.models.clone_model(model, clone_function=_unrolled)
    for old, new in zip(model.layers, unrolled.layers, strict=True):
        new.set_weights(old.get_weights())
    return unrolled, ("recurrent layers are written out step by step",)


def loops(layer: Any) -> bool:
    """Tell whether a layer is recurrent, and so is written out step by step."""
    return isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional)


def _unrolled(layer: Any) -> Any:
    config = layer.get_config()
    if isinstance(layer, keras.layers.Bidirectional):
        for side in ("layer", "backward_layer"):
            if config.get(side):
                config[side]["config"]["unroll"] = True
    elif loops(layer):
        config["unroll"] = True
    return type(layer).from_config(config)
