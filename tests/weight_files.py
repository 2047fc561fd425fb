"""Writes files of weights byte by byte, as no library would write them: what the readers are to refuse."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from transfer.weights.claims import TABLE_MAGIC

TORCH_MAGIC = 0x1950A86A20F9469CFC6C


class Ops(bytes):
    """Pickle opcodes, that `ops` takes as they are."""


def ops(value: Any) -> Ops:
    """Return the opcodes that push a value."""
    if isinstance(value, Ops):
        return value
    if value is None or isinstance(value, bool):
        return Ops({None: b"N", True: b"\x88", False: b"\x89"}[value])
    if isinstance(value, int):
        content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return Ops(b"\x8a" + bytes([len(content)]) + content)
    if isinstance(value, str):
        return Ops(b"X" + struct.pack("<I", len(value.encode())) + value.encode())
    if isinstance(value, bytes):
        return Ops(b"B" + struct.pack("<I", len(value)) + value)
    if isinstance(value, tuple):
        return Ops(b"(" + b"".join(map(ops, value)) + b"t")
    if isinstance(value, list):
        return Ops(b"](" + b"".join(map(ops, value)) + b"e")
    return Ops(b"}(" + b"".join(ops(key) + ops(child) for key, child in value.items()) + b"u")


def symbol(name: str) -> Ops:
    """Return the opcode that names a class or function: `torch.FloatStorage`."""
    module, _, last = name.rpartition(".")
    return Ops(f"c{module}\n{last}\n".encode())


def call(name: str, *arguments: Any) -> Ops:
    """Return the opcodes of a call."""
    return Ops(symbol(name) + ops(arguments) + b"R")


def pickled(value: Any) -> bytes:
    """Return a pickle of protocol 2."""
    return b"\x80\x02" + ops(value) + b"."


def storage(key: str, count: int, kind: str = "torch.FloatStorage") -> Ops:
    """Return the opcodes of a reference to a storage."""
    return Ops(ops(("storage", symbol(kind), key, "cpu", count)) + b"Q")


def tensor(key: str, shape: Any, strides: Any, offset: Any = 0, place: Ops | None = None) -> Ops:
    """Return the opcodes of a tensor as PyTorch writes it."""
    place = place or storage(key, 6)
    hooks = call("collections.OrderedDict")
    return call("torch._utils._rebuild_tensor_v2", place, offset, shape, strides, False, hooks)


def plain(key: str = "0") -> Ops:
    """Return the opcodes of a tensor of two rows and three columns."""
    return tensor(key, (2, 3), (3, 1))


def array(content: Any, shape: Any = (2, 3), dtype: Any = "f4", order: Any = "<") -> Ops:
    """Return the opcodes of a NumPy array as NumPy pickles it."""
    made = call("numpy.core.multiarray._reconstruct", symbol("numpy.ndarray"), (0,), b"b")
    kind = call("numpy.dtype", dtype, False, True) + ops((3, order, None, None, None, -1, -1, 0)) + b"b"
    return Ops(made + ops((1, shape, Ops(kind), False, content)) + b"b")


NUMBERS = np.arange(6, dtype=np.float32).tobytes()


def torch_zip(path: Path, value: Any, storages: Mapping[str, bytes] | None = None, **extra: bytes) -> Path:
    """Write a PyTorch file of the zip format: a pickle, storages, further entries."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", value if type(value) is bytes else pickled(value))
        for key, content in ({"0": NUMBERS} if storages is None else storages).items():
            archive.writestr(f"archive/data/{key}", content)
        for name, content in extra.items():
            archive.writestr(f"archive/{name}", content)
    return path


def torch_legacy(path: Path, value: Any, keys: Any = ("0",), content: bytes | None = None) -> Path:
    """Write a PyTorch file of the older format: five pickles, then the storages."""
    heads = [TORCH_MAGIC, 1001, {"little_endian": True}, value, list(keys)]
    storages = (6).to_bytes(8, "little") + NUMBERS if content is None else content
    path.write_bytes(b"".join(map(pickled, heads)) + storages)
    return path


def safetensors(path: Path, header: Any, content: bytes = NUMBERS, size: int | None = None) -> Path:
    """Write a safetensors file with any header, and any size of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if size is None else size) + text + content)
    return path


def npy(header: str, content: bytes = NUMBERS, version: bytes = b"\1\0") -> bytes:
    """Return a `.npy` file with any header."""
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + content


def table(rows: Mapping[bytes, bytes]) -> bytes:
    """Return a TensorFlow table of one block; its checksums are zero."""
    content = b"".join(varints(0, len(key), len(value)) + key + value for key, value in rows.items())
    block = content + struct.pack("<II", 0, 1) + b"\0" * 5
    handle = varints(0, len(block) - 5)
    index = varints(0, 1, len(handle)) + b"~" + handle + struct.pack("<II", 0, 1) + b"\0" * 5
    footer = varints(0, 0) + varints(len(block), len(index) - 5)
    return block + index + footer.ljust(40, b"\0") + TABLE_MAGIC


def varints(*numbers: int) -> bytes:
    """Return numbers as protobuf and LevelDB write them."""
    found = b""
    for number in numbers:
        while number > 0x7F:
            found += bytes([number & 0x7F | 0x80])
            number >>= 7
        found += bytes([number])
    return found
