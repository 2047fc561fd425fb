"""Products of matrices."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.native import Tensor
from transfer.importers.onnx.call import Call
from transfer.importers.onnx.known import Known


def gemm(call: Call) -> list[Tensor]:
    """Alpha x W + beta b, as a Dense layer; W may be stored turned."""
    x, alpha, beta = call.tensor(), call.real("alpha", 1.0), call.real("beta", 1.0)
    if call.integer("transA"):
        call.refuse("it turns its input (transA), which moves the axis of the samples")
    if not isinstance(call.given(1), Known):
        call.refuse("its second input is no constant")
    kernel = call.weight(1).T if call.integer("transB") else call.weight(1)
    kernel = kernel if alpha == 1 else kernel * np.float32(alpha)
    bias = None if call.given(2) is None else call.weight(2) * np.float32(beta)
    return [_dense(call, x, kernel, bias, call.sources(1, 2))]


def matmul(call: Call, added: NDArray[np.float32] | None = None, added_from: tuple[str, ...] = ()) -> list[Tensor]:
    """By a constant a Dense layer, with the bias that the next node adds; else a product of tensors.

    Args:
        call: the node.
        added: a bias (units,).
        added_from: its names.
    """
    if isinstance(call.given(1), Known):
        kernel = call.weight(1)
        kernel = kernel.reshape(kernel.shape[-2:]) if kernel.ndim > 2 and kernel[..., 0, 0].size == 1 else kernel
        return [_dense(call, call.tensor(), kernel, added, (*call.sources(1), *added_from))]
    if isinstance(call.given(0), Known):
        left, x = call.array(0).astype(np.float32), call.net.plain(call.tensor(1))
        if left.size > 1 << 16:
            call.refuse("its first input is a large constant, and its second is not")
        return [call.operation(lambda t: keras.ops.matmul(left, t), x)]
    one, other = (call.net.plain(tensor) for tensor in (call.tensor(0), call.tensor(1)))
    if len(one.order) != len(other.order) or len(one.order) < 3:
        call.refuse(f"it multiplies tensors of {len(one.order)} and {len(other.order)} axes")
    return [call.operation(keras.ops.matmul, one, other)]


def _dense(
    call: Call, x: Tensor, kernel: NDArray[np.float32], bias: NDArray[np.float32] | None, sources: tuple[str, ...]
) -> Tensor:
    if kernel.ndim != 2:
        call.refuse(f"its matrix has {kernel.ndim} axes; expected 2")
    last = len(x.order) - 1
    if last < 1:
        call.refuse("its input has one axis")
    x = x if x.order[-1] == last else call.net.plain(x)
    weights = [np.ascontiguousarray(kernel)] + ([] if bias is None else [_row(call, bias, kernel.shape[1])])
    return call.layer(keras.layers.Dense(kernel.shape[1], use_bias=bias is not None), x, weights, sources)


def _row(call: Call, bias: NDArray[np.float32], units: int) -> NDArray[np.float32]:
    if bias.size not in (1, units) or (bias.size > 1 and bias.shape[-1] != units):
        call.refuse(f"what it adds has the shape {list(bias.shape)}; expected {units} numbers")
    return np.ascontiguousarray(np.broadcast_to(bias.reshape(-1), (units,)))


def bias_of(array: NDArray[np.float32], units: int, axis: int, rank: int) -> NDArray[np.float32] | None:
    """Return the bias that a constant is when it is added to a product, None where it is none.

    Args:
        array: what is added.
        units: how many outputs the product has.
        axis: which axis of the product they are, from the end: 1 is the last.
        rank: how many axes the product has.
    """
    shape = (1,) * (rank - array.ndim) + array.shape
    fits = array.ndim <= rank and shape[-axis] == units and array.size == units
    return np.ascontiguousarray(array.reshape(-1)) if fits else None
