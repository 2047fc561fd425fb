"""A `.tflite` file as values: tensors, operators and the ends of its main graph; every index in it is checked."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.importers.tflite.flatbuffer import BrokenError, Table
from transfer.importers.tflite.schema import (
    BUFFER,
    CUSTOM,
    DEFAULTS,
    IDENTIFIER,
    MODEL,
    OPERATOR,
    OPERATOR_CODE,
    OPERATORS,
    OPTIONS,
    QUANTIZATION,
    SIGNATURE,
    SUBGRAPH,
    TENSOR,
    TENSOR_MAP,
    TYPES,
)

MOST = 20_000  # tensors or buffers
MOST_OPERATORS = 4_000  # large nets have a thousand or two
MOST_ENDS = 1_000  # of one operator
MOST_AXES = 8
LARGEST = 1 << 40  # numbers that a tensor may claim


@dataclass(frozen=True)
class LiteTensor:
    """A tensor of the file.

    Attributes:
        name: the file's.
        shape: None where a size may vary.
        type: such as `FLOAT32`.
        dtype: NumPy's; None where no weight has such.
        span: where its bytes lie in the file; None where it is computed.
        scale, zero_point, axis: real number = scale * (stored - zero_point), along the axis where there are several.
        sparsity: how a sparse tensor is stored.
    """

    name: str
    shape: tuple[int | None, ...]
    type: str
    dtype: str | None
    span: tuple[int, int] | None
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0
    sparsity: Table | None = None


@dataclass(frozen=True)
class Operator:
    """An operation: its kind, and the indices of the tensors that it reads (-1: left out) and makes."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    table: Table | None

    def options(self, layout: str | None = None) -> Mapping[str, Any]:
        """Return the options of its kind by name, or of the kinds that share a layout."""
        fields = OPTIONS[layout or self.kind]
        if self.table is None:
            return {name: DEFAULTS.get(name, 0) for name in fields}
        return {name: self.table.number(slot, form, DEFAULTS.get(name, 0)) for name, (slot, form) in fields.items()}


