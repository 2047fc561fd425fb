"""Which number in a checkpoint belongs to which variable of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.errors import ZooError, first_few, near
from transfer.importers.metagraph.checkpoint import Checkpoint
from transfer.importers.metagraph.constants import evaluate
from transfer.importers.metagraph.graph import VARIABLES, Graph, Node, canonical

SAVES = frozenset({"SaveV2", "SaveSlices"})  # the second one wrote the first format
READS = frozenset({"Identity", "ReadVariableOp", "Switch", "RefSwitch", "RefIdentity"})


@dataclass(frozen=True)
class Stored:
    """Where a variable's values lie.

    Attributes:
        name: its name in the checkpoint.
        slices: for a part of a partitioned variable the rows, columns … that it holds; None for the whole.
    """

    name: str
    slices: tuple[slice, ...] | None = None


def variable_of(graph: Graph, tensor: str) -> str | None:
    """Return the variable that a tensor reads, through whatever only passes it on."""
    while tensor in graph:
        node = graph.maker(tensor)
        if node.op in VARIABLES or node.op == "Variable":
            return node.name
        if node.op not in READS or not node.inputs:
            return None
        tensor = node.inputs[0]
    return None


def saved(graph: Graph, saver: str = "") -> dict[str, Stored]:
    """Return where each variable of a graph is stored: by its Saver, else by its own name.

    Args:
        graph: the original graph.
        saver: the operation that saved this checkpoint; a graph may hold several Savers, which name variables apart.
    """
    found = {
        node.name: Stored(node.text("shared_name") or node.name)
        for node in graph.nodes.values()
        if node.op in VARIABLES
    }
    own = set(graph.ordered([canonical(saver)], controls=True)) if saver and canonical(saver) in graph else set()
    saves = [node for node in graph.nodes.values() if node.op in SAVES]
    for node in sorted(saves, key=lambda node: node.name in own):  # the last one decides
        found |= _by_saver(graph, node)
    return found


def _by_saver(graph: Graph, save: Node) -> dict[str, Stored]:
    """Read `SaveV2(prefix, tensor_names, shape_and_slices, tensors…)`; `SaveSlices` has the same arguments."""
    names, specs = (evaluate(graph, tensor) for tensor in save.inputs[1:3])
    if names is None or specs is None:
        return {}
    found = {}
    for name, spec, tensor in zip(names.reshape(-1), specs.reshape(-1), save.inputs[3:], strict=False):
        variable = variable_of(graph, tensor)
        if variable:
            found[variable] = Stored(text_of(name), parse_slices(text_of(spec)))
    return found


def text_of(value: Any) -> str:
    """Return an element of an array of text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def parse_slices(spec: str) -> tuple[slice, ...] | None:
    """Read a slice specification: the whole shape, then `start,length` for each dimension, or `-` for all of it.

    The format is that of `Variable.SaveSliceInfo.spec` (tensorflow/python/ops/variables.py).

    >>> parse_slices("784 300 0,392:-")
    (slice(0, 392, None), slice(None, None, None))

    Raises:
        ZooError: it is none.
    """
    if not spec.strip():
        return None
    parts = spec.split(" ")[-1].split(":")
    try:
        bounds = [None if part == "-" else [int(number) for number in part.split(",")] for part in parts]
    except ValueError as error:
        raise ZooError(f"the graph is damaged: {spec!r} is no slice of a variable", "copy the file again") from error
    return tuple(slice(None) if bound is None else slice(bound[0], sum(bound)) for bound in bounds)


def values(
    graph: Graph, names: list[str], checkpoint: Checkpoint, where: Mapping[str, Stored]
) -> dict[str, np.ndarray[Any, Any]]:
    """Read variables from a checkpoint, by their output tensors.

    Args:
        graph: the original graph.
        names: the variables.
        checkpoint: their values.
        where: where they are stored, as `saved` says.

    Raises:
        ZooError: some are absent, or differ in shape; the message lists them.
    """
    absent = [name for name in names if where[name].name not in checkpoint.shapes]
    if absent:
        stored = where[absent[0]].name
        raise ZooError(
            f"the checkpoint {checkpoint.prefix} has no values for {len(absent)} of {len(names)} variables that the "
            f"graph needs: {first_few(absent)}",
            f"{stored}: {near(stored, checkpoint.shapes)}; the .meta and the .index must come from one step",
        )
    found = {f"{name}:0": checkpoint.read(where[name].name) for name in names}
    cut = {tensor: _cut(array, where[tensor[:-2]].slices) for tensor, array in found.items()}
    wrong = [_differs(graph.maker(tensor), array.shape) for tensor, array in cut.items()]
    if any(wrong):
        raise ZooError(
            f"the graph and the checkpoint {checkpoint.prefix} disagree on shapes: {first_few(filter(None, wrong))}",
            "use the .meta that was saved with these weights",
        )
    return cut


def _cut(array: np.ndarray[Any, Any], slices: tuple[slice, ...] | None) -> np.ndarray[Any, Any]:
    return array if slices is None or len(slices) != array.ndim else array[slices]


def _differs(node: Node, stored: tuple[int, ...]) -> str:
    wanted = node.shape()
    if wanted is None:
        return ""
    same = len(wanted) == len(stored) and all(a in (None, b) for a, b in zip(wanted, stored, strict=True))
    return "" if same else f"{node.name} is {list(wanted)} in the graph and {list(stored)} in the checkpoint"
