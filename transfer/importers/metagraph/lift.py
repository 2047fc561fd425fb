"""A graph between two ends becomes a Keras model: native layers first, a `GraphLayer` for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorflow import as_dtype

from registry.errors import ZooError
from transfer.importers.metagraph.assemble import assemble
from transfer.importers.metagraph.ends import Ends
from transfer.importers.metagraph.export import Shape
from transfer.importers.metagraph.graph import FLOAT, Graph, scope
from transfer.importers.metagraph.momentum import momentum
from transfer.importers.metagraph.names import aliases, name_all, sources, variable_scope
from transfer.importers.metagraph.patterns import pieces
from transfer.importers.metagraph.segments import closure, segments
from transfer.importers.metagraph.settle import settled
from transfer.importers.metagraph.view import Piece, View

Values = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Lifted:
    """A model, and what its layers were made from.

    Attributes:
        model: the functional `keras.Model`.
        layers: the pieces of the graph with their scopes.
    """

    model: Any
    layers: tuple[tuple[str, Piece], ...]


def lift(graph: Graph, ends: Ends, values: Values, around: str = "") -> Lifted:
    """Return the model of a graph between its ends.

    Args:
        graph: the original graph, functions written out.
        ends: between which tensors.
        values: the variables' values, by tensor.
        around: the scope around all layers, which their names leave out.

    Raises:
        ZooError: what lies between cannot become layers for any number of samples.
    """
    view = view_of(graph, ends, values)
    reserved = [start.label for start in ends.inputs]
    layers = bared(cut(view, reserved), around, reserved)
    labels = {start.tensor: start.label for start in ends.inputs}
    return Lifted(assemble(view, layers, values, labels), tuple(layers))


def view_of(graph: Graph, ends: Ends, held: Values) -> View:
    """Return the folded graph with all shapes, for any batch size."""
    leaves: dict[str, Shape] = {tensor: array.shape for tensor, array in held.items()}
    inputs = tuple(start.tensor for start in ends.inputs)
    leaves |= {start.tensor: start.shape for start in ends.inputs}
    folded, shapes, dtypes = settled(ends.folded.graph, inputs, ends.folded.outputs, leaves)
    view = View(
        graph=folded,
        inputs=inputs,
        outputs=ends.folded.outputs,
        shapes=shapes,
        dtypes=dtypes,
        dropouts=ends.folded.dropouts,
        momentum=lambda variable: momentum(graph, variable),
    )
    for tensor, name in zip(view.outputs, ends.outputs, strict=True):
        check_output(view, tensor, name)
    return view


def check_output(view: View, tensor: str, name: str) -> None:
    """Refuse an output that holds no float32 number for each sample.

    Args:
        view: the graph.
        tensor: the output.
        name: what the original graph calls it.

    Raises:
        ZooError: it does not; the message says what it holds.
    """
    dtype = view.dtypes.get(tensor, FLOAT)
    if dtype != FLOAT:
        problem = f"it holds {as_dtype(dtype).name}"
    elif not view.is_data(tensor):
        problem = "it depends on the shape of the input, not on its values"
    elif view.shape(tensor) == ():
        problem = "it holds one number for the whole batch"
    else:
        return
    raise ZooError(
        f"the output {name} cannot be imported: {problem}; expected float32 numbers for each sample",
        "name a tensor below it: --output TENSOR",
    )


def cut(view: View, reserved: Iterable[str]) -> list[tuple[str, Piece]]:
    """Return the graph as layers, each with its scope; the names of the inputs are reserved."""
    native, rest = pieces(view)
    known = aliases(_uses(view, native, rest))
    gathered = segments(view, rest, native, lambda name: known(name) or scope(name))
    every = [*native, *gathered]
    return list(zip(name_all(every, known, *reserved), every, strict=True))


def bared(layers: list[tuple[str, Piece]], around: str, reserved: Iterable[str]) -> list[tuple[str, Piece]]:
    """Return layers without the scope around them, where their names stay different."""
    names = [name.removeprefix(f"{around}/") for name, _ in layers]
    if not around or len({*names, *reserved}) < len(names) + len(list(reserved)):
        return layers
    return [(name, piece) for name, (_, piece) in zip(names, layers, strict=True)]


def _uses(view: View, native: Iterable[Piece], rest: Iterable[str]) -> list[tuple[str, str]]:
    """Return operations with the scopes of the variables that they use."""
    used = [(piece.nodes[0], variable_scope(sources(piece))) for piece in native if piece.weights]
    for name in rest:
        read = [node.name for node in closure(view, [name]) if node.op == "Variable"]
        used += [(name, variable_scope(read))] if read else []
    return used
