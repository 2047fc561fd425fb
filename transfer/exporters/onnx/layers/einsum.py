"""EinsumDense: a factor along some axes, a product with a matrix, or the operator Einsum for whatever else it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.layers.activations import activated
from transfer.exporters.onnx.step import Step


def _einsum(step: Step) -> Value:
    value, layer = step.writer.last(step.inputs[0]), step.layer
    kernel, rank = step.array("kernel"), len(layer.output.shape)
    x, weight, y = split(layer.equation)
    bias = None if layer.bias is None else step.array("bias")
    if x == y and is_factor(x, weight):
        made = _factor(step, value, along(x, weight, kernel), bias)
    else:
        if is_product(x, weight, y):
            made = step.add("MatMul", [value, step.weight("kernel", kernel)], rank)
        else:
            equation = layer.equation.replace(" ", "")
            made = step.add("Einsum", [value, step.weight("kernel", kernel)], rank, equation=equation)
        made = made if bias is None else step.add("Add", [made, step.weight("bias", bias)], rank, "bias")
    return activated(step, made, layer.activation)


def _factor(step: Step, value: Value, kernel: NDArray[np.float32], bias: NDArray[np.float32] | None) -> Value:
    """Scale and shift; a kernel of ones beside a bias is the shift that an import of ONNX makes, and no factor."""
    if bias is None:
        return step.add("Mul", [value, step.weight("kernel", kernel)], value.rank)
    shift = step.weight("bias", bias)
    if np.all(kernel == 1):
        return step.add("Add", [value, shift], value.rank)
    if np.all(kernel == -1):
        return step.add("Sub", [shift, value], value.rank)
    made = step.add("Mul", [value, step.weight("kernel", kernel)], value.rank, "scaled")
    return step.add("Add", [made, shift], value.rank)


def split(equation: str) -> tuple[str, str, str]:
    """Return the axes of the input, the kernel and the output; an ellipsis is one letter.

    >>> split("...x,xy->...y")
    ('.x', 'xy', '.y')
    """
    sides = equation.replace(" ", "").replace("...", ".")
    inputs, _, output = sides.partition("->")
    x, _, weight = inputs.partition(",")
    return x, weight, output


def is_factor(x: str, weight: str) -> bool:
    """Tell whether a kernel has some of the input's axes, in their order, but not that of the samples.

    >>> is_factor("abcd", "bd"), is_factor("abcd", "db"), is_factor("ab", "a")
    (True, False, False)
    """
    places = [x.find(letter) for letter in weight]
    return "." not in x and places == sorted(set(places)) and bool(places) and places[0] > 0


def is_product(x: str, weight: str, y: str) -> bool:
    """Tell whether a kernel is a matrix from the input's last axis to the output's.

    >>> is_product("abc", "cd", "abd"), is_product("abc", "cde", "abde")
    (True, False)
    """
    return len(weight) == 2 and x[-1] == weight[0] and weight[1] not in x and y == x[:-1] + weight[1]


def along(x: str, weight: str, kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a factor with an axis for each of the input's from its own first on.

    >>> along("abcd", "bd", np.ones((2, 3), np.float32)).shape
    (2, 1, 3)
    """
    sizes = dict(zip(weight, kernel.shape, strict=True))
    return kernel.reshape([sizes.get(letter, 1) for letter in x[x.index(weight[0]) :]])


LAYERS: Mapping[str, Callable[[Step], Value]] = {"EinsumDense": _einsum}
