"""Products with a matrix, and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.layers.activations import activated
from transfer.exporters.onnx.step import Step


def _dense(step: Step) -> Value:
    """A Gemm of two axes; of more, a MatMul along the last axis and the bias after it."""
    value, layer = step.writer.last(step.inputs[0]), step.layer
    kernel = step.weight("kernel", layer.kernel)
    if value.rank == 2:
        bias = step.weight("bias", step.array("bias")) if layer.use_bias else ""
        made = step.add("Gemm", [value, kernel, bias], 2)
    else:
        made = step.biased(step.add("MatMul", [value, kernel], value.rank))
    return activated(step, made, layer.activation)


def _embedding(step: Step) -> Value:
    value = step.inputs[0]
    step.need(mask_zero=False)
    indices = step.add("Cast", [value], value.rank, "indices", to=7)
    table = step.weight("embeddings", np.asarray(step.layer.embeddings))
    return step.add("Gather", [table, indices], value.rank + 1, axis=0)


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    "Dense": _dense, "Embedding": _embedding,
}  # fmt: skip
