"""What a hostile TensorFlow graph tries: Python code, files, loops without end; what its checkpoint claims."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hostile_case import Case
from hostile_seeds import frozen

Spoil = Callable[[Path], None]
Build = Callable[[Any], Callable[[], None]]


def _named(name: str) -> Build:
    return lambda graphs: getattr(graphs, name)


def _filled(graphs: Any) -> Callable[[], None]:
    """Return what builds a net that adds the mean of 2**40 ones."""

    def build() -> None:
        hidden = graphs.dense(graphs.image(4), 4, "hidden", graphs.tf.nn.relu)
        ones = graphs.tf.fill([1 << 20, 1 << 20], 1.0, name="ones")
        graphs.dense(hidden + graphs.tf.reduce_mean(ones), 2, "outputs")

    return build


def _tiled(graphs: Any) -> Callable[[], None]:
    """Return what builds a net that repeats its input as often as it computes from the input's own shape."""

    def build() -> None:
        x = graphs.image(4)
        often = graphs.tf.stack([1, graphs.tf.shape(x)[1] * 75_000_000])
        many = graphs.tf.tile(x, often, name="many")
        graphs.dense(graphs.tf.reduce_mean(many, 1, keepdims=True), 2, "outputs")

    return build


REFUSED: dict[str, tuple[Build, str]] = {
    "a PyFunc in the used part": (
        _named("calling"),
        r"cannot import the operation PyFunc \(node call\): it runs Python code",
    ),
    "a file that is read": (
        _named("reading"),
        r"cannot import the operation ReadFile \(node steal\): it reads or writes files",
    ),
    "a while loop in the used part": (
        _named("looping"),
        r"cannot import the operation \w+ \(node while.*\): it is part of a while loop",
    ),
    "a condition on the data": (
        _named("conditional"),
        r"cannot import the operation Switch .*its condition depends on",
    ),
    "a constant of 4 TB that is computed": (
        _filled,
        r"the node ones makes 1,099,511,627,776 numbers a sample: expected at most 67,108,864",
    ),
    "4 GB of a sample": (_tiled, r"the node many makes 1,200,000,000 numbers a sample: expected at most 67,108,864"),
    "noise": (_named("random"), r"RandomStandardNormal \(node noise/RandomStandardNormal\): it draws random numbers"),
}


def cases() -> Iterator[Case]:
    """Yield the cases of these formats."""
    for wrong, (build, message) in REFUSED.items():
        yield Case("saved-model", wrong, _saved(build), message)
        yield Case("tf1-metagraph", wrong, _checkpoint(build), message)
        yield Case("frozen-graph", wrong, _frozen(build), message)
    yield from _graphs()
    yield from _missing()
    yield from _indices()


def _graphs() -> Iterator[Case]:
    """Yield damage inside a graph that still parses."""
    for wrong, change, message in (
        ("a node that reads itself", _circle, r"reads what it makes"),
        ("an input that is not there", _dangling, r"the graph is damaged: .* reads 'gone"),
        ("an operation of one's own", _own, r"EvilOp"),
        ("functions that call each other", _recursive, r"the graph's function again calls itself"),
        (
            "no nodes",
            lambda graph: graph.ClearField("node"),
            r"is of no format that can be read|is no meta-graph: it does not parse|its graph holds no operations",
        ),
        ("a weight of 4 TB", _giant, r"refuses this graph|disagree on shapes"),
        ("nested 200 deep", _nested, r"is no|does not parse"),
    ):
        words = ("--output", "outputs/BiasAdd") if change is _circle else None
        yield Case("frozen-graph", wrong, _graph_def(change), message, words)
        yield Case("tf1-metagraph", wrong, _meta(change), message, words)
        yield Case("saved-model", wrong, _saved_model(change), message)


def _missing() -> Iterator[Case]:
    data = "variables.data-00000-of-00001"
    yield Case(
        "saved-model", "no variables", lambda folder: shutil.rmtree(folder / "m" / "variables"), r"has no values"
    )
    yield Case("saved-model", "no data", lambda folder: (folder / "m/variables" / data).unlink(), rf"missing .*{data}")
    for name in ("index", "data-00000-of-00001"):
        gone = rf"m\.ckpt is incomplete: missing .*m\.ckpt\.{name}"
        yield Case("tf1-metagraph", f"no {name}", lambda folder, name=name: (folder / f"m.ckpt.{name}").unlink(), gone)


