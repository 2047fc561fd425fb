"""Small ONNX models, made with `onnx.helper` and seeded weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]
KINDS = {"f": TensorProto.FLOAT, "h": TensorProto.FLOAT16, "l": TensorProto.INT64, "i": TensorProto.INT32,
         "d": TensorProto.DOUBLE, "?": TensorProto.BOOL, "s": TensorProto.STRING}  # fmt: skip


def random(*shape: int, seed: int = 0, low: float = -1.0, high: float = 1.0) -> np.ndarray[Any, Any]:
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape).astype(np.float32)


def node(op: str, inputs: str, outputs: str, name: str = "", **attributes: Any) -> Any:
    """Make a node; `-` stands for an input that is left out."""
    taken, made = (["" if one == "-" else one for one in names.split()] for names in (inputs, outputs))
    return helper.make_node(op, taken, made, name=name or None, **attributes)


def graph(
    nodes: Sequence[Any],
    inputs: Mapping[str, Shape],
    outputs: Sequence[str] = ("y",),
    weights: Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> Any:
    kinds = kinds or {}
    taken = [helper.make_tensor_value_info(name, KINDS[kinds.get(name, "f")], shape) for name, shape in inputs.items()]
    made = [helper.make_tensor_value_info(name, KINDS[kinds.get(name, "f")], None) for name in outputs]
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    return helper.make_graph(list(nodes), "graph", taken, made, held)


def model(*args: Any, opset: int = 17, metadata: Mapping[str, str] | None = None, **kwargs: Any) -> Any:
    domains = [helper.make_opsetid("", opset), helper.make_opsetid("com.example", 1)]
    found = helper.make_model(graph(*args, **kwargs), opset_imports=domains, ir_version=8)
    for key, value in (metadata or {}).items():
        found.metadata_props.add(key=key, value=value)
    return found


def saved(folder: Path, *args: Any, name: str = "m.onnx", **kwargs: Any) -> Path:
    path = folder / name
    onnx.save(model(*args, **kwargs), str(path))
    return path


def residual(opset: int = 17) -> dict[str, Any]:
    """A convolutional net with a residual block, batch normalisation and a classifier, as PyTorch names things."""
    weights = {
        "stem.weight": random(8, 3, 3, 3),
        "stem.bias": random(8),
        "bn.weight": random(8, low=0.5),
        "bn.bias": random(8),
        "bn.running_mean": random(8),
        "bn.running_var": random(8, low=0.5, high=2),
        "block.conv.weight": random(8, 8, 3, 3),
        "block.conv.bias": random(8, seed=1),
        "fc.weight": random(4, 8),
        "fc.bias": random(4),
    }
    nodes = [
        node("Conv", "x stem.weight stem.bias", "a", "/stem/Conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", "a bn.weight bn.bias bn.running_mean bn.running_var", "b", "/bn/BatchNormalization"),
        node("Relu", "b", "c", "/relu/Relu"),
        node("MaxPool", "c", "d", "/pool/MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Conv", "d block.conv.weight block.conv.bias", "e", "/block/conv/Conv", pads=[1, 1, 1, 1]),
        node("Add", "e d", "f", "/block/Add"),
        node("Relu", "f", "g", "/block/relu/Relu"),
        node("GlobalAveragePool", "g", "h", "/avgpool/GlobalAveragePool"),
        node("Flatten", "h", "i", "/Flatten", axis=1),
        node("Gemm", "i fc.weight fc.bias", "logits", "/fc/Gemm", transB=1),
        node("Softmax", "logits", "y", "/Softmax", axis=1),
    ]
    return {"nodes": nodes, "inputs": {"x": ["n", 3, 16, 16]}, "weights": weights, "opset": opset}
