"""Frozen TensorFlow graphs (`.pb`): a `GraphDef` whose weights are constants.

Large constants of floating-point numbers become variables again, so that the model trains; small ones, whole numbers
and quantised ones stay what they are. Importing this module imports no TensorFlow; `read` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.imported import Imported

FORMAT = "frozen-graph"
LARGEST = (1 << 31) - 1  # protobuf's own limit for one message
HINT = "expected a serialised GraphDef, as tf.io.write_graph and freeze_graph write it"
NODE, NAME = 0x0A, 0x0A  # field 1 of GraphDef is a node, and field 1 of NodeDef its name
OTHERS = frozenset({"saved_model.pb", "tfhub_module.pb", "keras_metadata.pb", "fingerprint.pb"})


def claims(path: Path | str) -> bool:
    """Tell whether a path is a frozen graph: a `.pb` file that begins with a node, and is no part of a SavedModel."""
    file = Path(path)
    if not file.name.endswith((".pb", ".pbtxt")) or file.name in OTHERS or not file.is_file():
        return False
    if file.name.endswith(".pbtxt"):
        return file.name != "saved_model.pbtxt"
    with file.open("rb") as opened:
        return opened.read(1) in (bytes([NODE]), b"")


def read(
    path: Path | str,
    *,
    input: str | None = None,
    output: str | None = None,
    compare: bool = True,
    seed: int = 0,
    watch: Watch = silent,
) -> Imported:
    """Import a frozen graph as a functional Keras model with one or more inputs and outputs.

    Args:
        path: the file.
        input: the input tensors, `X:0` or `X`, separated by commas; None finds the one placeholder.
        output: the output tensors; None finds the last layer.
        compare: run the original graph beside the model on random inputs, and refuse a model that differs.
        seed: of those inputs.
        watch: called with progress.

    Raises:
        ZooError: the file is damaged or none, the input or output cannot be told, an operation may not run, or the
            model differs from the original by more than 1e-4 of its largest output.
    """
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

    from transfer.importers.metagraph.lower import lowered
    from transfer.importers.metagraph.reader import find_ends, made
    from transfer.importers.metagraph.thaw import thawed

    meta = MetaGraphDef()
    _parse(Path(path), meta)
    graph, values = thawed(lowered(meta.graph_def))
    ends = find_ends(graph, meta, input, output)
    return made(FORMAT, meta, graph, ends, values, seed if compare else None, watch)


def _parse(path: Path, meta: Any) -> None:
    """Read the file into the graph of a meta-graph."""
    from google.protobuf.message import DecodeError

    try:
        size = path.stat().st_size
        data = path.read_bytes() if 0 < size <= LARGEST else b""
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}", HINT) from error
    if not data:
        raise ZooError(f"{path} is no frozen graph: it has {size} bytes", HINT)
    if data[:200].lstrip().startswith((b"node {", b"node{", b"library {", b"versions {")):
        raise ZooError(f"{path} is the text form of a graph", "save it in binary form with as_text=False")
    try:
        meta.graph_def.ParseFromString(data)
    except DecodeError as error:
        raise ZooError(f"{path} is no frozen graph: it does not parse as a GraphDef", HINT) from error
    if not meta.graph_def.node or not all(node.op for node in meta.graph_def.node):
        raise ZooError(f"{path} is no frozen graph: it holds no operations", HINT)
