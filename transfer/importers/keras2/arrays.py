"""A layer's arrays from the layouts of Keras 1 and 2, Theano and cuDNN to that of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.importers.keras2.kinds import RENAMED
from transfer.importers.keras2.layers import HARD, hard_activation

Arrays = list[NDArray[Any]]
GATES = {"LSTM": 4, "GRU": 3}
CELL = 2  # of the gates, the one that the activation makes: LSTM i f c o, GRU z r h


@dataclass(frozen=True)
class Writer:
    """What wrote a file.

    Attributes:
        major: the version of Keras, 1, 2 or 3.
        backend: `tensorflow`, `theano` …; Theano's convolutions turn the kernel by half a turn.
    """

    major: int = 2
    backend: str = "tensorflow"


def fitted(origin: str, given: Mapping[str, Any], arrays: Sequence[NDArray[Any]], writer: Writer) -> Arrays:
    """Return a layer's arrays as Keras 3 has them; the conversions of Keras 2's own loader (`hdf5_format.py`).

    Args:
        origin: the layer's class name in the file.
        given: its config there.
        arrays: in the file's order.
        writer: what wrote them.
    """
    inner = given.get("layer")
    if origin in ("TimeDistributed", "Bidirectional") and isinstance(inner, Mapping):
        kind, config = str(inner.get("class_name")), inner.get("config") or {}
        if origin == "TimeDistributed":
            return fitted(kind, config, arrays, writer)
        half = len(arrays) // 2
        return fitted(kind, config, arrays[:half], writer) + fitted(kind, config, arrays[half:], writer)
    kind, found = RENAMED.get(origin, origin), list(arrays)
    if kind in GATES:
        found = _recurrent(kind, origin, found)
    elif kind.startswith("Conv") and found:
        kernels = 2 if kind.startswith("ConvLSTM") else 1  # the second is the recurrent one
        found[:kernels] = [_kernel(kind, given, kernel, writer) for kernel in found[:kernels]]
    return _hardened(kind, given, found) if writer.major < 3 else found


def _kernel(kind: str, given: Mapping[str, Any], kernel: NDArray[Any], writer: Writer) -> NDArray[Any]:
    if writer.major == 1:
        kernel = _of_keras_1(kind, given, kernel)
    if writer.backend == "theano" and kernel.ndim > 2:
        kernel = np.flip(kernel, tuple(range(kernel.ndim - 2)))
    return kernel


def _of_keras_1(kind: str, given: Mapping[str, Any], kernel: NDArray[Any]) -> NDArray[Any]:
    first = given.get("dim_ordering") == "th"
    if kind == "Conv1D" and kernel.ndim == 4:
        filters = given.get("nb_filter")
        length = given.get("filter_length")
        old = kernel.shape[:2] != (length, 1) or kernel.shape[3] != filters  # (filters, channels, length, 1)
        return (np.transpose(kernel, (2, 3, 1, 0)) if old else kernel)[:, 0]
    if kind == "Conv2D" and first and kernel.ndim == 4:
        return np.transpose(kernel, (2, 3, 1, 0))
    if kind == "Conv2DTranspose" and kernel.ndim == 4:
        return np.transpose(kernel, (2, 3, 0, 1) if first else (0, 1, 3, 2))
    return np.transpose(kernel, (2, 3, 4, 1, 0)) if kind == "Conv3D" and first and kernel.ndim == 5 else kernel


def _recurrent(kind: str, origin: str, arrays: Arrays) -> Arrays:
    if kind == "LSTM" and len(arrays) == 12:  # Keras 1: W, U, b of the gates i, c, f, o
        return [np.concatenate([arrays[gate * 3 + part] for gate in (0, 2, 1, 3)], axis=-1) for part in range(3)]
    if kind == "GRU" and len(arrays) == 9:  # Keras 1: W, U, b of z, r, h
        return [np.concatenate([arrays[gate * 3 + part] for gate in range(3)], axis=-1) for part in range(3)]
    if not origin.startswith("CuDNN") or len(arrays) != 3:
        return arrays
    kernel, recurrent, bias = arrays
    units = recurrent.shape[0]
    if recurrent.shape != (units, GATES[kind] * units) or bias.size != 2 * GATES[kind] * units:
        return arrays  # fails against the layer's shapes
    gates = np.split(kernel, GATES[kind], axis=1)
    kernel = np.concatenate([gate.T.reshape(gate.shape, order="F") for gate in gates], axis=1)
    recurrent = np.concatenate([gate.T for gate in np.split(recurrent, GATES[kind], axis=1)], axis=1)
    halves = bias.reshape(2, -1)
    return [kernel, recurrent, halves if kind == "GRU" else halves.sum(axis=0)]


def _hardened(kind: str, given: Mapping[str, Any], arrays: Arrays) -> Arrays:
    """Scale what feeds a `hard_sigmoid` by 1.2, since Keras 3's has slope 1/6 where it was 1/5."""
    if not hard_activation(_plain(given)):
        return arrays
    gates = 4 if kind.startswith("ConvLSTM") else GATES.get(kind)
    if gates is None:
        return [array * np.float32(HARD) for array in arrays] if kind == "Dense" or kind.startswith("Conv") else arrays
    factors = np.array([1 if gate == CELL else HARD for gate in range(gates)], np.float32)
    return [array * np.repeat(factors, array.shape[-1] // gates) for array in arrays]


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "activation": given.get("activation"),
        "recurrent_activation": given.get("recurrent_activation", given.get("inner_activation")),
    }
