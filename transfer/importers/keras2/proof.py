"""Compare a model with what the original computes in TF-Keras (Keras 2), or in Keras 3 before it was flattened."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.importers.agreement import Difference, agreement
from transfer.importers.keras2.build import Built
from transfer.importers.keras2.reason import reason
from transfer.importers.probes import Probe, probes

SAMPLES = 2
SIDE = 32  # of an axis whose size the model leaves open
LARGEST = 1 << 26  # numbers in an array of a comparison, as for inputs: 256 MB
TOO_LARGE = f"not compared with the original: it makes arrays of more than {LARGEST:,} numbers"
NEEDS_TF_KERAS = "not compared with the original: TF-Keras is not installed (pip install tf_keras)"


@dataclass(frozen=True)
class Proof:
    """What a comparison found.

    Attributes:
        difference: how far the model is from the original; None where it could not run.
        runtime: what ran the original, with its version.
        notes: why there is no difference.
    """

    difference: Difference | None = None
    runtime: str = ""
    notes: tuple[str, ...] = ()


def with_tf_keras(load: Callable[[Any], Any], built: Built, what: str, seed: int) -> Proof:
    """Compare with TF-Keras, where it is installed and can make and run the original.

    Args:
        load: given the module `tf_keras`, returns the original as its model; made by
            `transfer.importers.keras2.original`, so that nothing of the file's config reaches TF-Keras unchecked.
        built: the imported model.
        what: the original, as an error calls it.
        seed: of the inputs.

    Raises:
        ZooError: the outputs differ by more than 1e-4 relative.
    """
    if find_spec("tf_keras") is None:
        return Proof(notes=(NEEDS_TF_KERAS,))
    import tf_keras

    if too_large(built):
        return Proof(notes=(TOO_LARGE,))
    try:
        original = load(tf_keras)
        batches = inputs_for(original.inputs, seed)
        theirs = [_listed(original(_packed(batch), training=False)) for batch in batches]
    except Exception as error:  # TF-Keras cannot read or run everything that Keras 1 and 2 could
        return Proof(notes=(f"not compared with the original: TF-Keras cannot run it ({reason(error)})",))
    pairs = [(outputs, _ours(built, batch)) for outputs, batch in zip(theirs, batches, strict=True)]
    return Proof(agreement(pairs, what), f"tf_keras {tf_keras.__version__}")


def with_keras(load: Callable[[], Any], built: Built, what: str, seed: int) -> Proof:
    """Compare with the model as Keras 3 makes it.

    Args:
        load: returns the original; where it cannot, the proof is a note.
        built: the imported model.
        what: the original, as an error calls it.
        seed: of the inputs.

    Raises:
        ZooError: the outputs differ by more than 1e-4 relative.
    """
    import keras

    if too_large(built):
        return Proof(notes=(TOO_LARGE,))
    try:
        original = load()
    except Exception as error:  # the comparison is extra: what the file holds was read already
        return Proof(notes=(f"not compared with the original: Keras cannot load it ({reason(error)})",))
    batches = inputs_for(original.inputs, seed)
    pairs = [(_listed(original(_packed(batch), training=False)), _ours(built, batch)) for batch in batches]
    return Proof(agreement(pairs, what), f"Keras {keras.__version__}")


def too_large(built: Built) -> bool:
    """Tell whether a model makes an array that is too large to run it for a comparison."""
    made = [node.output_tensors for one in built.model.operations for node in one._inbound_nodes]
    return any(
        math.prod(size or SIDE for size in (SAMPLES, *tensor.shape[1:])) > LARGEST
        for tensors in made
        for tensor in tensors
    )


def inputs_for(inputs: Sequence[Any], seed: int) -> list[list[NDArray[Any]]]:
    """Return batches of two random samples for a model's inputs; what an embedding reads stays below its size."""
    return probes([_probe(tensor) for tensor in inputs], seed)


def _probe(tensor: Any) -> Probe:
    dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
    below = _words(tensor)
    return Probe.of(tuple(tensor.shape), dtype, SAMPLES, SIDE, below or (None if "float" in dtype else 2))


def _words(tensor: Any) -> int | None:
    """Return how many indices the layers that read an input know; None where none of them is an embedding."""
    history = getattr(tensor, "_keras_history", None)
    made = getattr(history, "layer", None) or getattr(history, "operation", None)
    readers = [getattr(node, "layer", None) or node.operation for node in getattr(made, "_outbound_nodes", [])]
    return min((int(one.input_dim) for one in readers if type(one).__name__ == "Embedding"), default=None)


def _ours(built: Built, batch: list[NDArray[Any]]) -> list[NDArray[Any]]:
    turned = [np.transpose(array, order) for array, order in zip(batch, built.orders, strict=True)]
    found = _listed(built.model(_packed(turned), training=False))
    # The inverse of an order puts the axes back as the original has them.
    return [np.transpose(array, np.argsort(order)) for array, order in zip(found, built.outputs, strict=True)]


def _packed(batch: list[NDArray[Any]]) -> Any:
    return batch[0] if len(batch) == 1 else batch


def _listed(outputs: Any) -> list[NDArray[Any]]:
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]
