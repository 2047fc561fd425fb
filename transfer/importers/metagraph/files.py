"""Read a `.meta` file: a serialised `MetaGraphDef` (tensorflow/core/protobuf/meta_graph.proto)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.variable_pb2 import VariableDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

from registry.errors import ZooError

LARGEST = (1 << 31) - 1  # protobuf's own limit for one message
HINT = "expected the .meta file that tf.train.Saver.save writes beside .index and .data"


def read_meta(path: Path) -> Any:
    """Return the `MetaGraphDef` in a file.

    Raises:
        ZooError: it cannot be read, or is something else; the message says what.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if 0 < size <= LARGEST else b""
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}", HINT) from error
    if not data:
        raise ZooError(f"{path} is no meta-graph: it has {size} bytes", HINT)
    meta = parsed(MetaGraphDef, data)
    if meta is None or not meta.graph_def.node:
        raise ZooError(f"{path} is no meta-graph: {_guess(data)}", HINT)
    return meta


def parsed(kind: Any, data: bytes) -> Any:
    """Return bytes as a protobuf message of a kind, or None where they are none."""
    try:
        return kind.FromString(data)
    except DecodeError:
        return None


def _guess(data: bytes) -> str:
    """Say what a file is instead."""
    if data[:400].lstrip().startswith((b"meta_info_def", b"graph_def", b"saver_def", b"node {", b"node{")):
        return "it is the text form of a graph; save it in binary form with as_text=False"
    graph = parsed(GraphDef, data)
    if graph is not None and graph.node and all(node.op for node in graph.node):
        return "it is a bare GraphDef, which names no checkpoint"
    return "it does not parse as a MetaGraphDef with nodes"


def collections(meta: Any) -> dict[str, tuple[str, ...]]:
    """Return the node, tensor and variable names that the graph's collections hold."""
    return {name: found for name, held in meta.collection_def.items() if (found := _names(held))}


def _names(held: Any) -> tuple[str, ...]:
    """Read a list of nodes, or of `VariableDef`s, whose first field is the name (variable.proto)."""
    if held.node_list.value:
        return tuple(held.node_list.value)
    found = (parsed(VariableDef, data) for data in held.bytes_list.value)
    return tuple(item.variable_name for item in found if item is not None and ":" in item.variable_name)
