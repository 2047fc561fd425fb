"""Read an ONNX file: parse, build, compare, account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from registry.errors import ZooError
from registry.watch import Watch
from transfer.imported import Imported
from transfer.importers.native import Net, Tensor
from transfer.importers.onnx.build import Build
from transfer.importers.onnx.ends import FLOATS, Ends, declared, dtype_of, ends_of, sized
from transfer.importers.onnx.file import beside, loaded, opset_of
from transfer.importers.onnx.graph import Graph, between, graph_of
from transfer.importers.onnx.known import constant
from transfer.importers.onnx.layout import Declared, order_of
from transfer.importers.onnx.messages import text
from transfer.importers.onnx.metadata import classes_of, preprocessing_of
from transfer.importers.onnx.prove import Original, proof
from transfer.importers.onnx.scopes import cleaned
from transfer.importers.tied import tied

OURS = "zoo"  # who wrote a file of `transfer.exporters.onnx`
FORMAT = "onnx"
HALVES = (10, 16)  # float16 and bfloat16
Sides = tuple[list[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Source:
    """A parsed file.

    Attributes:
        path: the file.
        message: its `Model` message.
        graph: the graph in it.
        told: what it says of tensors' shapes and types.
        size: bytes of the file and of those beside it.
    """

    path: Path
    message: Any
    graph: Graph
    told: dict[str, Declared]
    size: int

    @property
    def opset(self) -> int:
        """The version of its operators."""
        return opset_of(self.message)


def read(path: Path, input: str | None, output: str | None, compare: bool, seed: int, watch: Watch) -> Imported:
    """See the package's `read`."""
    watch("read", 0, 1, path.name)
    try:
        return _read(path, input, output, (compare, seed), watch)
    except UnicodeDecodeError as error:
        raise ZooError(f"{path} is damaged: a name in it is no text", "download or export the file again") from error


def _read(path: Path, input: str | None, output: str | None, proving: tuple[bool, int], watch: Watch) -> Imported:
    found, original, tensors = _imported(path, input, output, watch)
    compare, seed = proving
    watch("compare", 0, 1, path.name)
    return proof(found, original, tensors, seed, compare)


def _imported(path: Path, input: str | None, output: str | None, watch: Watch) -> tuple[Imported, Original, Sides]:
    """Return the import and what to compare it with; the file's own weights are let go with this call."""
    source = _source(path)
    ends = ends_of(source.graph, input, output)
    try:
        build, model, tensors = _built(source, ends, watch)
    except RecursionError as error:
        raise ZooError(
            f"{path} is nested too deeply for one Keras model", "name a lower output: --output TENSOR"
        ) from error
    preprocessing, unclear = preprocessing_of(source.message, tensors[0])
    found = Imported(
        model,
        FORMAT,
        tuple(build.net.mapped),
        _unmapped(source, build),
        notes=(*_notes(source, ends, tensors), *tied(build.net.mapped), *unclear),
        preprocessing=preprocessing,
        classes=classes_of(source.message, tensors[1]),
    )
    half = any(tensor.data_type in HALVES for tensor in source.graph.constants.values())
    told = {name: sized(one, ends) for name, one in source.told.items()}
    original = Original(path, source.graph.inputs, source.graph.outputs, half, ends, build.batch, told, source.size)
    return found, original, tensors


def _source(path: Path) -> Source:
    message = loaded(path)
    graph = graph_of(message.graph)
    told = declared([*message.graph.value_info, *message.graph.output, *message.graph.input])
    if message.graph.sparse_initializer:
        raise ZooError(f"{path} has sparse weights, which no Keras layer has", "export it with dense weights")
    size = path.stat().st_size + sum(file.stat().st_size for file in beside(message, path))
    return Source(path, message, graph, told, size)


def _built(source: Source, ends: Ends, watch: Watch) -> tuple[Build, Any, Sides]:
    inputs = [sized(_input(source, ends, name), ends) for name in ends.inputs]
    batch = inputs[0].shape[0] if inputs and inputs[0].shape else None
    build = _begun(source, ends, inputs, batch, watch)
    build.graph(source.graph, ends.outputs)
    taken = [build.values[one.name] for one in inputs]
    given = [value for value in taken if isinstance(value, Tensor)]
    made = [_output(build, name) for name in ends.outputs]
    if text(source.message.producer_name) == OURS:  # what it wrote has the axes of the Keras model
        pairs = zip(ends.outputs, made, strict=True)
        made = [build.net.plain(one) if name in source.graph.outputs else one for name, one in pairs]
    return build, build.net.model(given, made), (given, made)


