"""The proof: the file in an interpreter of TensorFlow Lite, beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.importers.agreement import Difference, agreement
from transfer.importers.apart import Batch, RunError
from transfer.importers.probes import Probe, probes, rows_of
from transfer.importers.tflite.file import Lite
from transfer.importers.tflite.runtime import Runtime

BATCH = 2
MOST_SAMPLES = 4096  # that a file may take at once
UNKNOWN_SIZE = 64
WHOLE = ("INT8", "UINT8", "INT16")
HYBRID = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")


def rounds(lite: Lite) -> bool:
    """Tell whether the interpreter computes with whole numbers, at activations or after rounding them on the way."""
    inner = (tensor for tensor in lite.tensors if tensor.span is None and tensor.scale)
    if any(tensor.type in WHOLE for tensor in inner):
        return True
    weights = (index for one in lite.operators if one.kind in HYBRID for index in one.inputs[1:2] if index >= 0)
    return any(lite.tensors[index].type in WHOLE for index in weights)


def compared(path: Path, lite: Lite, model: Any, runtime: Runtime, seed: int) -> Difference:
    """Run a file that was accepted and its model on the same random inputs.

    Raises:
        ZooError: they differ, or the interpreter refuses the file.
    """
    batches = probes(_inputs(model, lite), seed)
    ours = [_outputs(model(batch[0] if len(batch) == 1 else batch, training=False)) for batch in batches]
    theirs = _run(path, lite, runtime, batches)
    return agreement(zip(theirs, ours, strict=True), f"the TensorFlow Lite file {path}")


def _inputs(model: Any, lite: Lite) -> list[Probe]:
    from transfer.backbone import model_inputs

    batch, below = _batch(lite) or BATCH, rows_of(model)
    return [
        Probe.of(
            (None, *one.shape), one.dtype, batch, UNKNOWN_SIZE, below if one.whole or one.indices is not None else None
        )
        for one in model_inputs(model)
    ]


def _batch(lite: Lite) -> int | None:
    """Return how many samples the file takes at once, where it takes no other number.

    Raises:
        ZooError: they are more than anyone means.
    """
    fixed = lite.tensors[lite.inputs[0]].shape[0]
    if fixed is not None and fixed > MOST_SAMPLES:
        raise ZooError(
            f"the file takes {fixed:,} samples at once; expected at most {MOST_SAMPLES:,}",
            "it may be damaged: download or convert it again",
        )
    return None if fixed is None or fixed < 1 else fixed


def _run(path: Path, lite: Lite, runtime: Runtime, batches: Sequence[Batch]) -> list[list[Any]]:
    try:
        return runtime.apart(path, lite.inputs, lite.outputs, batches)
    except RunError as error:
        raise ZooError(f"{path} cannot be run by {runtime.name}: {error}", "download or convert it again") from error


def _outputs(found: Any) -> list[Any]:
    return [np.asarray(one) for one in (found if isinstance(found, list | tuple) else [found])]
