"""From a checkpoint's files to a Keras model, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tensorflow import as_dtype

from registry.errors import ZooError
from transfer.importers.imported import Imported
from transfer.importers.metagraph.assemble import assemble, mapped
from transfer.importers.metagraph.checkpoint import Checkpoint, open_checkpoint
from transfer.importers.metagraph.compare import Original, compare
from transfer.importers.metagraph.endpoints import check_input, find_input, find_output, named
from transfer.importers.metagraph.export import Shape
from transfer.importers.metagraph.files import collections, read_meta
from transfer.importers.metagraph.fold import PLACEHOLDER, Folded, flags, fold
from transfer.importers.metagraph.graph import FLOAT, Graph, node_of, scope
from transfer.importers.metagraph.lower import lowered
from transfer.importers.metagraph.momentum import momentum
from transfer.importers.metagraph.names import aliases, name_all, sources, variable_scope
from transfer.importers.metagraph.patterns import pieces
from transfer.importers.metagraph.prefix import complete
from transfer.importers.metagraph.safety import check
from transfer.importers.metagraph.segments import closure, segments
from transfer.importers.metagraph.settle import settled
from transfer.importers.metagraph.shapes import inner_shape
from transfer.importers.metagraph.unmapped import notes, unmapped
from transfer.importers.metagraph.variables import Stored, saved, values
from transfer.importers.metagraph.view import Piece, View

FORMAT = "tf1-metagraph"


@dataclass(frozen=True)
class Ends:
    """Between which tensors a graph is imported.

    Attributes:
        output: the output, as the original graph names it.
        input: the input, the same way.
        folded: the graph of inference between them.
    """

    output: str
    input: str
    folded: Folded


def read(path: Path | str, input: str | None, output: str | None, compared: bool, seed: int) -> Imported:
    """Import a checkpoint; see `transfer.importers.metagraph.read`."""
    prefix = complete(path)
    meta, checkpoint = read_meta(Path(f"{prefix}.meta")), open_checkpoint(prefix)
    graph = lowered(meta.graph_def)
    ends = find_ends(graph, meta, input, output)
    where = saved(graph, meta.saver_def.save_tensor_name)
    held = _values(graph, ends.folded, checkpoint, where)
    shape = input_shape(meta, graph, ends.input)
    view = view_of(graph, ends, shape, held)
    layers = cut(view)
    model = assemble(view, layers, held)
    original = Original(meta, ends.input, ends.output, checkpoint, held, _fed(meta, ends))
    found = compare(model, original, shape, seed) if compared else None
    used = {name for _, piece in layers for name in sources(piece)}
    return Imported(
        model=model,
        format=FORMAT,
        layers=mapped(model, layers, where),
        unmapped=unmapped(checkpoint.shapes, where, used),
        max_abs_difference=found.largest if found else None,
        max_rel_difference=found.relative if found else None,
        collections=collections(meta),
        notes=notes(layers, ends.folded),
    )


def find_ends(graph: Graph, meta: Any, input: str | None, output: str | None) -> Ends:
    """Return the input and output, as named or as found, and fold the graph between them.

    Raises:
        ZooError: they cannot be found, or what lies between them cannot be imported.
    """
    whole = Graph.of(meta.graph_def.node)  # without the insides of functions, which nobody can name
    source = named(whole, input, "input") if input else _signed_input(whole, meta)
    signed = [info.name for signature in _signatures(meta) for info in signature.outputs.values()]
    found = output or find_output(graph, source, signed, collections(meta))
    end = named(whole, found, "output")
    folded = fold(graph, end, [source] if source else [])
    placeholders = [node for node in folded.graph.nodes.values() if node.op in PLACEHOLDER]
    start = source if source and len(placeholders) == 1 else find_input(placeholders, end)
    if folded.output == start:
        raise ZooError(f"the output is the input: {start}", "name another: --output TENSOR")
    if node_of(start) not in folded.graph.nodes:
        raise ZooError(f"the output {end} does not depend on the input {start}", "name others: --input, --output")
    check(node for node in folded.graph.nodes.values() if node.op != "Variable")
    return Ends(end, start, folded)


def _signed_input(graph: Graph, meta: Any) -> str | None:
    """Return the input that the signatures name, where it is one."""
    signed = {info.name for signature in _signatures(meta) for info in signature.inputs.values()}
    return next(iter(signed)) if len(signed) == 1 and signed <= {t for t in signed if t in graph} else None


def _signatures(meta: Any) -> list[Any]:
    return [signature for name, signature in meta.signature_def.items() if not name.startswith("__")]


def input_shape(meta: Any, graph: Graph, tensor: str) -> Shape:
    """Return the input's shape as the original graph has it.

    Raises:
        ZooError: it is not an array of float32 of known rank.
    """
    node = graph.maker(tensor)
    if node.op in PLACEHOLDER:
        check_input(node)
        return node.shape()
    return inner_shape(meta, tensor)


def view_of(graph: Graph, ends: Ends, shape: Shape, held: Mapping[str, np.ndarray[Any, Any]]) -> View:
    """Return the folded graph with all shapes, for any batch size."""
    leaves: dict[str, Shape] = {tensor: array.shape for tensor, array in held.items()}
    leaves[ends.input] = shape
    folded, shapes, dtypes = settled(ends.folded.graph, ends.input, ends.folded.output, leaves)
    view = View(
        graph=folded,
        input=ends.input,
        output=ends.folded.output,
        shapes=shapes,
        dtypes=dtypes,
        dropouts=ends.folded.dropouts,
        momentum=lambda variable: momentum(graph, variable),
    )
    check_output(view, ends.output)
    return view


def check_output(view: View, name: str) -> None:
    """Refuse an output that holds no float32 number for each sample.

    Args:
        view: the graph.
        name: what the original graph calls the output.

    Raises:
        ZooError: it does not; the message says what it holds.
    """
    dtype = view.dtypes.get(view.output, FLOAT)
    if dtype != FLOAT:
        problem = f"it holds {as_dtype(dtype).name}"
    elif not view.is_data(view.output):
        problem = "it depends on the shape of the input, not on its values"
    elif view.shape(view.output) == ():
        problem = "it holds one number for the whole batch"
    else:
        return
    raise ZooError(
        f"the output {name} cannot be imported: {problem}; expected float32 numbers for each sample",
        "name a tensor below it: --output TENSOR",
    )


def cut(view: View) -> list[tuple[str, Piece]]:
    """Return the graph as layers, each with its scope."""
    native, rest = pieces(view)
    known = aliases(_uses(view, native, rest))
    gathered = segments(view, rest, native, lambda name: known(name) or scope(name))
    every = [*native, *gathered]
    return list(zip(name_all(every, known, node_of(view.input)), every, strict=True))


def _uses(view: View, native: Iterable[Piece], rest: Iterable[str]) -> list[tuple[str, str]]:
    """Return operations with the scopes of the variables that they use."""
    used = [(piece.nodes[0], variable_scope(sources(piece))) for piece in native if piece.weights]
    for name in rest:
        read = [node.name for node in closure(view, [name]) if node.op == "Variable"]
        used += [(name, variable_scope(read))] if read else []
    return used


def _values(
    graph: Graph, folded: Folded, checkpoint: Checkpoint, where: Mapping[str, Stored]
) -> dict[str, np.ndarray[Any, Any]]:
    names = [node.name for node in folded.graph.nodes.values() if node.op == "Variable"]
    return values(graph, names, checkpoint, where)


def _fed(meta: Any, ends: Ends) -> dict[str, Any]:
    """Return what makes the original compute inference: its switches, and no dropout."""
    graph = Graph.of(meta.graph_def.node)
    needed = set(graph.ordered([ends.output], controls=True))
    fed: dict[str, Any] = {tensor: value for tensor, value in flags(graph).items() if node_of(tensor) in needed}
    for found in ends.folded.dropouts.values():
        fed |= {tensor: value for tensor, value in found.off if node_of(tensor) in needed}
    return fed
