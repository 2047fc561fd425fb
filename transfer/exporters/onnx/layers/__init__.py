"""How each layer is written: a table from its class to a function from a `Step` to its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.layers import (
    activations,
    convolution,
    dense,
    einsum,
    merging,
    norm,
    pooling,
    recurrent,
    shapes,
    windows,
)
from transfer.exporters.onnx.step import Step

# What does nothing in inference mode.
IDENTITIES = frozenset({
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
})  # fmt: skip
LAYERS: Mapping[str, Callable[[Step], Value]] = {
    **activations.LAYERS,
    **convolution.LAYERS,
    **dense.LAYERS,
    **einsum.LAYERS,
    **merging.LAYERS,
    **norm.LAYERS,
    **pooling.LAYERS,
    **recurrent.LAYERS,
    **shapes.LAYERS,
    **windows.LAYERS,
}
