"""An ONNX file's bytes: read and checked as far as that goes without looking at the graph."""

from __future__ import annotations

from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from registry.errors import ZooError
from transfer.files.wire import DamagedError
from transfer.importers.onnx.arrays import file_of
from transfer.importers.onnx.messages import EXTERNAL, Model
from transfer.importers.onnx.slim import slim

OLDEST, NEWEST = 7, 22
LARGEST = (1 << 31) - 1  # what a protobuf may hold; larger models keep their weights beside it
LARGE = 1 << 24  # bytes of a file whose weights are left in it
HINT = "export the model again, with opset_version=17"


def loaded(path: Path) -> Any:
    """Return the `Model` message of a file.

    Raises:
        ZooError: the file is missing, damaged, no ONNX model, or of an operator set that is not known.
    """
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    if path.stat().st_size > LARGEST:
        raise ZooError(f"{path} is damaged: an ONNX file has at most {LARGEST} bytes, got {path.stat().st_size}")
    model = Model()
    try:
        # The parser bounds nesting to 100 messages, and no size in a file makes it allocate more than the file has.
        model.ParseFromString(_content(path))
        opset = _opset(model, path)
    except (DamagedError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ZooError(
            f"{path} is no ONNX model: expected a ModelProto, got other or truncated bytes",
            "download or export the file again",
        ) from error
    if not OLDEST <= opset <= NEWEST:
        raise ZooError(f"{path} uses operator set {opset}; expected {OLDEST} to {NEWEST}", HINT)
    return model


def _content(path: Path) -> bytes:
    """Return a file's bytes, of a large one without its weights."""
    if path.stat().st_size < LARGE:
        return path.read_bytes()
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        return slim(data)


def beside(model: Any, path: Path) -> frozenset[Path]:
    """Return the files beside a model that hold tensors of it, of those too that nothing reads: a runtime opens all.

    Raises:
        ZooError: one lies outside the model's folder, or is not there.
    """
    return frozenset(file_of(tensor, path) for tensor in _tensors(model.graph) if tensor.data_location == EXTERNAL)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for item in node.attribute:
            if item.HasField("t"):
                yield item.t
            if item.HasField("g"):
                yield from _tensors(item.g)


def _opset(model: Any, path: Path) -> int:
    if model.ir_version < 1 or not model.graph.node or not model.graph.output:
        raise ZooError(
            f"{path} is no ONNX model: expected a graph with nodes and outputs, got none",
            "download or export the file again",
        )
    return opset_of(model)


def opset_of(model: Any) -> int:
    """Return the version of the standard operators that a model uses; 1 where it does not say."""
    versions = [int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return max(versions, default=1)
