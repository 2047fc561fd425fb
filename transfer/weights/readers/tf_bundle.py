"""What the `.index` of a TensorFlow checkpoint declares, checked against its `.data` files before anything is read.

Messages: tensorflow/core/protobuf/tensor_bundle.proto; of the first version, with everything in one file,
tensorflow/core/util/saved_tensor_slice.proto. TensorFlow reads the arrays: it joins partitions and checks checksums.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.files.source import FileSpan, size_of
from transfer.weights.readers.stored import MOST_AXES
from transfer.weights.readers.tf_table import rows

MOST_SHARDS = 10_000
SLICE_MARK = b"\0"  # begins the key of one part of a partitioned variable
PACKED = 8  # the first version writes an int64 in one byte or more


@dataclass(frozen=True)
class Variable:
    """A variable of a checkpoint: its shape, bytes a number, and where it lies, to put variables in order."""

    shape: tuple[int, ...]
    itemsize: int
    place: tuple[int, int] = (0, 0)

    @property
    def bytes(self) -> int:
        """How many bytes it takes."""
        return prod(self.shape) * self.itemsize


@dataclass(frozen=True)
class Declared:
    """The variables of numbers by name, in the order of the file, and the names of the others."""

    variables: dict[str, Variable]
    others: tuple[str, ...]


def bundle(prefix: str) -> Declared:
    """Return what the index of a checkpoint declares.

    Raises:
        ZooError: it is damaged, a `.data` file is missing, or a variable does not lie within its file.
    """
    from tensorflow.core.protobuf import tensor_bundle_pb2 as messages

    path = Path(f"{prefix}.index")
    table = rows(FileSpan(path, 0, size_of(path)), str(path))
    first = next(table, (b"-", b""))
    if first[0] != b"":
        raise ZooError(f"{path} is no index of a TensorFlow checkpoint: it has no header")
    sizes = _shards(prefix, _parsed(messages.BundleHeaderProto, first[1], path).num_shards)
    variables, others = {}, []
    for key, value in table:
        entry = _parsed(messages.BundleEntryProto, value, path)
        name = _name(key, path)
        variable = _variable(entry, name, path)
        if variable is None:
            others.append(name)
        else:
            _check_place(entry, variable, sizes, name, path)
            if not key.startswith(SLICE_MARK):
                variables[name] = variable
    return Declared(dict(sorted(variables.items(), key=lambda item: item[1].place)), tuple(others))


def single(path: Path) -> Declared:
    """Return what a checkpoint of the first version declares.

    Raises:
        ZooError: it is damaged, or declares more than can be in it.
    """
    from tensorflow.core.util import saved_tensor_slice_pb2 as messages

    size = size_of(path)
    key, value = next(rows(FileSpan(path, 0, size), str(path)), (b"-", b""))
    if key != b"":
        raise ZooError(f"{path} is no TensorFlow checkpoint: it has no header")
    variables, others = {}, []
    for entry in _parsed(messages.SavedTensorSlices, value, path).meta.tensor:
        variable = _variable(entry, entry.name, path, entry.type)
        if variable is None:
            others.append(entry.name)
        elif len(entry.slice) > 1:
            raise ZooError(
                f"{path} holds {shown(entry.name)!r} in {len(entry.slice)} parts, which TensorFlow no longer reads",
                "save it with a Saver of version 2, or without partitions",
            )
        elif variable.bytes > PACKED * size:
            raise _outside(entry.name, variable, path)
        else:
            variables[entry.name] = variable
    return Declared(variables, tuple(others))


def _shards(prefix: str, count: int) -> list[int]:
    """Return the sizes of the `.data` files."""
    if not 0 < count <= MOST_SHARDS:
        raise ZooError(f"{prefix}.index is damaged: it names {count} .data files")
    files = [Path(f"{prefix}.data-{number:05d}-of-{count:05d}") for number in range(count)]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise ZooError(
            f"the checkpoint {prefix} is incomplete: missing {', '.join(missing[:3])}",
            "copy the .index and all .data files of one step into the same folder",
        )
    return [size_of(file) for file in files]


def _variable(entry: Any, name: str, path: Path, type: int | None = None) -> Variable | None:
    """Return a variable as it is declared, or None where it holds no numbers."""
    import tensorflow as tf

    shape = tuple(dim.size for dim in entry.shape.dim)
    if entry.shape.unknown_rank or len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise ZooError(f"{path} is damaged: {shown(name, 200)!r} has the shape {shown(shape)}")
    try:
        dtype = tf.dtypes.as_dtype(entry.dtype if type is None else type)
    except TypeError as error:
        raise ZooError(f"{path} is damaged: {shown(name, 200)!r} has no known type") from error
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool or dtype.is_complex):
        return None
    return Variable(shape, dtype.size, (entry.shard_id, entry.offset) if type is None else (0, 0))


def _check_place(entry: Any, variable: Variable, sizes: list[int], name: str, path: Path) -> None:
    """Refuse what lies outside its file, or is not as large as its shape."""
    if not 0 <= entry.shard_id < len(sizes):
        raise _outside(name, variable, path)
    if entry.slices:  # its parts have entries of their own; all of them are allocated at once
        fits = variable.bytes <= sum(sizes) and all(_within(part, variable.shape) for part in entry.slices)
    else:
        fits = entry.size == variable.bytes and 0 <= entry.offset <= sizes[entry.shard_id] - entry.size
    if not fits:
        raise _outside(name, variable, path)


def _within(part: Any, shape: tuple[int, ...]) -> bool:
    """Tell whether a part of a partitioned variable is one; an extent without a length is a whole axis."""
    extents = [(extent.start, extent.length) for extent in part.extent]
    return len(extents) == len(shape) and all(
        min(start, length) >= 0 and start + length <= size for (start, length), size in zip(extents, shape, strict=True)
    )


def _outside(name: str, variable: Variable, path: Path) -> ZooError:
    return ZooError(
        f"{path} declares {shown(name, 200)!r} {shown(variable.shape)}, which does not lie within its data; "
        "the checkpoint is truncated or damaged"
    )


def _parsed(message: Any, content: bytes, path: Path) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return message.FromString(content)
    except DecodeError as error:
        raise ZooError(
            f"{path} is no index of a TensorFlow checkpoint, or a damaged one: {shown(error, 100)}"
        ) from error


def _name(key: bytes, path: Path) -> str:
    try:
        return key.decode("latin-1" if key.startswith(SLICE_MARK) else "utf-8")
    except UnicodeDecodeError as error:
        raise ZooError(f"{path} is damaged: a variable's name is no text") from error
