"""Read a caffemodel: a serialised `NetParameter`, its arrays left in the file until they are asked for."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from registry.errors import ZooError
from transfer.files.wire import LEN, DamagedError, Field, Walk, encoded
from transfer.importers.caffe.blob import Blob, blob_of
from transfer.importers.caffe.schema import NetParameter

HINT = "expected the .caffemodel that Caffe's solver writes"
LAYER, LAYERS = 100, 2  # fields of NetParameter: today's layers, and those of version 1
BLOBS = {LAYER: 7, LAYERS: 6}
NAME = {LAYER: 1, LAYERS: 4}
OTHERS = {b"\x89HDF\r\n\x1a\n": "an HDF5 file", b"PK\x03\x04": "a zip archive", b"\x80\x02": "a pickle"}


@dataclass(frozen=True)
class CaffeModel:
    """What a caffemodel holds.

    Attributes:
        path: the file.
        net: the `NetParameter` without its arrays.
        blobs: the arrays of each layer that has any, by the layer's name.
    """

    path: Path
    net: Any
    blobs: dict[str, tuple[Blob, ...]]


def read_caffemodel(path: Path) -> CaffeModel:
    """Read the layers and find the arrays of a caffemodel.

    Raises:
        ZooError: it cannot be read, is something else or damaged, or holds no layer.
    """
    data = _mapped(path)
    walk, rest = Walk(data), bytearray()
    blobs: dict[str, tuple[Blob, ...]] = {}
    try:
        for field in walk.fields(0, len(data)):
            if field.number in BLOBS and field.wire == LEN:
                kept, name, found = _layer(walk, field, path)
                rest += encoded(field.number << 3 | LEN) + encoded(len(kept)) + kept
                if found and name not in blobs:
                    blobs[name] = found
            else:
                rest += data[field.begin : field.stop]
        net = NetParameter.FromString(bytes(rest))
        _check_texts(net)
    except (DamagedError, DecodeError, UnicodeDecodeError) as error:
        raise ZooError(f"{path} is no caffemodel, or is damaged: {_reason(data, error)}", HINT) from error
    except ZooError as error:
        raise ZooError(f"{path} is damaged: {error.message}", HINT) from error
    if not net.layer and not net.layers:
        raise ZooError(f"{path} is no caffemodel: it holds no layer", HINT)
    return CaffeModel(path, net, blobs)


def _check_texts(message: Any) -> None:
    """Raise a UnicodeDecodeError for a text that is none: protobuf itself does so when it is first asked for."""
    for field, value in message.ListFields():
        several = [value] if isinstance(value, str | bytes) or hasattr(value, "ListFields") else value
        if field.type == field.TYPE_STRING:
            for text in several:
                _ = text.decode() if isinstance(text, bytes) else text
        elif field.message_type is not None:
            for inner in several:
                _check_texts(inner)


def _mapped(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}", HINT) from error
    except ValueError as error:
        raise ZooError(f"{path} is no caffemodel: it is empty", HINT) from error


def _layer(walk: Walk, field: Field, path: Path) -> tuple[bytes, str, tuple[Blob, ...]]:
    """Return a layer's bytes without its arrays, its name, and the arrays."""
    parts = list(walk.fields(field.start, field.stop))
    named = [part for part in parts if part.number == NAME[field.number] and part.wire == LEN]
    name = bytes(walk.data[named[-1].start : named[-1].stop]).decode("utf-8", "replace") if named else ""
    arrays = [part for part in parts if part.number == BLOBS[field.number]]
    blobs = tuple(blob_of(walk, part, f"{name}/{place}", path) for place, part in enumerate(arrays))
    kept = b"".join(bytes(walk.data[part.begin : part.stop]) for part in parts if part.number != BLOBS[field.number])
    return kept, name, blobs


def _reason(data: Any, error: Exception) -> str:
    for start, what in OTHERS.items():
        if bytes(data[: len(start)]) == start:
            return f"it is {what}"
    return str(error)
