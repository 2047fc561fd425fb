"""Run the original in ONNX Runtime beside the model, where it is installed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.imported import Imported
from transfer.importers.agreement import agreement
from transfer.importers.apart import Answer, CrashError, RunError, UnfinishedError, apart
from transfer.importers.native import Tensor
from transfer.importers.onnx import session
from transfer.importers.onnx.ends import FLOATS, INTEGERS, Ends
from transfer.importers.onnx.layout import Declared
from transfer.importers.onnx.messages import Model
from transfer.importers.probes import Probe, probes, rows_of

Array = NDArray[Any]
SIZES = (32, 96, 224, 512)  # what is tried for open sizes, in this order
SAMPLES = 2
TIMEOUT, SPEED = 30, 1 << 20  # seconds, and one more for so many bytes
INT64 = 7
HINT = "name a lower output, to see where it begins: --output TENSOR, and report the operator"
DAMAGED = "download or export the file again, or name a lower output: --output TENSOR"
TYPES = {1: "float32", 10: "float16", 11: "float64", 16: "float32"}


@dataclass(frozen=True)
class Original:
    """An ONNX model that can be run.

    Attributes:
        path: its file.
        inputs: the names that it takes.
        outputs: the names that it returns.
        half: whether it computes with 16 bits.
        ends: where the imported part begins and ends.
        batch: the number of samples that it takes, None where it is open.
        told: what it says of its tensors.
        size: bytes of its weights and of the file.
    """

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    half: bool
    ends: Ends
    batch: int | None
    told: dict[str, Declared]
    size: int


def proof(
    found: Imported, original: Original, tensors: tuple[list[Tensor], list[Tensor]], seed: int, compare: bool
) -> Imported:
    """Return the import with its difference from the original, or with a note why there is none.

    Raises:
        ZooError: it differs, or the original does not run.
    """
    if not compare:
        return found
    if find_spec("onnxruntime") is None:
        return _noted(found, "not compared: ONNX Runtime is not installed (pip install 'zoo[onnx]')")
    if original.half:
        return _noted(found, "not compared: the original computes with 16 bits, the model with 32")
    if any(one.dtype not in (*TYPES, *INTEGERS) for one in map(original.told.get, original.inputs) if one):
        return _noted(found, "not compared: the original takes text")
    batches = _batches(original, tensors[0], found.model, seed)
    try:
        theirs = _theirs(original, [feeds for batch in batches for feeds in batch])
    except UnfinishedError as error:
        return _noted(found, f"not compared in ONNX Runtime: {error}")
    runs = iter(theirs.batches)
    pairs = [
        _together([_both(original, feeds, next(runs), tensors, found.model) for feeds in batch], tensors[1])
        for batch in batches
    ]
    difference = agreement(pairs, f"the ONNX model {original.path.name}", HINT)
    return replace(
        found,
        max_abs_difference=difference.largest,
        max_rel_difference=difference.relative,
        compared_with=f"ONNX Runtime {'.'.join(theirs.version.split('.')[:2])}",
    )


def _noted(found: Imported, note: str) -> Imported:
    return replace(found, notes=(*found.notes, note))


def _theirs(original: Original, runs: list[dict[str, Array]]) -> Answer:
    """Run the original in a process apart; its outputs are those that `_names` lists."""
    own = {*original.inputs, *original.outputs}
    more = Model()
    for name in (*original.ends.inputs, *original.ends.outputs):
        if name not in own:
            more.graph.output.add(name=name)
    settings = {
        "inputs": list(original.inputs),
        "outputs": _names(original),
        "more": more.SerializeToString().hex() if len(more.graph.output) else "",
    }
    batches = [[feeds[name] for name in original.inputs] for feeds in runs]
    patience = TIMEOUT + original.size / SPEED
    try:
        return apart(Path(session.__file__), original.path, settings, batches, patience, original.size)
    except UnfinishedError:
        raise
    except CrashError as error:
        raise ZooError(f"ONNX Runtime crashes when it runs {original.path}: {error}", DAMAGED) from error
    except RunError as error:
        raise ZooError(f"ONNX Runtime does not run {original.path}: {error}", DAMAGED) from error


def _names(original: Original) -> list[str]:
    """Return what the original has to compute: the outputs, and inputs of a part that is cut out."""
    return [*original.ends.outputs, *(name for name in original.ends.inputs if name not in original.inputs)]


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _together(pairs: list[tuple[list[Array], list[Array]]], made: list[Tensor]) -> tuple[list[Array], list[Array]]:
    """Join what was run sample by sample, as an original with a fixed batch has to be."""
    sides = [list(zip(*side, strict=True)) for side in zip(*pairs, strict=True)]
    theirs, ours = (
        [np.concatenate(one, tensor.order[0]) for one, tensor in zip(side, made, strict=True)] for side in sides
    )
    return theirs, ours


def _batches(original: Original, taken: list[Tensor], model: Any, seed: int) -> list[list[dict[str, Array]]]:
    """Return random inputs of the whole original: of three kinds of numbers, each one or more runs of the original.

    Open sizes are the first of `SIZES` that the model takes.
    """
    axes = {name: tensor.order[0] for name, tensor in zip(original.ends.inputs, taken, strict=True)}
    runs = -(-SAMPLES // (original.batch or SAMPLES))
    last: Exception | None = None
    for size in SIZES:
        shapes = {name: _shape(original, name, size, axes.get(name)) for name in original.inputs}
        try:
            if not _is_cut(original):
                _dry(model, taken, shapes, original)
            return _drawn(original, shapes, runs, rows_of(model), seed)
        except Exception as error:  # Keras raises whatever a size that does not fit led to
            last = error
    raise ZooError(f"the model of {original.path} runs on none of the sizes {SIZES}: {_line(last or ValueError())}")


def _drawn(
    original: Original, shapes: dict[str, tuple[int, ...]], runs: int, below: int, seed: int
) -> list[list[dict[str, Array]]]:
    """Return the inputs of the original for each batch, and for each run of it that a batch takes."""
    fixed = {name: _fixed(original, name, shapes[name]) for name in original.inputs if name in original.ends.fixed}
    names = [name for name in original.inputs if name not in fixed]
    inputs = [_probe(original, name, shapes[name], below) for name in names]
    drawn = [probes(inputs, seed + 97 * run) for run in range(runs)]
    return [[fixed | dict(zip(names, batch, strict=True)) for batch in batches] for batches in zip(*drawn, strict=True)]


def _is_cut(original: Original) -> bool:
    return not set(original.ends.inputs) <= set(original.inputs)


def _dry(model: Any, taken: list[Tensor], shapes: dict[str, tuple[int, ...]], original: Original) -> None:
    """See whether the model takes inputs of some shapes, without computing anything."""
    given = [
        keras.KerasTensor([shapes[name][axis] for axis in tensor.order], tensor.keras.dtype)
        for name, tensor in zip(original.ends.inputs, taken, strict=True)
    ]
    model.compute_output_spec(given[0] if len(given) == 1 else given)


def _shape(original: Original, name: str, size: int, samples: int | None) -> tuple[int, ...]:
    """Return a shape with two samples, or as many as the original takes; `samples` is their axis, where it is known."""
    shape = original.told[name].shape if name in original.told else ()
    if name in original.ends.fixed:
        return tuple(one if isinstance(one, int) else 1 for one in shape)
    count, axis = original.batch or SAMPLES, samples or 0
    return tuple(count if number == axis else one if isinstance(one, int) else size for number, one in enumerate(shape))


def _probe(original: Original, name: str, shape: tuple[int, ...], below: int) -> Probe:
    dtype = original.told[name].dtype if name in original.told else 1
    kind = TYPES.get(dtype) or ("int64" if dtype == INT64 else INTEGERS[dtype])
    return Probe(shape, kind, None if dtype in FLOATS else below)


def _fixed(original: Original, name: str, shape: tuple[int, ...]) -> Array:
    dtype = original.told[name].dtype if name in original.told else 1
    kind = "int64" if dtype == INT64 else INTEGERS.get(dtype, "float32")
    return np.full(shape, original.ends.fixed[name], kind)


def _both(
    original: Original,
    feeds: dict[str, Array],
    answer: list[Array],
    tensors: tuple[list[Tensor], list[Tensor]],
    model: Any,
) -> tuple[list[Array], list[Array]]:
    found = dict(zip(_names(original), answer, strict=True))
    held = {**feeds, **found}
    given = [
        np.ascontiguousarray(np.transpose(held[name], tensor.order)).astype(tensor.keras.dtype)
        for name, tensor in zip(original.ends.inputs, tensors[0], strict=True)
    ]
    theirs = [np.asarray(found[name]) for name in original.ends.outputs]
    made = model(given[0] if len(given) == 1 else given, training=False)
    ours = [
        np.transpose(np.asarray(array), np.argsort(tensor.order))
        for array, tensor in zip(made if isinstance(made, list | tuple) else [made], tensors[1], strict=True)
    ]
    return theirs, ours
