"""LSTM, GRU and plain recurrent layers, in one or both directions. Source: ONNX operators LSTM, GRU, RNN (7, 14)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from transfer.importers.native import Order, Tensor
from transfer.importers.onnx.call import Call, Value
from transfer.importers.onnx.known import Known

Array = NDArray[np.float32]
BATCH_FIRST: Order = (1, 0, 2)  # of (seq, batch, features)
GATES = {"LSTM": (0, 2, 3, 1), "GRU": (0, 1, 2), "RNN": (0,)}  # ONNX iofc to Keras ifco; both have zrh
DEFAULTS = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}


@dataclass(frozen=True)
class Ends:
    """What one direction returns: all outputs (n, seq, h) in the order of time, the last (n, h), the last cell."""

    every: Tensor | None
    last: Tensor | None
    cell: Tensor | None


def recurrent(call: Call) -> list[Tensor | None]:
    """Outputs Y (seq, directions, batch, hidden), Y_h and Y_c (directions, batch, hidden)."""
    _check(call)
    layout = call.integer("layout")
    x = call.net.arranged(call.tensor(), (0, 1, 2) if layout else BATCH_FIRST)
    direction = call.text("direction", "forward").lower()
    ways = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}.get(direction)
    if ways is None:
        call.refuse(f"its direction is {direction}")
    names = [*call.node.outputs, "", "", ""][:3]
    wanted = [bool(name) and name in call.used for name in names]
    ends = [_one_way(call, x, number, backward, wanted) for number, backward in enumerate(ways)]
    states = (0, 1, 2) if layout else (1, 0, 2)
    # Keras's (batch, seq, direction, hidden) holds the axes (seq 0, direction 1, batch 2, hidden 3) or, with
    # layout 1, (batch 0, seq 1, direction 2, hidden 3).
    series = (0, 1, 2, 3) if layout else (2, 0, 1, 3)
    return [
        _joined(call, [end.every for end in ends], 2, series, "outputs"),
        _joined(call, [end.last for end in ends], 1, states, "last"),
        _joined(call, [end.cell for end in ends], 1, states, "cell"),
    ][: len(call.node.outputs)]


def _check(call: Call) -> None:
    op = call.node.op
    if len(call.tensor().order) != 3:
        call.refuse(f"its input has {len(call.tensor().order)} axes; expected 3")
    if any(isinstance(call.given(number), Known) and not _zero(call.given(number)) for number in (5, 6)):
        call.refuse("its initial state is a constant that is not zero")
    if op == "LSTM" and (call.given(7) is not None or call.integer("input_forget")):
        call.refuse("it has peepholes or couples its gates, which Keras's LSTM does not")
    if "clip" in call.node.attributes:
        call.refuse("it clips its gates")
    if call.given(4) is not None:
        lengths, steps = call.given(4), call.tensor().shape[1 if call.integer("layout") else 0]
        if not (isinstance(lengths, Known) and steps and all((array == steps).all() for array in lengths.worlds)):
            call.refuse("its sequences have lengths of their own")


def _zero(value: Value) -> bool:
    return value is None or (isinstance(value, Known) and not any(array.any() for array in value.worlds))


def _states(call: Call, number: int) -> list[Tensor]:
    """Return the initial states (n, h) of one direction that the model computes; none where all are zero."""
    count = 2 if call.node.op == "LSTM" else 1
    if all(_zero(call.given(5 + place)) for place in range(count)):
        return []
    order = (0, 1, 2) if call.integer("layout") else (1, 0, 2)
    states = [call.net.arranged(call.tensor(5 + place), order) for place in range(count)]
    return [
        call.operation(lambda t: t[:, number], state, order=(0, 1), part=f"state_{place}")
        for place, state in enumerate(states)
    ]


def _activations(call: Call, number: int) -> tuple[str, ...]:
    default = DEFAULTS[call.node.op]
    given = call.node.attributes.get("activations")
    size = len(default)
    if not isinstance(given, tuple) or not given:
        return default
    own = tuple(bytes(name).decode("ascii", "replace").lower() for name in given[number * size : (number + 1) * size])
    if len(own) != size or not set(own) <= {"sigmoid", "tanh", "relu"} or (size == 3 and own[1] != own[2]):
        call.refuse(f"its activations are {list(own)}; expected Sigmoid, Tanh or Relu")
    return own


def _one_way(call: Call, x: Tensor, number: int, backward: bool, wanted: list[bool]) -> Ends:
    kernel, recurrent_kernel, bias = _weights(call, number)
    hidden = recurrent_kernel.shape[0]
    options: dict[str, Any] = {
        "go_backwards": backward,
        "return_sequences": wanted[0],
        "return_state": wanted[2] or (wanted[0] and wanted[1]),
    }
    layer = _layer(call, hidden, _activations(call, number), options)
    part = ("backward" if backward else "forward") if call.text("direction", "forward") == "bidirectional" else ""
    weights = [kernel, recurrent_kernel, bias]
    states, scope = _states(call, number), f"{call.scope}/{part}" if part else call.scope
    made = call.net.layer(
        scope, layer, [x, *states], weights=weights, sources=call.sources(1, 2, 3), order=BATCH_FIRST,
        call=(lambda t, *initial: layer(t, initial_state=list(initial))) if states else None,
    ).keras  # fmt: skip
    found = list(made) if isinstance(made, list | tuple) else [made]
    every = Tensor(found[0], (0, 1, 2)) if wanted[0] else None
    if every is not None and backward:  # Keras returns what it met last, at the end
        every = call.below(part or "backward").operation(lambda t: keras.ops.flip(t, 1), every, part="flip")
    last = Tensor(found[1] if wanted[0] else found[0], (0, 1)) if wanted[1] else None
    return Ends(every, last, Tensor(found[-1], (0, 1)) if wanted[2] else None)


def _layer(call: Call, hidden: int, activations: tuple[str, ...], options: dict[str, Any]) -> Any:
    if call.node.op == "RNN":
        return keras.layers.SimpleRNN(hidden, activation=activations[0], **options)
    kinds: dict[str, Callable[..., Any]] = {"LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}
    if call.node.op == "GRU":
        options = {**options, "reset_after": bool(call.integer("linear_before_reset"))}
    return kinds[call.node.op](hidden, recurrent_activation=activations[0], activation=activations[1], **options)


def _weights(call: Call, number: int) -> tuple[Array, Array, Array]:
    """Return the kernel (in, gates h), the recurrent kernel (h, gates h) and the bias, for one direction."""
    gates, held = GATES[call.node.op], (call.weight(1), call.weight(2))
    count = len(gates)
    if any(array.ndim != 3 or array.shape[0] <= number or array.shape[1] % count for array in held):
        call.refuse(f"its weights have the shapes {[list(array.shape) for array in held]}")
    kernel, recurrent_kernel = (_ordered(array[number], gates).T for array in held)
    size = held[1].shape[1]
    bias = np.zeros(2 * size, np.float32) if call.given(3) is None else call.weight(3)[number]
    if bias.size != 2 * size:
        call.refuse(f"its bias has {bias.size} numbers; expected {2 * size}")
    pair = [_ordered(half, gates) for half in (bias[:size], bias[size:])]
    apart = call.node.op == "GRU" and call.integer("linear_before_reset")
    whole = np.stack(pair) if apart else pair[0] + pair[1]
    return np.ascontiguousarray(kernel), np.ascontiguousarray(recurrent_kernel), whole


def _ordered(array: Array, gates: tuple[int, ...]) -> Array:
    parts = np.split(array, len(gates))
    return np.concatenate([parts[gate] for gate in gates])


def _joined(call: Call, parts: list[Tensor | None], axis: int, order: Order, part: str) -> Tensor | None:
    """Give the directions an axis of their own."""
    there = [tensor for tensor in parts if tensor is not None]
    if not there:
        return None
    hidden = there[0].keras.shape[-1]
    shape = (there[0].keras.shape[1] or -1, 1, hidden) if axis == 2 else (1, hidden)
    apart = [call.layer(keras.layers.Reshape(shape), tensor, order=order, part=part) for tensor in there]
    return apart[0] if len(apart) == 1 else call.layer(keras.layers.Concatenate(axis=axis), apart, part=part)
