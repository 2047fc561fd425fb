"""LSTM, GRU and SimpleRNN, in one or both directions.

Source: ONNX operators LSTM, GRU and RNN, version 14: time comes first; gates are iofc (Keras: ifco) and zrh; the bias
is that of the input, then that of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.step import Step

OPS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}  # where ONNX's gates lie in Keras's
ACTIVATIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}


def _one(step: Step) -> Value:
    layer = step.layer
    if layer.go_backwards and layer.return_sequences:
        step.refuse("it returns its outputs backwards")
    return _written(step, [layer], "reverse" if layer.go_backwards else "forward")


def _both(step: Step) -> Value:
    layer = step.layer
    ways = [layer.forward_layer, layer.backward_layer]
    if layer.merge_mode != "concat" or type(ways[0]) is not type(ways[1]) or ways[0].go_backwards:
        step.refuse(f"its directions are merged by {layer.merge_mode}, or are of two kinds")
    return _written(step, ways, "bidirectional")


def _written(step: Step, ways: list[Any], direction: str) -> Value:
    kind = type(ways[0]).__name__
    if kind not in OPS:
        step.refuse(f"it runs a {kind}")
    if len(step.inputs) > 1 or any(way.return_state or way.stateful for way in ways):
        step.refuse("it takes or returns a state")
    attributes: dict[str, Any] = {"hidden_size": int(ways[0].units), "direction": direction}
    attributes["activations"] = [name for way in ways for name in _activations(step, way, kind)]
    if kind == "GRU":
        attributes["linear_before_reset"] = int(bool(ways[0].reset_after))
    arrays = [_arrays(way, kind) for way in ways]
    names = ("kernel", "recurrent_kernel", "bias")
    weights = [step.weight(name, np.stack(parts)) for name, parts in zip(names, zip(*arrays, strict=True), strict=True)]
    x = step.add("Transpose", [step.inputs[0]], 3, "time_first", perm=[1, 0, 2])
    every, last = step.writer.nodes(OPS[kind], step.scope, [x, *weights], 2, 4, **attributes)
    if ways[0].return_sequences:
        return _series(step, every, len(ways))
    return _end(step, last, len(ways))


def _series(step: Step, every: Value, ways: int) -> Value:
    """From (time, ways, n, units) to (n, time, ways * units)."""
    if ways == 1:
        axis = step.writer.whole(f"{step.scope}/way", [1])
        made = step.add("Squeeze", [every, axis], 3, "one_way")
        return step.add("Transpose", [made], 3, "samples_first", perm=[1, 0, 2])
    made = step.add("Transpose", [every], 4, "samples_first", perm=[2, 0, 1, 3])
    return step.add("Reshape", [made, step.writer.whole(f"{step.scope}/shape", [0, 0, -1])], 3, "joined")


def _end(step: Step, last: Value, ways: int) -> Value:
    """From (ways, n, units) to (n, ways * units)."""
    if ways == 1:
        return step.add("Squeeze", [last, step.writer.whole(f"{step.scope}/way", [0])], 2, "one_way")
    made = step.add("Transpose", [last], 3, "samples_first", perm=[1, 0, 2])
    return step.add("Reshape", [made, step.writer.whole(f"{step.scope}/shape", [0, -1])], 2, "joined")


def _activations(step: Step, way: Any, kind: str) -> list[str]:
    functions = [way.activation]
    if kind != "SimpleRNN":
        functions = [way.recurrent_activation, *functions]
    if kind == "LSTM":
        functions.append(way.activation)
    names = [function.__name__ for function in functions]
    if unknown := [name for name in names if name not in ACTIVATIONS]:
        step.refuse(f"its activation is {unknown[0]}; expected {', '.join(ACTIVATIONS)}")
    return [ACTIVATIONS[name] for name in names]


def _arrays(way: Any, kind: str) -> tuple[Any, Any, Any]:
    """Return the kernel (gates * units, in), the recurrent kernel and both biases of one direction."""
    cell, gates = way.cell, GATES[kind]
    kernel, recurrent = (np.asarray(weight.value) for weight in (cell.kernel, cell.recurrent_kernel))
    size = kernel.shape[1]
    bias = np.zeros((2, size), np.float32)
    if cell.use_bias:
        own = np.asarray(cell.bias.value)
        bias[: 2 if own.ndim == 2 else 1] = own
    turned = [_ordered(array, gates) for array in (kernel, recurrent, bias)]
    return turned[0].T, turned[1].T, turned[2].reshape(-1)


def _ordered(array: Any, gates: tuple[int, ...]) -> Any:
    parts = np.split(array, len(gates), axis=-1)
    return np.concatenate([parts[gate] for gate in gates], axis=-1)


LAYERS: Mapping[str, Callable[[Step], Value]] = {**dict.fromkeys(OPS, _one), "Bidirectional": _both}
