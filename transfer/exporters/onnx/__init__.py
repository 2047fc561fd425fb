"""ONNX files, operator set 17, written layer by layer.

Why not tf2onnx, which Keras's own export calls: it makes a Loop of a GRU and arithmetic on indices of an Embedding,
folds BatchNormalization away, computes shapes at run time and calls weights by graph nodes. What is written here has
one node of the layer's name a layer, and its weights under `scope/kernel`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.extras import need
from transfer.backbone import input_specs, output_specs
from transfer.exporters.exported import About, Checked, compared, outputs_of
from transfer.exporters.onnx.graph import Writer
from transfer.exporters.onnx.walk import walked
from transfer.inputs import Arrays

LARGEST = (1 << 31) - (1 << 24)  # bytes of a protobuf message, with room for the nodes


def write(model: Any, path: Path, about: About) -> tuple[str, ...]:
    """Write an `.onnx` file; inputs and outputs keep the model's layout and are called by their scopes.

    Raises:
        ZooError: the model has layers that are not written; the message names them. Or it is too large.
    """
    size = sum(weight.value.shape.num_elements() for weight in model.weights) * 4
    if size > LARGEST:
        raise ZooError(
            f"an ONNX file holds at most 2 GB, and the model has {size / 1e9:.1f} GB", "try --to saved_model"
        )
    writer = Writer()
    values = {id(tensor): writer.input(spec) for tensor, spec in zip(model.inputs, input_specs(model), strict=True)}
    values = walked(writer, model, values)
    for tensor, spec in zip(model.outputs, output_specs(model), strict=True):
        writer.output(values[id(tensor)], spec)
    path.write_bytes(writer.model(about).SerializeToString(deterministic=True))
    return ()


def check(model: Any, path: Path, inputs: Arrays) -> Checked:
    """Run the file in ONNX Runtime.

    Raises:
        ZooError: ONNX Runtime is not installed, or computes other numbers.
    """
    runtime = need("onnxruntime", "onnx")
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        feeds = {given.name: array for given, array in zip(session.get_inputs(), inputs, strict=True)}
        found = session.run(None, feeds)
    except Exception as error:  # ONNX Runtime's exceptions have no common base
        raise ZooError(
            f"ONNX Runtime cannot run the exported file: {(str(error).splitlines() or ['?'])[0][:300]}"
        ) from error
    return compared(outputs_of(model, inputs), found, f"ONNX Runtime {runtime.__version__}")
