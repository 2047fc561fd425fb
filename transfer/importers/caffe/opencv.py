"""Run a Caffe net in OpenCV, where it is installed, and compare."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.importers.agreement import Difference, agreement
from transfer.importers.apart import Answer, CrashError, RunError, apart
from transfer.importers.caffe import net
from transfer.importers.caffe.build import Built
from transfer.importers.caffe.cost import Cost, cost_of
from transfer.importers.caffe.plan import Plan, blob_name
from transfer.importers.caffe.schema import LayerParameter, NetParameter
from transfer.importers.probes import Probe, probes

ABSENT = "not compared with the original: install zoo[caffe], which brings OpenCV's Caffe reader"
LARGEST = Cost(1 << 27, 2 * 10**10)  # of one sample; above, nothing is compared, as it takes too much memory or time
LARGEST_FILE = 800_000_000  # bytes; larger than every net of Caffe's Model Zoo
TIMEOUT = 20  # seconds, and more for a large net:
SPEED = Cost(1 << 20, 5 * 10**8)  # bytes of the file and multiplications of one sample a second, at least
LARGE = Cost(1 << 25, 2 * 10**9)  # above, one sample is compared instead of two
Arrays = list[NDArray[np.float32]]


def compared(
    plan: Plan, built: Built, weights: Path, seed: int, watch: Watch = silent
) -> tuple[Difference | None, str]:
    """Compare the model with the net in OpenCV; return the difference and OpenCV's version, or None and why not.

    OpenCV gets the layers of the plan, so that both compute the same outputs, and the caffemodel as it is.

    Raises:
        ZooError: they differ by more than 1e-4 of the largest output, or OpenCV crashes.
    """
    if find_spec("cv2") is None:
        return None, ABSENT
    size = weights.stat().st_size
    if size > LARGEST_FILE:
        return None, f"not compared with the original: OpenCV takes twice the caffemodel's {size:,} bytes of memory"
    cost = cost_of(built.model)
    if cost.numbers > LARGEST.numbers or cost.work > LARGEST.work:
        takes = f"{cost.work:,} multiplications and {cost.numbers:,} numbers"
        return None, f"not compared with the original: one sample takes {takes}"
    strange = [layer.name for layer in plan.layers if _other(layer)]
    if strange:
        return None, f"not compared with the original: OpenCV computes {', '.join(strange[:5])} unlike Caffe"
    samples = 1 if cost.numbers > LARGE.numbers or cost.work > LARGE.work else 2
    batches = probes([Probe((samples, *shape[1:])) for shape in plan.inputs.values()], seed)
    try:
        theirs = _theirs(plan, weights, batches, cost)
    except CrashError as error:
        raise ZooError(
            f"OpenCV crashes when it runs {weights}: {error}; the file is damaged", "download the file again"
        ) from error
    except RunError as error:
        return None, f"not compared with the original: OpenCV cannot run it ({str(error)[:160]})"
    pairs = []
    for place, (answer, batch) in enumerate(zip(theirs.batches, batches, strict=True), 1):
        pairs.append((answer, _ours(built, batch)))
        watch("compare", place, len(batches))
    return agreement(pairs, f"the Caffe net {weights.name} in OpenCV"), f"OpenCV {theirs.version}"


def _other(layer: Any) -> bool:
    """Tell whether OpenCV computes a layer unlike Caffe: it ignores LRN's `k` and InnerProduct's `transpose`."""
    return bool(layer.lrn_param.k != 1 or layer.inner_product_param.transpose)


def _theirs(plan: Plan, weights: Path, batches: Sequence[Arrays], cost: Cost) -> Answer:
    patience = TIMEOUT + weights.stat().st_size / SPEED.numbers + cost.work / SPEED.work
    with tempfile.TemporaryDirectory() as folder:
        prototxt = Path(folder) / "net.prototxt"
        prototxt.write_text(text_format.MessageToString(described(plan)))
        settings = {
            "prototxt": str(prototxt),
            "inputs": [blob_name(value) for value in plan.inputs],
            "pins": [_pin(plan, value) for value in plan.outputs],
        }
        return apart(Path(net.__file__), weights, settings, batches, patience)


def described(plan: Plan) -> Any:
    """Return the net of a plan as a `NetParameter` without arrays."""
    made = NetParameter(name="net")
    for value, shape in plan.inputs.items():
        name = blob_name(value)
        made.layer.append(LayerParameter(name=f"{name}_input", type="Input", top=[name]))
        made.layer[-1].input_param.shape.add(dim=shape)
    for layer in plan.layers:
        made.layer.append(layer)
        made.layer[-1].ClearField("include")
        made.layer[-1].ClearField("exclude")
    return made


def _pin(plan: Plan, value: str) -> tuple[str, int]:
    """Return the layer that makes an output, and which of its tops that is."""
    for step in plan.steps:
        if value in step.makes:
            return str((step.scale or step.layer).name), step.makes.index(value)
    raise KeyError(value)


def _ours(built: Built, batch: Arrays) -> Arrays:
    fed = [
        np.ascontiguousarray(array.transpose(tensor.order))
        for array, tensor in zip(batch, built.inputs.values(), strict=True)
    ]
    answers = built.model(fed[0] if len(fed) == 1 else fed, training=False)
    answers = [answers] if len(built.outputs) == 1 else answers
    return [
        keras.ops.convert_to_numpy(answer).transpose([tensor.order.index(axis) for axis in range(len(tensor.order))])
        for answer, tensor in zip(answers, built.outputs, strict=True)
    ]
