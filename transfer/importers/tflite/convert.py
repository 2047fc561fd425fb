"""From a `.tflite` graph to a functional Keras model."""

from __future__ import annotations

import math
from typing import Any

from registry.errors import ZooError
from transfer.imported import Mapped
from transfer.importers.native import Net, Tensor
from transfer.importers.tflite.call import Build, Call, scope_of_tensor
from transfer.importers.tflite.constants import array_of
from transfer.importers.tflite.file import Lite, LiteTensor
from transfer.importers.tflite.flatbuffer import BrokenError
from transfer.importers.tflite.operators import OPERATORS
from transfer.importers.tflite.values import Value
from transfer.scope import scope_of

INPUT_TYPES = {"FLOAT32": "float32", "FLOAT16": "float32", "INT32": "int32", "INT64": "int64", "BOOL": "bool"}
MOST_NUMBERS = 1 << 28  # of all constants together that do not lie in the file as they are
MOST_AT_ONCE = 1 << 27  # of one sample at all tensors together, which a comparison holds at once


def converted(lite: Lite, where: str) -> tuple[Any, tuple[Mapped, ...], tuple[str, ...]]:
    """Return the model, its layers' account, and notes.

    Args:
        lite: the file's graph.
        where: what an error calls it.

    Raises:
        ZooError: it has operators that no Keras layer does; all are named.
        BrokenError: a constant does not fit its shape.
    """
    check_known(lite, where)
    build = Build(lite, where, Net("imported"))
    _constants(build)
    inputs = [_input(build, index) for index in lite.inputs]
    for operator in lite.operators:
        call = Call(build, operator)
        for index, value in zip(operator.outputs, OPERATORS[operator.kind](call), strict=False):
            build.values[index] = value
            _check_shape(call, lite.tensors[index], value)
        if missing := [index for index in operator.outputs if index not in build.values]:
            call.refuse(f"it makes {len(missing)} tensors more than expected")
    model = build.net.model(inputs, [_output(build, index) for index in lite.outputs])
    kept = {scope_of(operation.name) for operation in model.operations}
    mapped = tuple(one for one in build.net.mapped if one.scope in kept)
    return model, mapped, tuple(dict.fromkeys(build.notes))


def check_known(lite: Lite, where: str) -> None:
    """Refuse a graph with operators that are not known; the message names all of them."""
    unknown = sorted({operator.kind for operator in lite.operators} - OPERATORS.keys())
    if unknown:
        raise ZooError(
            f"{where} cannot be imported: no Keras layer does what its operators {', '.join(unknown)} do"
            if len(unknown) > 1
            else f"{where} cannot be imported: no Keras layer does what its operator {unknown[0]} does"
        )


def _constants(build: Build) -> None:
    """Read the constants; those that lie in the file at one place only take no memory of their own."""
    numbers = 0
    for index, tensor in enumerate(build.lite.tensors):
        array = array_of(build.lite, index)
        if array is not None:
            numbers += array.size if tensor.dtype != "<f4" else 0
            if numbers > MOST_NUMBERS:
                raise BrokenError(f"its constants hold more than {MOST_NUMBERS:,} numbers")
            build.values[index] = array


def _input(build: Build, index: int) -> Tensor:
    tensor = build.lite.tensors[index]
    name = build.lite.names.get(index) or tensor.name.removesuffix(":0").removeprefix("serving_default_")
    dtype = "float32" if tensor.scale else INPUT_TYPES.get(tensor.type)
    if dtype is None:
        raise ZooError(f"{build.where} cannot be imported: its input {name} has the type {tensor.type}")
    if not tensor.shape:
        raise ZooError(f"{build.where} cannot be imported: its input {name} is a single number for all samples")
    if tensor.scale:
        build.notes.append(f"the input {name} takes real numbers, not the quantised ones of the file")
    made = build.net.input(scope_of_tensor(name) or "input", (None, *tensor.shape[1:]), dtype=dtype)
    build.values[index] = made
    return made


def _output(build: Build, index: int) -> Tensor:
    value = build.values[index]
    if not isinstance(value, Tensor):
        raise ZooError(f"{build.where} cannot be imported: its output {build.name(index)} is the same for all inputs")
    return build.net.plain(value)


def _check_shape(call: Call, tensor: LiteTensor, value: Value) -> None:
    """Compare a shape with the one that the file declares, but for the samples' axis and what may vary."""
    if not isinstance(value, Tensor):
        return
    made, samples = value.shape, value.order[0]
    pairs = [pair for axis, pair in enumerate(zip(made, tensor.shape, strict=False)) if axis != samples]
    if len(made) != len(tensor.shape) or any(a != b for a, b in pairs if a is not None and b is not None):
        call.refuse(f"it makes {list(made)}; the file says {list(tensor.shape)}")
    call.build.numbers += math.prod(size or 1 for size in made)
    if call.build.numbers > MOST_AT_ONCE:
        call.refuse(
            f"it makes a tensor of shape {list(made)}, and all have more than {MOST_AT_ONCE:,} numbers a sample"
        )
