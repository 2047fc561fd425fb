"""Which function turns which operator into layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from transfer.importers.onnx.operators import arithmetic, convolution, dense, norm, parts, pool, recurrent, reshape
from transfer.importers.onnx.operators.activations import ACTIVATIONS
from transfer.importers.onnx.operators.reduce import OPERATIONS, reduce
from transfer.importers.onnx.operators.resize import resize

Operator = Callable[..., Sequence[Any]]

OPERATORS: dict[str, Operator] = {
    **ACTIVATIONS,
    **dict.fromkeys([*arithmetic.MERGES, *arithmetic.OPERATIONS], arithmetic.binary),
    **dict.fromkeys(OPERATIONS, reduce),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent.recurrent),
    "AveragePool": pool.average_pool,
    "BatchNormalization": norm.batch_normalization,
    "Cast": parts.cast,
    "Concat": parts.concat,
    "Conv": convolution.conv,
    "ConvTranspose": convolution.conv_transpose,
    "DepthToSpace": parts.depth_to_space,
    "Dropout": norm.dropout,
    "Expand": reshape.expand,
    "Flatten": reshape.flatten,
    "Gather": parts.gather,
    "Gemm": dense.gemm,
    "GlobalAveragePool": pool.global_average,
    "GlobalMaxPool": pool.global_max,
    "GroupNormalization": norm.group_normalization,
    "Identity": parts.same,
    "InstanceNormalization": norm.instance_normalization,
    "LRN": norm.local_response,
    "LayerNormalization": norm.layer_normalization,
    "MatMul": dense.matmul,
    "MaxPool": pool.max_pool,
    "Not": arithmetic.logical_not,
    "Pad": parts.pad,
    "Reshape": reshape.reshape,
    "Resize": resize,
    "Slice": parts.slice_,
    "SpaceToDepth": parts.space_to_depth,
    "Split": parts.split,
    "Squeeze": reshape.squeeze,
    "Transpose": reshape.transpose,
    "Unsqueeze": reshape.unsqueeze,
    "Upsample": resize,
    "Where": arithmetic.where,
}
