"""Run the original graph, untouched, in a TensorFlow 1 session, and compare a model with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from registry.errors import ZooError
from transfer.importers.metagraph.checkpoint import Checkpoint, reason
from transfer.importers.metagraph.export import Shape, needed_by
from transfer.importers.metagraph.graph import node_of, parse
from transfer.importers.metagraph.restore import assign, own_restore
from transfer.importers.metagraph.safety import RUNNABLE, check

tf1 = tf.compat.v1

LARGEST = 1e-4  # relative: float32 rounding through a deep net stays below
SAMPLES = 2
SIZES = (8, 16, 32, 64, 128, 224, 299)  # tried in turn for an axis whose size the graph leaves open
TINY = 1e-12


@dataclass(frozen=True)
class Original:
    """A graph as it was read, with what it takes to run it.

    Attributes:
        meta: the `MetaGraphDef`.
        input: the input tensor.
        output: the output tensor.
        checkpoint: the weights.
        values: those of the variables that the output needs, by tensor.
        fed: what else is fed: switches, and what turns dropout off.
    """

    meta: Any
    input: str
    output: str
    checkpoint: Checkpoint
    values: Mapping[str, np.ndarray[Any, Any]]
    fed: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """How far a model is from its original.

    Attributes:
        largest: the largest absolute difference.
        relative: the largest difference divided by the original's largest value, the worst of all inputs.
    """

    largest: float
    relative: float


def compare(model: Any, original: Original, shape: Shape, seed: int) -> Difference:
    """Compare a model with its original on random inputs of several scales.

    Args:
        model: the Keras model.
        original: what it was made from.
        shape: the input's shape; unknown sizes are chosen.
        seed: of the inputs.

    Raises:
        ZooError: they differ by more than 1e-4 of the largest output, or the original does not run.
    """
    runs = list(_runs(original, shape or (None,), seed))  # the session must be closed before Keras runs
    pairs = [(theirs, np.asarray(model(x, training=False))) for x, theirs in runs]
    finite = [(theirs, ours) for theirs, ours in pairs if np.isfinite(theirs).all()]
    if not finite:
        raise ZooError(
            f"the original's output {original.output} is not finite on random inputs, so nothing can be compared",
            "name a lower output: --output TENSOR",
        )
    differences = [_difference(theirs, ours) for theirs, ours in finite]
    worst = Difference(max(d.largest for d in differences), max(d.relative for d in differences))
    if not worst.relative <= LARGEST:
        raise ZooError(
            f"the imported model differs from the original graph at {original.output}: {worst.relative:.2g} relative, "
            f"{worst.largest:.2g} absolute; at most {LARGEST:g} relative is accepted",
            "name a lower output: --output TENSOR, and report the graph",
        )
    return worst


def _difference(theirs: np.ndarray[Any, Any], ours: np.ndarray[Any, Any]) -> Difference:
    if theirs.shape != ours.shape:
        raise ZooError(
            f"the imported model's output is {list(ours.shape)}, the original's {list(theirs.shape)}",
            "name a lower output: --output TENSOR",
        )
    largest = float(np.max(np.abs(theirs - ours), initial=0.0))
    return Difference(largest, largest / max(float(np.max(np.abs(theirs), initial=0.0)), TINY))


def _runs(original: Original, shape: tuple[int | None, ...], seed: int) -> Iterator[tuple[Any, Any]]:
    """Yield inputs with the original's outputs."""
    _check(original)
    own = own_restore(original.meta, original.checkpoint.shapes)
    needed = needed_by(original.meta.graph_def, [original.output, *([own] if own else [])])
    try:
        with tf.Graph().as_default() as graph, tf1.Session(graph=graph) as session:
            tf1.import_graph_def(needed, name="")
            _restore(session, original, own)
            for x in inputs(_fitting(session, original, shape), seed):
                yield x, session.run(original.output, {**original.fed, original.input: x})
    except (tf.errors.OpError, ValueError) as error:
        raise ZooError(
            f"the original graph does not run in TensorFlow {tf.__version__}: {reason(error)}",
            "name a lower output: --output TENSOR",
        ) from error


def _check(original: Original) -> None:
    """Refuse to run anything but arithmetic, variables and switches."""
    part = needed_by(original.meta.graph_def, [original.output])
    inner = [node for function in part.library.function for node in function.node_def]
    check(map(parse, [*part.node, *inner]), RUNNABLE)


def _restore(session: Any, original: Original, own: str | None) -> None:
    if own is None:
        assign(session, original.values)
    else:
        session.run(node_of(own), {original.meta.saver_def.filename_tensor_name: original.checkpoint.prefix})


def inputs(shape: tuple[int, ...], seed: int) -> list[np.ndarray[Any, Any]]:
    """Return random float32 inputs: in [0, 1], standard normal, and ten times as large."""
    draws = np.random.default_rng(seed)
    found = [draws.random(shape), draws.standard_normal(shape), 10 * draws.standard_normal(shape)]
    return [array.astype(np.float32) for array in found]


def _fitting(session: Any, original: Original, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """Return the shape with unknown sizes chosen: the smallest with which the graph runs."""
    batch = shape[0] or SAMPLES
    if None not in shape[1:]:
        return (batch, *(size for size in shape[1:] if size is not None))
    for size in SIZES:
        chosen = (batch, *(size if known is None else known for known in shape[1:]))
        try:
            session.run(original.output, {**original.fed, original.input: np.zeros(chosen, np.float32)})
        except (tf.errors.OpError, ValueError):
            if size == SIZES[-1]:
                raise
        else:
            return chosen
    raise AssertionError(shape)
