"""Run the original graph, untouched, in a TensorFlow 1 session, and compare a model with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from registry.errors import ZooError
from transfer.importers.agreement import Difference, agreement
from transfer.importers.metagraph.checkpoint import Checkpoint, reason
from transfer.importers.metagraph.ends import Ends, Start
from transfer.importers.metagraph.export import needed_by
from transfer.importers.metagraph.fold import flags
from transfer.importers.metagraph.graph import FLOAT, Graph, node_of, parse
from transfer.importers.metagraph.restore import assign
from transfer.importers.metagraph.safety import RUNNABLE, check
from transfer.importers.probes import Probe, probes

tf1 = tf.compat.v1

SAMPLES = 2
SIZES = (8, 16, 32, 64, 128, 224, 299)  # tried in turn for an axis whose size the graph leaves open
LARGEST = 1 << 26  # numbers in one input
PATIENCE = 10_000  # milliseconds for one run of a graph that may loop without end
WHOLE = 10  # whole numbers are drawn below it where no table says how many there are
HINT = "name a lower output: --output TENSOR, and report the graph"


@dataclass(frozen=True)
class Original:
    """A graph as it was read, with what it takes to run it.

    Attributes:
        meta: the `MetaGraphDef`.
        graph_def: the graph that holds the ends: the meta-graph's own, or that with its functions written out.
        ends: between which tensors.
        checkpoint: the weights; None where the graph holds them.
        own: its own restore operation; None where that cannot be used.
        values: without it, those of the variables that the outputs need, by tensor.
        rows: how many rows the smallest table has from which whole numbers choose.
        allowed: the operations that may run.
    """

    meta: Any
    graph_def: Any
    ends: Ends
    checkpoint: Checkpoint | None
    own: str | None
    values: Mapping[str, np.ndarray[Any, Any]]
    rows: int = WHOLE
    allowed: frozenset[str] = RUNNABLE

    @property
    def inputs(self) -> tuple[Start, ...]:
        """The inputs."""
        return self.ends.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output tensors."""
        return self.ends.outputs

    @cached_property
    def fed(self) -> dict[str, Any]:
        """What makes the original compute inference: its switches, and no dropout."""
        graph = Graph.of(self.graph_def.node)
        needed = set(graph.ordered(self.outputs, [start.tensor for start in self.inputs], controls=True))
        fed: dict[str, Any] = {tensor: value for tensor, value in flags(graph).items() if node_of(tensor) in needed}
        for found in self.ends.folded.dropouts.values():
            fed |= {tensor: value for tensor, value in found.off if node_of(tensor) in needed}
        return fed


def compare(model: Any, original: Original, seed: int) -> Difference:
    """Compare a model with its original on random inputs of several scales.

    Args:
        model: the Keras model.
        original: what it was made from.
        seed: of the inputs.

    Raises:
        ZooError: they differ by more than 1e-4 of the largest output, or the original does not run.
    """
    runs = list(_runs(original, seed))  # the session must be closed before Keras runs
    pairs = [(theirs, _outputs(model, given)) for given, theirs in runs]
    return agreement(pairs, f"the original graph at {', '.join(original.outputs)}", HINT)


def _outputs(model: Any, given: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    made = model(given[0] if len(given) == 1 else list(given), training=False)
    return [np.asarray(array) for array in (made if isinstance(made, list | tuple) else [made])]


def _runs(original: Original, seed: int) -> Iterator[tuple[list[Any], list[Any]]]:
    """Yield inputs with the original's outputs."""
    given = {start.tensor: start.dtype for start in original.inputs}
    part = needed_by(original.graph_def, original.outputs, given)
    inner = [node for function in part.library.function for node in function.node_def]
    check(map(parse, [*part.node, *inner]), original.allowed)  # nothing but arithmetic, variables and switches
    needed = needed_by(original.graph_def, original.outputs, given, [original.own] if original.own else [])
    try:
        with tf.Graph().as_default() as graph, tf1.Session(graph=graph, config=_limited(original)) as session:
            tf1.import_graph_def(needed, name="")
            _restore(session, original)
            for arrays in inputs(original, _fitting(session, original), seed):
                yield arrays, session.run(list(original.outputs), _feed(original, arrays))
    except (tf.errors.OpError, ValueError) as error:
        raise ZooError(
            f"the original graph does not run in TensorFlow {tf.__version__}: {reason(error)}",
            "name a lower output: --output TENSOR",
        ) from error


def _limited(original: Original) -> Any:
    """Return a session's settings: a graph with loops is stopped."""
    return tf1.ConfigProto(operation_timeout_in_ms=0 if original.allowed == RUNNABLE else PATIENCE)


def _feed(original: Original, arrays: Sequence[Any]) -> dict[str, Any]:
    return {**original.fed, **dict(zip((start.tensor for start in original.inputs), arrays, strict=True))}


def _restore(session: Any, original: Original) -> None:
    if original.own is None or original.checkpoint is None:
        assign(session, original.values)
    else:
        session.run(node_of(original.own), {original.meta.saver_def.filename_tensor_name: original.checkpoint.prefix})


def inputs(original: Original, shapes: Sequence[tuple[int, ...]], seed: int) -> list[list[np.ndarray[Any, Any]]]:
    """Return random inputs: numbers of several scales, and whole numbers that every table has."""
    return probes([_probe(original, start, shape) for start, shape in _each(original, shapes)], seed)


def _probe(original: Original, start: Start, shape: tuple[int, ...]) -> Probe:
    return Probe(shape, tf.as_dtype(start.dtype).as_numpy_dtype, None if start.dtype == FLOAT else original.rows)


def _each(original: Original, shapes: Sequence[tuple[int, ...]]) -> Iterator[tuple[Start, tuple[int, ...]]]:
    return zip(original.inputs, shapes, strict=True)


def _fitting(session: Any, original: Original) -> list[tuple[int, ...]]:
    """Return the inputs' shapes with unknown sizes chosen: the smallest with which the graph runs."""
    held = [start.shape or (None,) for start in original.inputs]
    sizes = SIZES if any(None in shape[1:] for shape in held) else SIZES[:1]
    for size in sizes:
        chosen = [(shape[0] or SAMPLES, *(known or size for known in shape[1:])) for shape in held]
        if max(map(math.prod, chosen)) > LARGEST:
            raise ZooError(
                f"the input is too large to compare the model with its original: {max(chosen, key=math.prod)}",
                "name a tensor behind it: --input TENSOR",
            )
        if len(sizes) == 1:
            return chosen
        zeros = [np.zeros(s, tf.as_dtype(start.dtype).as_numpy_dtype) for start, s in _each(original, chosen)]
        try:
            session.run(list(original.outputs), _feed(original, zeros))
        except (tf.errors.OpError, ValueError):
            if size == sizes[-1]:
                raise
        else:
            return chosen
    raise AssertionError(held)