def _begun(source: Source, ends: Ends, inputs: list[Declared], batch: int | str | None, watch: Watch) -> Build:
    net = Net()
    fixed = batch if isinstance(batch, int) else None
    build = Build(net, source.opset, source.path, fixed, {}, dict(source.graph.constants), watch)
    for name, number in ends.fixed.items():
        build.values[name] = constant(_typed(source, name, number), name)
    reached = {*ends.inputs, *ends.fixed, *source.graph.constants}
    nodes = between(source.graph.nodes, reached, ends.outputs)
    for number, one in enumerate(inputs):
        order = order_of(one, nodes, batch, number == 0)
        shape = [size if isinstance(size, int) else None for size in one.shape]
        shape[order[0]] = None
        build.values[one.name] = net.input(cleaned(one.name), tuple(shape), order, dtype_of(one))
    return build


def _typed(source: Source, name: str, number: float) -> Any:
    one = source.told.get(name)
    shape = [size if isinstance(size, int) else 1 for size in one.shape] if one else []
    return np.full(shape, number, dtype_of(one).replace("int32", "int64") if one else "float32")


def _input(source: Source, ends: Ends, name: str) -> Declared:
    """Return what is known of an input; of a tensor in the middle also what the layers below it say."""
    one = source.told.get(name)
    if one is None or (not one.shape and name not in source.graph.inputs):
        one = _reached(source, ends, name)
    if not one.shape:
        raise ZooError(
            f"the input {name} of {source.path} has no shape that a model could take: got a single number or nothing",
            f"give it a value for good: --input {name}=NUMBER, with the other inputs' names before",
        )
    return one


def _reached(source: Source, ends: Ends, name: str) -> Declared:
    whole = Ends(tuple(one for one in source.graph.inputs if one not in ends.fixed), (name,), ends.fixed)
    try:
        _, _, (_, made) = _built(source, whole, lambda *_: None)
    except ZooError as error:
        raise ZooError(
            f"the shape of {name} is not in {source.path} and cannot be computed: {error.message}",
            "run onnx.shape_inference on the model first, or name another tensor",
        ) from error
    kind = str(made[0].keras.dtype)
    return Declared(name, made[0].shape, 1 if kind.startswith("float") else 6)


def _output(build: Build, name: str) -> Tensor:
    value = build.values.get(name)
    if not isinstance(value, Tensor):
        raise ZooError(f"the output {name} depends on no input: it is a constant", "name another: --output TENSOR")
    if isinstance(value.keras._keras_history.operation, keras.layers.InputLayer):
        return build.net.layer(cleaned(name), keras.layers.Identity(), value)
    return value


def _unmapped(source: Source, build: Build) -> dict[str, str]:
    """Return the weights that no layer holds; whole numbers and single ones are settings, no weights."""
    mapped = {name for layer in build.net.mapped for name in layer.sources}
    weights = [name for name, one in source.graph.constants.items() if one.data_type in FLOATS and _several(one)]
    return {name: "nothing in the imported part holds it" for name in weights if name not in mapped}


def _several(message: Any) -> bool:
    return any(size > 1 for size in message.dims)


def _notes(source: Source, ends: Ends, tensors: Sides) -> tuple[str, ...]:
    notes = [f"the input {name} has the value {number:g} for good" for name, number in ends.fixed.items()]
    for what, names, side in (("input", ends.inputs, tensors[0]), ("output", ends.outputs, tensors[1])):
        turned = [
            (name, one) for name, one in zip(names, side, strict=True) if one.order != tuple(range(len(one.order)))
        ]
        notes += [
            f"the {what} {name} has the original's axes in the order {list(one.order)}: {list(one.keras.shape)}"
            for name, one in turned
        ]
    if source.message.producer_name:
        producer = f"{text(source.message.producer_name)} {text(source.message.producer_version)}".strip()
        notes.append(f"written by {producer}, operator set {source.opset}")
    return tuple(notes)
