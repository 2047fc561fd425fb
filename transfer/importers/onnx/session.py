"""An ONNX file in ONNX Runtime. `run` is executed in a process apart, so nothing of ours is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = "session.model_external_initializers_file_folder_path"


def run(path: str, settings: Mapping[str, Any], batches: Sequence[Sequence[Any]]) -> tuple[str, list[list[Any]]]:
    """Run a file; see `apart.apart`.

    Args:
        path: the model.
        settings: its tensors at `inputs` and `outputs`; at `more`, in hexadecimal digits, a `ModelProto` with outputs
            that the file does not have.
        batches: an array for each input.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    data: Any = path
    if settings["more"]:
        # Protocol buffers: what is parsed one behind the other is merged, and repeated fields are joined.
        data = Path(path).read_bytes() + bytes.fromhex(settings["more"])
        options.add_session_config_entry(FOLDER, str(Path(path).resolve().parent))
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    del data
    names = settings["inputs"]
    made = [session.run(settings["outputs"], dict(zip(names, batch, strict=True))) for batch in batches]
    return onnxruntime.__version__, made
