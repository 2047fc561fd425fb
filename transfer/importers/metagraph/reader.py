"""From a checkpoint's files to a Keras model, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from registry.watch import Watch, silent
from transfer.imported import Imported
from transfer.importers.metagraph.asked import all_named
from transfer.importers.metagraph.assemble import mapped
from transfer.importers.metagraph.checkpoint import Checkpoint, open_checkpoint
from transfer.importers.metagraph.compare import WHOLE, Original, compare
from transfer.importers.metagraph.endpoints import find_output
from transfer.importers.metagraph.ends import Ends, between, left, start_of
from transfer.importers.metagraph.export import original_def
from transfer.importers.metagraph.files import collections, read_meta
from transfer.importers.metagraph.fold import fold
from transfer.importers.metagraph.graph import Graph
from transfer.importers.metagraph.lift import lift
from transfer.importers.metagraph.lower import lowered
from transfer.importers.metagraph.placeholders import find_input
from transfer.importers.metagraph.prefix import complete
from transfer.importers.metagraph.restore import own_restore
from transfer.importers.metagraph.tables import rows
from transfer.importers.metagraph.unmapped import notes, stored_names, unmapped
from transfer.importers.metagraph.variables import saved, values

FORMAT = "tf1-metagraph"


def read(path: Path | str, input: str | None, output: str | None, seed: int | None, watch: Watch) -> Imported:
    """Import a checkpoint; see `transfer.importers.metagraph.read`."""
    prefix = complete(path)
    meta, checkpoint = read_meta(Path(f"{prefix}.meta")), open_checkpoint(prefix, watch)
    graph = lowered(meta.graph_def)
    return imported(FORMAT, meta, graph, find_ends(graph, meta, input, output), checkpoint, seed, watch)


def imported(
    format: str,
    meta: Any,
    graph: Graph,
    ends: Ends,
    checkpoint: Checkpoint,
    seed: int | None,
    watch: Watch = silent,
    around: str = "",
) -> Imported:
    """Return what a graph and its checkpoint become.

    Args:
        format: as cards call it.
        meta: the `MetaGraphDef`.
        graph: its nodes, functions written out.
        ends: between which tensors.
        checkpoint: the weights.
        seed: of the comparison's inputs; None compares nothing.
        watch: called with progress.
        around: the scope around all layers, which their names leave out.
    """
    where = saved(graph, meta.saver_def.save_tensor_name)
    names = [node.name for node in ends.folded.graph.nodes.values() if node.op == "Variable"]
    held = values(graph, names, checkpoint, where)
    found = made(format, meta, graph, ends, held, seed, watch, around, checkpoint)
    used = {name for layer in found.layers for name in layer.sources}
    layers = tuple(replace(layer, sources=stored_names(layer.sources, where)) for layer in found.layers)
    return replace(found, layers=layers, unmapped=unmapped(checkpoint.shapes, where, used))


def made(
    format: str,
    meta: Any,
    graph: Graph,
    ends: Ends,
    held: dict[str, np.ndarray[Any, Any]],
    seed: int | None,
    watch: Watch = silent,
    around: str = "",
    checkpoint: Checkpoint | None = None,
) -> Imported:
    """Return what a graph and the values of its variables become, with the account in the graph's own names.

    Args:
        format: as cards call it.
        meta: the `MetaGraphDef`.
        graph: its nodes, functions written out.
        ends: between which tensors.
        held: the variables' values, by tensor; emptied when the layers have them.
        seed: of the comparison's inputs; None compares nothing.
        watch: called with progress.
        around: the scope around all layers, which their names leave out.
        checkpoint: where the original's own restore operation reads; None where the graph holds its weights.
    """
    smallest = min(rows(ends.folded.graph, held), default=WHOLE)
    lifted = lift(graph, ends, held, around)
    own = own_restore(meta, checkpoint.shapes) if checkpoint and seed is not None else None
    if own or not checkpoint:
        held.clear()  # the original reads its own: a third copy of the weights would not fit
    ran = Original(meta, original_def(meta.graph_def, graph, ends.tensors), ends, checkpoint, own, held, smallest)
    watch("comparing with the original", 0, 1)
    found = compare(lifted.model, ran, seed) if seed is not None else None
    return Imported(
        model=lifted.model,
        format=format,
        layers=mapped(lifted.model, lifted.layers),
        max_abs_difference=found.largest if found else None,
        max_rel_difference=found.relative if found else None,
        collections=collections(meta),
        notes=notes(lifted.layers, ends.folded, graph),
        compared_with=f"TensorFlow {tf.__version__}" if found else "",
    )


def find_ends(graph: Graph, meta: Any, input: str | None, output: str | None) -> Ends:
    """Return the inputs and outputs, as named or as found, and fold the graph between them.

    Raises:
        ZooError: they cannot be found, or what lies between them cannot be imported.
    """
    whole = Graph.of(meta.graph_def.node)  # without the insides of functions, which nobody can name
    asked = all_named(whole, input, "input") if input else _signed_input(whole, meta)
    source = asked[0] if len(asked) == 1 else None
    signed = [info.name for signature in _signatures(meta) for info in signature.outputs.values()]
    shut = graph.nodes.keys() - whole.nodes.keys()
    ends = all_named(whole, output or find_output(graph, source, signed, collections(meta), frozenset(shut)), "output")
    folded = fold(graph, ends, asked)
    placeholders = left(folded)
    others = [node for node in placeholders if node.output not in asked]
    if len(asked) > 1 and not others:
        starts: Sequence[str] = asked
    else:
        starts = asked if source and len(placeholders) == 1 else (find_input(placeholders, ends[0]),)
    return between(graph, [start_of(meta.graph_def, graph, tensor) for tensor in starts], ends, folded)


def _signed_input(graph: Graph, meta: Any) -> tuple[str, ...]:
    """Return the input that the signatures name, where it is one."""
    signed = {info.name for signature in _signatures(meta) for info in signature.inputs.values()}
    return tuple(signed) if len(signed) == 1 and all(tensor in graph for tensor in signed) else ()


def _signatures(meta: Any) -> list[Any]:
    return [signature for name, signature in meta.signature_def.items() if not name.startswith("__")]
