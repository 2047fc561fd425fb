"""Caffe nets in miniature: a prototxt, and a caffemodel with seeded arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from transfer.importers.caffe.prototxt import parsed
from transfer.importers.caffe.schema import NetParameter

Shapes = Mapping[str, Sequence[tuple[int, ...]]]


def input_layer(*shape: int, name: str = "data") -> str:
    dims = " ".join(f"dim: {size}" for size in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'


def layer(name: str, type: str, bottom: str, top: str | None = None, body: str = "") -> str:
    """One layer; bottoms and tops are separated by spaces."""
    bottoms = " ".join(f'bottom: "{one}"' for one in bottom.split())
    tops = " ".join(f'top: "{one}"' for one in (name if top is None else top).split())
    return f'layer {{ name: "{name}" type: "{type}" {bottoms} {tops} {body} }}\n'


def arrays(shapes: Shapes, seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Random arrays by layer; those of a name that starts with `bn` are a mean, a positive variance and a factor."""
    draws = np.random.default_rng(seed)
    found = {name: [draws.normal(0, 0.5, shape).astype(np.float32) for shape in of] for name, of in shapes.items()}
    for name, of in found.items():
        if name.startswith("bn"):
            of[1], of[2] = np.abs(of[1]) + 0.5, np.array([2.0], np.float32)
    return found


def caffemodel(held: Mapping[str, Sequence[np.ndarray]], legacy: bool = False, kind: str = "data") -> bytes:
    """A caffemodel that holds arrays and nothing else.

    Args:
        held: the arrays by layer.
        legacy: state four sizes, with ones in front, as Caffe did before it had shapes.
        kind: the field that holds the numbers: data, double_data, half, raw, integers.
    """
    net = NetParameter(name="net")
    net.layer.add(name="data", type="Input")
    for name, of in held.items():
        one = net.layer.add(name=name, type="Any")
        for array in of:
            fill(one.blobs.add(), array, legacy, kind)
    return net.SerializeToString()


def fill(blob, array: np.ndarray, legacy: bool = False, kind: str = "data") -> None:
    if legacy:
        blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
    else:
        blob.shape.dim.extend(array.shape)
    if kind == "double_data":
        blob.double_data.extend(array.ravel().astype(float))
    elif kind == "data":
        blob.data.extend(array.ravel())
    else:
        dtype, blob.raw_data_type = {"half": ("<f2", 2), "raw": ("<f4", 1), "integers": ("i1", 3)}[kind]
        blob.raw_data = array.astype(dtype).tobytes()


def write(folder: Path, prototxt: str, held: Mapping[str, Sequence[np.ndarray]], **options) -> Path:
    """Write `net.prototxt` and `net.caffemodel`; return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.prototxt").write_text(prototxt)
    (folder / "net.caffemodel").write_bytes(caffemodel(held, **options))
    return folder / "net.caffemodel"


def snapshot(prototxt: str, held: Mapping[str, Sequence[np.ndarray]]) -> bytes:
    """A caffemodel as a solver writes it: the layers of the training net with their arrays."""
    net = parsed(prototxt)
    for one in [*net.layer, *net.layers]:
        for array in held.get(one.name, ()):
            fill(one.blobs.add(), array)
    return net.SerializeToString()


def pooled(x: np.ndarray, kernel: int, stride: int, pad: int, average: bool) -> np.ndarray:
    """Caffe's pooling of one plane, (h, w), written from the formulas of its `pooling_layer.cpp`."""
    counts = []
    for size in x.shape:
        count = int(np.ceil((size + 2 * pad - kernel) / stride)) + 1
        counts.append(count - 1 if pad and (count - 1) * stride >= size + pad else count)
    out = np.zeros(counts, np.float32)
    for row in range(counts[0]):
        for column in range(counts[1]):
            starts = [row * stride - pad, column * stride - pad]
            stops = [min(start + kernel, size + pad) for start, size in zip(starts, x.shape, strict=True)]
            area = (stops[0] - starts[0]) * (stops[1] - starts[1])
            window = x[max(starts[0], 0) : stops[0], max(starts[1], 0) : stops[1]]
            out[row, column] = window.sum() / area if average else window.max()
    return out
