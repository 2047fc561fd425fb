"""Which part of a SavedModel is to be imported: a signature, a restored function, or what is between named tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow import as_dtype

from registry.errors import ZooError
from transfer.importers.metagraph.asked import all_named
from transfer.importers.metagraph.checkpoint import Checkpoint
from transfer.importers.metagraph.ends import Ends, Start, between, left, start_of
from transfer.importers.metagraph.fold import PLACEHOLDER, Folded, fold, is_flag
from transfer.importers.metagraph.frontier import starts_of
from transfer.importers.metagraph.graph import FLOAT, STRING, Graph, Node, canonical, node_of
from transfer.importers.metagraph.lower import lowered
from transfer.importers.metagraph.placeholders import described
from transfer.importers.metagraph.variables import saved
from transfer.importers.savedmodel.function import called, functions
from transfer.importers.savedmodel.objects import handles
from transfer.importers.savedmodel.signature import Signature, chosen, signatures


@dataclass(frozen=True)
class Asked:
    """Between which tensors to import.

    Attributes:
        inputs: the tensors, with the names of the model's inputs; an empty one is that of the operation.
        outputs: the tensors.
        notes: what of the signature is left out.
    """

    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    notes: tuple[str, ...] = ()


def signature_of(meta: Any, asked: str | None, checkpoint: Checkpoint, where: str, named: bool) -> Signature | None:
    """Return the signature that is meant, or a restored function as one; None where tensors are named instead."""
    found, others = signatures(meta), functions(meta)
    if not (asked in others and asked not in found):
        held = chosen(found, asked, where)
        if held is not None or named:
            return held
    stored = saved(lowered(meta.graph_def), meta.saver_def.save_tensor_name)
    return called(meta, asked, handles(meta.object_graph_def, checkpoint, stored), where)


def asked_for(graph: Graph, held: Signature | None, input: str | None, output: str | None, where: str) -> Asked:
    """Return the tensors between which to import: the named ones, else those of the signature."""
    for text, side in ((input, held.inputs if held else {}), (output, held.outputs if held else {})):
        _present(graph, {} if text else side, where)
    notes: tuple[str, ...] = ()
    if output:
        ends = all_named(graph, output, "output")
    else:
        ends, notes = _numbers(held) if held else ((), ())
    if input:
        return Asked(tuple((tensor, "") for tensor in all_named(graph, input, "input")), ends, notes)
    return Asked(tuple((t, key) for key, t in held.inputs.items()) if held else (), ends, notes)


def _present(graph: Graph, side: Mapping[str, str], where: str) -> None:
    absent = [key for key, tensor in side.items() if not tensor or canonical(tensor) not in graph]
    if absent:
        raise ZooError(
            f"the signature of {where} names for {absent[0]} {side[absent[0]] or 'a sparse tensor'!r}: "
            "expected a tensor of the graph",
            "name tensors: --input TENSOR, --output TENSOR",
        )


def _numbers(held: Signature) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a signature's outputs of float32, each once, and a note for each other."""
    kinds = {key: held.dtypes[tensor] for key, tensor in held.outputs.items()}
    ends = tuple(dict.fromkeys(held.outputs[key] for key, kind in kinds.items() if kind == FLOAT))
    others = [f"{key} ({as_dtype(kind).name})" for key, kind in kinds.items() if kind != FLOAT]
    if not ends:
        raise ZooError(
            f"the signature {held.name} returns no float32 numbers: {', '.join(others)}",
            "name a tensor below them: --output TENSOR",
        )
    return ends, tuple(f"the output {other} is left out: only float32 numbers are carried over" for other in others)


def ends_of(meta: Any, graph: Graph, asked: Asked, held: Signature | None) -> Ends:
    """Return the ends of the import, checked.

    Args:
        meta: the `MetaGraphDef`.
        graph: its nodes, functions written out.
        asked: between which tensors.
        held: the signature that is meant, for people.

    Raises:
        ZooError: the outputs need text or another input, or what lies between may not run.
    """
    arrays = [(tensor, label) for tensor, label in asked.inputs if not _is_switch(graph.maker(tensor))]
    folded = fold(graph, asked.outputs, [tensor for tensor, _ in arrays])
    needed = [(tensor, label) for tensor, label in arrays if node_of(tensor) in folded.graph.nodes]
    _no_text(folded, held)
    _nothing_else(left(folded), [tensor for tensor, _ in needed], asked.outputs)
    starts: Sequence[Start] = [start_of(meta.graph_def, graph, tensor, label) for tensor, label in needed or arrays]
    return between(graph, starts, asked.outputs, folded)


def _is_switch(node: Node) -> bool:
    """Tell whether an input is no data: whether this is training, or a rate."""
    return node.op in PLACEHOLDER and (is_flag(node) or node.shape() == ())


def _no_text(folded: Folded, held: Signature | None) -> None:
    texts = [node for node in left(folded) if node.type("dtype") == STRING]
    if not texts:
        return
    starts = starts_of(folded)
    names = ", ".join(node.name for node in texts)
    what = f"the signature {held.name} takes" if held and held.name else "the graph takes"
    raise ZooError(
        f"{what} text ({names}): a model to learn from starts from numbers",
        f"start from the first tensors of numbers behind the text: --input {','.join(starts) or 'TENSOR'}",
    )


def _nothing_else(found: Sequence[Node], given: Sequence[str], outputs: Sequence[str]) -> None:
    others = [node for node in found if node.output not in given]
    if others:
        raise ZooError(
            f"the output {', '.join(outputs)} needs more inputs: {', '.join(map(described, others))}",
            "name every input: --input A,B, or a lower output: --output TENSOR",
        )