@dataclass(frozen=True)
class Lite:
    """The main graph of a file.

    Attributes:
        data: the file's bytes.
        tensors, operators: in the file's order, in which operators run.
        inputs, outputs: tensor indices; in a signature's order where there is one.
        names: of inputs and outputs, where a signature gives them.
    """

    data: Any
    tensors: tuple[LiteTensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    names: Mapping[int, str]


def loaded(path: Path) -> Lite:
    """Read a file.

    Raises:
        ZooError: it is missing, damaged, or no TensorFlow Lite file.
    """
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            data: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # mmap's word for an empty file
        data = b""
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return parsed(data)
    except BrokenError as error:
        raise ZooError(
            f"{path} is no TensorFlow Lite file, or a damaged one: {error}", "download or convert the file again"
        ) from error


def parsed(data: Any) -> Lite:
    """Read a file's bytes.

    Raises:
        BrokenError: an offset, an index or a size does not fit.
    """
    root = Table.root(data, IDENTIFIER)
    if root.number(MODEL["version"], "<I") != 3:
        raise BrokenError(f"it has version {root.number(MODEL['version'], '<I')} of the format; expected 3")
    graphs = root.tables(MODEL["subgraphs"], MOST)
    if not graphs:
        raise BrokenError("it has no graph")
    buffers = root.tables(MODEL["buffers"], 4 * MOST)
    tensors = tuple(_tensor(table, buffers) for table in graphs[0].tables(SUBGRAPH["tensors"], MOST))
    kinds = [_kind(code) for code in root.tables(MODEL["operator_codes"], MOST)]
    count = len(tensors)
    operators = tuple(
        _operator(table, kinds, count) for table in graphs[0].tables(SUBGRAPH["operators"], MOST_OPERATORS)
    )
    inputs, outputs = (_indices(graphs[0], SUBGRAPH[side], count, 0) for side in ("inputs", "outputs"))
    named = [_signature_names(root, side) for side in ("inputs", "outputs")]
    # A converter lists them in any order, a signature by name.
    inputs, outputs = (
        tuple(names) if sorted(names) == sorted(found) else found
        for names, found in zip(named, (inputs, outputs), strict=True)
    )
    if not inputs or not outputs or len(set(inputs)) < len(inputs):
        raise BrokenError("its graph has no inputs or no outputs, or an input twice")
    _ordered(tensors, operators, inputs, outputs)
    return Lite(data, tensors, operators, inputs, outputs, named[1] | named[0])


def _kind(code: Table) -> str:
    number = max(
        code.number(OPERATOR_CODE["builtin_code"]), code.number(OPERATOR_CODE["deprecated_builtin_code"], "<b")
    )
    if not 0 <= number < len(OPERATORS):
        raise BrokenError(f"it uses the operator {number}; expected 0 to {len(OPERATORS) - 1}")
    return f"CUSTOM {code.text(OPERATOR_CODE['custom_code'])}" if number == CUSTOM else OPERATORS[number]


def _operator(table: Table, kinds: list[str], tensors: int) -> Operator:
    number = table.number(OPERATOR["opcode_index"], "<I")
    if number >= len(kinds):
        raise BrokenError(f"it uses entry {number} of its {len(kinds)} operators")
    inputs = _indices(table, OPERATOR["inputs"], tensors, -1)
    outputs = _indices(table, OPERATOR["outputs"], tensors, 0)
    return Operator(kinds[number], inputs, outputs, table.table(OPERATOR["builtin_options"]))


def _indices(table: Table, slot: int, tensors: int, least: int) -> tuple[int, ...]:
    found = tuple(int(index) for index in table.numbers(slot, "<i4", MOST_ENDS))
    if wrong := [index for index in found if not least <= index < tensors]:
        raise BrokenError(f"it uses tensor {wrong[0]} of its {tensors}")
    return found


def _tensor(table: Table, buffers: list[Table]) -> LiteTensor:
    name, dtype = TYPES.get(table.number(TENSOR["type"], "<b"), (f"number {table.number(TENSOR['type'], '<b')}", None))
    quantization = table.table(TENSOR["quantization"])
    scale, zero, axis = _quantization(quantization) if quantization else ((), (), 0)
    return LiteTensor(
        table.text(TENSOR["name"]), _shape(table), name, dtype, _span(table, buffers), scale, zero, axis,
        table.table(TENSOR["sparsity"]),
    )  # fmt: skip


def _shape(table: Table) -> tuple[int | None, ...]:
    fixed = [int(size) for size in table.numbers(TENSOR["shape"], "<i4", MOST_AXES)]
    signature = [int(size) for size in table.numbers(TENSOR["shape_signature"], "<i4", MOST_AXES)]
    total = 1
    for size in fixed:
        total *= max(size, 1)
    if any(size < 0 for size in fixed) or total > LARGEST or (signature and len(signature) != len(fixed)):
        raise BrokenError(f"it has a tensor of shape {fixed}")
    return tuple(None if size < 0 else size for size in signature or fixed)


def _span(table: Table, buffers: list[Table]) -> tuple[int, int] | None:
    number = table.number(TENSOR["buffer"], "<I")
    if number == 0:  # by convention the empty one
        return None
    if number >= len(buffers):
        raise BrokenError(f"it uses buffer {number} of its {len(buffers)}")
    if table.number(TENSOR["external_buffer"], "<I"):
        raise BrokenError("it keeps weights in other files")
    start, size = (buffers[number].number(BUFFER[field], "<Q") for field in ("offset", "size"))
    if start > 1:  # beyond the flatbuffer, in files over 2 GB
        if start + size > len(buffers[number].data):
            raise BrokenError(f"buffer {number} leads to byte {start + size}, beyond its end")
        return start, size
    start, size = buffers[number].span(BUFFER["data"])
    return (start, size) if size else None


def _quantization(table: Table) -> tuple[tuple[float, ...], tuple[int, ...], int]:
    if table.number(QUANTIZATION["details_type"], "<B"):
        raise BrokenError("it quantises weights in a way of its own")
    scale = table.numbers(QUANTIZATION["scale"], "<f4", 1 << 20)
    zero = table.numbers(QUANTIZATION["zero_point"], "<i8", 1 << 20)
    axis = table.number(QUANTIZATION["quantized_dimension"])
    return tuple(map(float, scale)), tuple(map(int, zero)), int(axis)


def _ordered(
    tensors: tuple[LiteTensor, ...], operators: tuple[Operator, ...], inputs: tuple[int, ...], outputs: tuple[int, ...]
) -> None:
    """Check that each tensor is there before it is read, and made once."""
    there = {-1, *inputs, *(index for index, tensor in enumerate(tensors) if tensor.span is not None)}
    for operator in operators:
        missing = [index for index in operator.inputs if index not in there]
        if missing:
            raise BrokenError(f"its operator {operator.kind} reads tensor {missing[0]} before it is made")
        if twice := there.intersection(operator.outputs):
            raise BrokenError(f"its operator {operator.kind} makes tensor {min(twice)} once more")
        there.update(operator.outputs)
    if missing := [index for index in outputs if index not in there]:
        raise BrokenError(f"its output, tensor {missing[0]}, is not made")


def _signature_names(root: Table, side: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for signature in root.tables(MODEL["signature_defs"], MOST_ENDS)[:1]:
        if signature.number(SIGNATURE["subgraph_index"], "<I") == 0:
            for entry in signature.tables(SIGNATURE[side], MOST_ENDS):
                found[entry.number(TENSOR_MAP["tensor_index"], "<I")] = entry.text(TENSOR_MAP["name"])
    return found