def _indices() -> Iterator[Case]:
    lies = r"m\.ckpt\.index declares 'd/kernel' .*, which does not lie within its data; the checkpoint is truncated"
    shape = r"m\.ckpt\.index is damaged: 'd/kernel' has the shape"
    for wrong, entry, message in (
        ("an array of 4 TB", {"shape": (1 << 20, 1 << 20)}, lies),
        ("an array beyond its data", {"offset": 1 << 62}, lies),
        ("an array before its data", {"offset": -24}, lies),
        ("a negative size", {"shape": (-1, 3)}, shape),
        ("a billion data files", {"shards": 1 << 30}, r"m\.ckpt\.index is damaged: it names 1073741824 \.data files"),
        ("a shard that is not there", {"shard_id": 7}, lies),
    ):
        yield Case("tf-checkpoint", wrong, lambda folder, entry=entry: _index(folder, **entry), message)


def _index(folder: Path, shards: int = 1, **entry: Any) -> None:
    from tensorflow.core.protobuf import tensor_bundle_pb2 as messages
    from weight_files import table

    dims = [{"size": size} for size in entry.pop("shape", (3, 2))]
    held = messages.BundleEntryProto(dtype=1, shape={"dim": dims}, **({"size": 24} | entry))
    rows = {
        b"": messages.BundleHeaderProto(num_shards=shards).SerializeToString(),
        b"d/kernel": held.SerializeToString(),
    }
    (folder / "m.ckpt.index").write_bytes(table(rows))
    (folder / "m.ckpt.data-00000-of-00001").write_bytes(bytes(24))


def _saved(build: Build) -> Spoil:
    def spoil(folder: Path) -> None:
        import savedmodels
        import tf1_graphs

        shutil.rmtree(folder / "m")
        savedmodels.simple(build(tf1_graphs), folder / "m", ["X:0"], ["outputs/BiasAdd:0"])

    return spoil


def _checkpoint(build: Build) -> Spoil:
    def spoil(folder: Path) -> None:
        import tf1_graphs

        tf1_graphs.save(build(tf1_graphs), folder, name="m.ckpt")

    return spoil


def _frozen(build: Build) -> Spoil:
    def spoil(folder: Path) -> None:
        import tf1_graphs

        frozen(build(tf1_graphs), folder / "m.pb")

    return spoil


def _graph_def(change: Callable[[Any], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        from tensorflow.core.framework.graph_pb2 import GraphDef

        _change(folder / "m.pb", GraphDef, lambda message: message, change)

    return spoil


def _meta(change: Callable[[Any], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

        _change(folder / "m.ckpt.meta", MetaGraphDef, lambda message: message.graph_def, change)

    return spoil


def _saved_model(change: Callable[[Any], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

        _change(folder / "m/saved_model.pb", SavedModel, lambda message: message.meta_graphs[0].graph_def, change)

    return spoil


def _change(path: Path, kind: Any, graph: Callable[[Any], Any], change: Callable[[Any], Any]) -> None:
    message = kind.FromString(path.read_bytes())
    change(graph(message))
    path.write_bytes(message.SerializeToString())


def _used(graph: Any) -> Any:
    """Return the node in the net's middle."""
    return next(node for node in graph.node if node.name == "hidden/Relu")


def _circle(graph: Any) -> None:
    next(node for node in graph.node if node.name == "outputs/MatMul").input[1] = "outputs/BiasAdd"


def _dangling(graph: Any) -> None:
    _used(graph).input[0] = "gone"


def _own(graph: Any) -> None:
    _used(graph).op = "EvilOp"


def _recursive(graph: Any) -> None:
    """Call a function that calls itself."""
    function = graph.library.function.add()
    function.signature.name = "again"
    function.signature.input_arg.add(name="x", type=1)
    function.signature.output_arg.add(name="y", type=1)
    inner = function.node_def.add(name="inner", op="PartitionedCall", input=["x"])
    function.ret["y"] = "inner:output:0"
    for node in (inner, _used(graph)):
        node.op = "PartitionedCall"
        node.attr.clear()
        node.attr["f"].func.name = "again"
        for side in ("Tin", "Tout"):
            node.attr[side].list.type.append(1)


def _giant(graph: Any) -> None:
    """Let a weight, or what initialises it, claim 2**40 numbers."""
    for node in graph.node:
        if node.op == "Const" and "hidden/kernel" in node.name and node.attr["value"].tensor.dtype == 1:
            tensor = node.attr["value"].tensor
            tensor.tensor_shape.Clear()
            tensor.tensor_shape.dim.add(size=1 << 40)
        if node.op in ("VariableV2", "VarHandleOp") and "hidden/kernel" in node.name:
            node.attr["shape"].shape.dim[0].size = 1 << 40


def _nested(graph: Any) -> None:
    """Put an attribute into an attribute, as deep as protobuf would follow and deeper."""
    inner = _used(graph).attr["deep"]
    for _ in range(200):
        inner = inner.func.attr["deep"]
    inner.i = 1
