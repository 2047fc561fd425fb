"""Normalisation, and constants that scale and shift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.step import Step


def _batch(step: Step) -> Value:
    layer, value = step.layer, step.writer.first(step.inputs[0])
    if layer.axis % value.rank != value.rank - 1:
        step.refuse(f"its axis is {layer.axis}; expected the last")
    size = layer.moving_mean.shape[0]
    given = {
        "gamma": step.array("gamma") if layer.scale else np.ones(size),
        "beta": step.array("beta") if layer.center else np.zeros(size),
        "moving_mean": step.array("moving_mean"),
        "moving_variance": step.array("moving_variance"),
    }
    weights = [step.weight(name, array) for name, array in given.items()]
    return step.add(
        "BatchNormalization", [value, *weights], value.rank, first=value.first, epsilon=float(layer.epsilon)
    )


def _layer(step: Step) -> Value:
    layer, value = step.layer, step.writer.last(step.inputs[0])
    axis = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    if [one % value.rank for one in axis] != [value.rank - 1] or getattr(layer, "rms_scaling", False):
        step.refuse(f"its axis is {layer.axis}; expected the last")
    size = step.shape[-1]
    weights = [step.weight("gamma", step.array("gamma") if layer.scale else np.ones(size))]
    if layer.center:
        weights.append(step.weight("beta", step.array("beta")))
    return step.add("LayerNormalization", [value, *weights], value.rank, axis=-1, epsilon=float(layer.epsilon))


def _group(step: Step) -> Value:
    """Wu and He 2018; an InstanceNormalization, whose channels are the groups where they are not single channels.

    The operator GroupNormalization is newer than set 17.
    """
    layer, value = step.layer, step.writer.first(step.inputs[0])
    if layer.axis % value.rank != value.rank - 1 or value.rank < 3:
        step.refuse(f"its axis is {layer.axis} of {value.rank}; expected the last of at least 3")
    size, groups = int(step.shape[-1] or 0), int(layer.groups)
    given = {"gamma": step.array("gamma") if layer.scale else np.ones(size),
             "beta": step.array("beta") if layer.center else np.zeros(size)}  # fmt: skip
    epsilon = float(layer.epsilon)
    if groups in (-1, size):
        weights = [step.weight(name, array) for name, array in given.items()]
        return step.add("InstanceNormalization", [value, *weights], value.rank, first=True, epsilon=epsilon)
    if None in step.shape[1:]:
        step.refuse(f"its input {list(step.shape)} has axes of open size")
    rows, whole = ([0, groups, -1], [0, size, *(int(one or 0) for one in step.shape[1:-1])])
    joined = step.add("Reshape", [value, step.writer.whole(f"{step.scope}/rows", rows)], 3, "joined", True)
    ones = [step.weight(name, make(groups)) for name, make in (("one", np.ones), ("zero", np.zeros))]
    even = step.add("InstanceNormalization", [joined, *ones], 3, "even", True, epsilon=epsilon)
    apart = step.add("Reshape", [even, step.writer.whole(f"{step.scope}/whole", whole)], value.rank, "apart", True)
    scale, shift = (
        step.weight(name, np.reshape(array, (size, *[1] * (value.rank - 2)))) for name, array in given.items()
    )
    made = step.add("Mul", [apart, scale], value.rank, "scaled", True)
    return step.add("Add", [made, shift], value.rank, first=True)


def _line(step: Step, value: Value, scale: Any, offset: Any) -> Value:
    made = step.add("Mul", [value, step.weight("scale", scale)], value.rank, "scaled")
    return step.add("Add", [made, step.weight("offset", offset)], value.rank)


def _rescaling(step: Step) -> Value:
    return _line(step, step.writer.last(step.inputs[0]), step.layer.scale, step.layer.offset)


def _normalization(step: Step) -> Value:
    layer = step.layer
    step.need(invert=False)
    mean, variance = (np.asarray(array, np.float32) for array in (layer.mean, layer.variance))
    deviation = np.maximum(np.sqrt(variance), 1e-7)  # keras.config.epsilon()
    return _line(step, step.writer.last(step.inputs[0]), 1 / deviation, -mean / deviation)


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    "BatchNormalization": _batch,
    "GroupNormalization": _group,
    "LayerNormalization": _layer,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
}
