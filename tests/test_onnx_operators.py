"""Each operator against ONNX Runtime, which `read` runs beside the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import node, random, saved

from transfer.importers.onnx import read

pytest.importorskip("onnxruntime")
IMAGE = ("n", 4, 9, 8)


@dataclass(frozen=True)
class Case:
    """One operator.

    Attributes:
        op: its name.
        types: the layers that it must become.
        shape: of its first input.
        weights: its further inputs, in order.
        attributes: of the node.
        opset: the version.
        outputs: their names.
    """

    op: str
    types: str
    shape: tuple[Any, ...] = IMAGE
    weights: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    outputs: str = "y"
    first: bool = False  # whether the weight comes first

    def __str__(self) -> str:
        kept = "-".join(f"{key}={value}" for key, value in self.attributes.items())
        return f"{self.op}{self.opset}-{kept}-{'x'.join(map(str, self.shape))}".replace(" ", "")


def case(op: str, types: str, shape: tuple[Any, ...] = IMAGE, *weights: Any, **rest: Any) -> Case:
    own = {key: rest.pop(key) for key in ("opset", "outputs", "first") if key in rest}
    return Case(op, types, shape, weights, rest, **own)


def ints(*numbers: int) -> np.ndarray[Any, Any]:
    return np.array(numbers, np.int64)


PIXEL = np.float32(0.5)
SEQUENCE = (7, "n", 5)

ACTIVATIONS = [
    *(
        case(op, "Activation", opset=opset)
        for op, opset in [
            ("Sigmoid", 7),
            ("Tanh", 22),
            ("Softplus", 17),
            ("Softsign", 9),
            ("HardSwish", 14),
            ("Mish", 18),
            ("Exp", 13),
        ]
    ),
    case("Relu", "ReLU", opset=7),
    case("LeakyRelu", "LeakyReLU"),
    case("LeakyRelu", "LeakyReLU", alpha=0.3),
    case("Elu", "ELU", alpha=0.7),
    case("Celu", "Celu", alpha=0.7),
    case("Selu", "Activation"),
    case("HardSigmoid", "Rescaling ReLU", alpha=0.3, beta=0.4),
    case("HardSigmoid", "Rescaling ReLU"),
    case("Gelu", "Gelu", opset=20),
    case("Gelu", "Gelu", opset=20, approximate="tanh"),
    case("PRelu", "PReLU", IMAGE, random(4, 1, 1)),
    case("PRelu", "PReLU", IMAGE, random(1)),
    case("PRelu", "PReLU", ("n", 5), random(5), opset=7),
    case("Clip", "ReLU", opset=7, min=0.0, max=6.0),
    case("Clip", "ReLU", IMAGE, np.float32(0), np.float32(6), opset=11),
    case("Clip", "Clip", IMAGE, np.float32(-0.5), np.float32(0.5)),
    case("Clip", "Maximum", IMAGE, np.float32(-0.5)),
    case("Clip", "Minimum", opset=7, max=0.3),
    case("Softmax", "Softmax"),
    case("Softmax", "Softmax", axis=1),
    case("Softmax", "Softmax", ("n", 4, 5), opset=11),
    case("Softmax", "Softmax", ("n", 4, 5, 3), opset=9, axis=2),
    case("LogSoftmax", "LogSoftmax", axis=1),
    case("LogSoftmax", "LogSoftmax", ("n", 6), opset=7),
    case("Abs", "Absolute"),
    case("Neg", "Rescaling"),
    case("Erf", "Erf"),
    case("Floor", "Floor"),
    case("Ceil", "Ceil"),
    case("Sin", "Sin"),
    case("Cos", "Cos"),
    case("Dropout", "Dropout", opset=7, ratio=0.3),
    case("Identity", "Identity"),
    case("Dropout", "Dropout", IMAGE, np.float32(0.25), opset=13),
]

CONVOLUTIONS = [
    case("Conv", "Conv1D", ("n", 4, 9), random(6, 4, 3), random(6)),
    case("Conv", "Conv2D", IMAGE, random(6, 4, 3, 2), random(6), opset=7),
    case("Conv", "Conv3D", ("n", 2, 5, 6, 7), random(3, 2, 2, 3, 2), opset=22),
    case("Conv", "Conv2D", IMAGE, random(6, 4, 3, 3), pads=[1, 1, 1, 1]),
    case("Conv", "ZeroPadding2D Conv2D", IMAGE, random(6, 4, 3, 3), pads=[0, 1, 2, 3], strides=[2, 1]),
    case("Conv", "Conv2D", IMAGE, random(6, 4, 3, 3), dilations=[2, 1]),
    case("Conv", "Conv2D MaxPooling2D", IMAGE, random(6, 4, 3, 3), dilations=[2, 2], strides=[2, 1]),
    case("Conv", "Conv2D", IMAGE, random(6, 2, 3, 3), random(6), group=2),
    case("Conv", "DepthwiseConv2D", IMAGE, random(8, 1, 3, 3), random(8), group=4),
    case("Conv", "Conv2D", IMAGE, random(4, 1, 3, 3), group=4, strides=[1, 2]),
    case("Conv", "DepthwiseConv1D", ("n", 4, 9), random(4, 1, 3), group=4),
    case("Conv", "Conv3D", ("n", 2, 5, 6, 7), random(2, 1, 2, 2, 2), group=2),
    case("Conv", "Conv2D", IMAGE, random(6, 4, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
    case("Conv", "ZeroPadding2D Conv2D", IMAGE, random(6, 4, 2, 2), auto_pad="SAME_LOWER"),
    case("Conv", "Conv2D", ("n", 4, "h", "w"), random(6, 4, 3, 3), pads=[1, 1, 1, 1]),
    case("ConvTranspose", "Conv1DTranspose", ("n", 4, 9), random(4, 6, 3), random(6)),
    case("ConvTranspose", "Conv2DTranspose", IMAGE, random(4, 6, 3, 3), strides=[2, 2]),
    case(
        "ConvTranspose",
        "Conv2DTranspose Cropping2D",
        IMAGE,
        random(4, 6, 4, 4),
        random(6),
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    ),
    case(
        "ConvTranspose",
        "Conv2DTranspose Cropping2D",
        IMAGE,
        random(4, 6, 3, 3),
        strides=[2, 2],
        pads=[1, 1, 1, 1],
        output_padding=[1, 1],
    ),
    case("ConvTranspose", "Conv2DTranspose Cropping2D", IMAGE, random(4, 6, 2, 2), strides=[3, 3]),
    case(
        "ConvTranspose", "Conv2DTranspose Cropping2D", IMAGE, random(4, 6, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER"
    ),
    case(
        "ConvTranspose", "Conv2DTranspose Cropping2D", IMAGE, random(4, 6, 4, 4), strides=[2, 2], output_shape=[18, 17]
    ),
    case("ConvTranspose", "Conv3DTranspose", ("n", 2, 3, 4, 5), random(2, 3, 2, 2, 2), strides=[2, 2, 2]),
]

POOLS = [
    case("MaxPool", "MaxPooling1D", ("n", 4, 9), kernel_shape=[2], strides=[2]),
    case("MaxPool", "MaxPooling2D", kernel_shape=[3, 2]),
    case("MaxPool", "Pad MaxPooling2D", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], opset=12),
    case("MaxPool", "Pad MaxPooling2D", kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1),
    case("MaxPool", "MaxPooling2D", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    case("MaxPool", "MaxPooling2D", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    case("MaxPool", "Pad MaxPooling2D", kernel_shape=[2, 2], auto_pad="SAME_LOWER"),
    case("MaxPool", "MaxPooling3D", ("n", 2, 5, 6, 7), kernel_shape=[2, 2, 2]),
    case("AveragePool", "AveragePooling1D", ("n", 4, 9), kernel_shape=[2], strides=[2]),
    case("AveragePool", "AveragePooling2D", kernel_shape=[3, 2]),
    case("AveragePool", "AveragePooling2D", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    case(
        "AveragePool",
        "ZeroPadding2D AveragePooling2D Rescaling",
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    ),
    case(
        "AveragePool",
        "ZeroPadding2D AveragePooling2D",
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
        count_include_pad=1,
    ),
    case(
        "AveragePool",
        "ZeroPadding2D AveragePooling2D Rescaling",
        kernel_shape=[3, 3],
        strides=[2, 3],
        ceil_mode=1,
        opset=19,
    ),
    case("AveragePool", "AveragePooling2D", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    case("AveragePool", "AveragePooling3D", ("n", 2, 5, 6, 7), kernel_shape=[2, 2, 2]),
    case("GlobalAveragePool", "GlobalAveragePooling2D"),
    case("GlobalAveragePool", "GlobalAveragePooling1D", ("n", 4, 9)),
    case("GlobalMaxPool", "GlobalMaxPooling2D"),
    case("GlobalMaxPool", "GlobalMaxPooling3D", ("n", 2, 5, 6, 7)),
]

DENSE = [
    case("Gemm", "Dense", ("n", 5), random(5, 3), random(3), opset=7),
    case("Gemm", "Dense", ("n", 5), random(3, 5), random(1, 3), transB=1, alpha=0.5, beta=2.0),
    case("Gemm", "Dense", ("n", 5), random(5, 3), opset=11),
    case("MatMul", "Dense", ("n", 5), random(5, 3)),
    case("MatMul", "Dense", ("n", 4, 5), random(5, 3)),
    case("MatMul", "Dense", ("n", 2, 4, 5), random(1, 5, 3)),
    case("MatMul", "Matmul", ("n", 4, 5), random(3, 4), first=True),
]

NORMS = [
    case(
        "BatchNormalization", "BatchNormalization", IMAGE, random(4), random(4), random(4), random(4, low=0.5), opset=7
    ),
    case(
        "BatchNormalization",
        "BatchNormalization",
        ("n", 5),
        *(random(5, low=0.5, seed=s) for s in range(4)),
        epsilon=1e-3,
        opset=15,
    ),
    case("InstanceNormalization", "GroupNormalization", IMAGE, random(4), random(4)),
    case("LayerNormalization", "LayerNormalization", ("n", 4, 5), random(5), random(5)),
    case("LayerNormalization", "LayerNormalization", ("n", 4, 5), random(4, 5), axis=1, epsilon=1e-3),
    case("GroupNormalization", "GroupNormalization", IMAGE, random(4), random(4), num_groups=2, opset=21),
    case("LRN", "Multiply Reshape ZeroPadding2D AveragePooling2D Reshape Rescaling Power Multiply", size=3, alpha=0.1),
]

ARITHMETIC = [
    case("Add", "Rescaling", IMAGE, PIXEL),
    case("Sub", "Rescaling", IMAGE, PIXEL, first=True),
    case("Mul", "EinsumDense", IMAGE, random(4, 1, 1)),
    case("Div", "EinsumDense", IMAGE, random(1, 4, 1, 1, low=1, high=2)),
    case("Add", "EinsumDense", IMAGE, random(9, 8)),
    case("Sub", "EinsumDense", IMAGE, random(4, 1, 8)),
    case("Sub", "EinsumDense", IMAGE, random(4, 1, 8), first=True),
    case("Add", "EinsumDense", IMAGE, random(4, 9, 1)),
    case("Div", "Rescaling", IMAGE, np.float32(4)),
    case("Mul", "Multiply", ("n", 1, 3), random(4, 3)),
    case("Pow", "Multiply", IMAGE, np.float32(2)),
    case("Pow", "Power", IMAGE, np.float32(3)),
    case("Max", "ReLU", IMAGE, np.float32(0)),
    case("Min", "Minimum", IMAGE, np.float32(0.5)),
    case("Max", "Maximum", IMAGE, random(4, 1, 1)),
]

SHAPES = [
    case("Flatten", "Flatten", ("n", 4, 3, 2)),
    case("Reshape", "Reshape", ("n", 4, 6), ints(0, 2, 2, -1)),
    case("Reshape", "Reshape", ("n", 4, 6), ints(-1, 24)),
    case("Reshape", "Reshape", (1, 4, 6), ints(1, -1, 3)),
    case("Reshape", "Reshape", (1, 4, 6), ints(1, 24)),
    case("Squeeze", "Reshape", ("n", 4, 1, 3), ints(2)),
    case("Squeeze", "Reshape", ("n", 4, 1, 3), opset=11, axes=[2]),
    case("Unsqueeze", "Reshape", ("n", 4), ints(1, -1)),
    case("Unsqueeze", "Reshape", ("n", 4), opset=7, axes=[1]),
    case("Expand", "Tile", ("n", 1, 5), ints(1, 3, 1)),
    case("Transpose", "Identity", ("n", 4, 5), perm=[0, 2, 1]),
    case("Slice", "GetItem", IMAGE, ints(1), ints(100), ints(2)),
    case("Slice", "GetItem", IMAGE, ints(-1), ints(-100), ints(3), ints(-2)),
    case("Slice", "GetItem", opset=9, starts=[0, 1], ends=[4, 3], axes=[1, 2]),
    case("Split", "GetItem GetItem", IMAGE, axis=1, opset=11, outputs="y z"),
    case("Split", "GetItem GetItem", IMAGE, ints(1, 3), axis=1, outputs="y z"),
    case("Split", "GetItem GetItem GetItem", IMAGE, axis=2, num_outputs=3, opset=18, outputs="y z w"),
    case("Gather", "GetItem", IMAGE, np.int64(2), axis=1),
    case("Gather", "Take", IMAGE, ints(2, 0), axis=3),
    case("Pad", "Pad", IMAGE, ints(0, 1, 0, 0, 0, 0, 2, 0), PIXEL),
    case("Pad", "Pad", IMAGE, ints(0, 0, 2, 1, 0, 0, 1, 2), mode="reflect"),
    case("Pad", "Pad", opset=7, pads=[0, 0, 1, 1, 0, 0, 1, 1], value=1.5),
    case("DepthToSpace", "Reshape Permute Reshape", ("n", 8, 3, 2), blocksize=2),
    case("DepthToSpace", "Reshape Permute Reshape", ("n", 8, 3, 2), blocksize=2, mode="CRD"),
    case("SpaceToDepth", "Reshape Permute Reshape", ("n", 3, 4, 6), blocksize=2),
    case("Resize", "UpSampling2D", IMAGE, np.float32([]), np.float32([1, 1, 2, 3]), mode="nearest"),
    case(
        "Resize",
        "UpSampling2D",
        IMAGE,
        np.float32([]),
        np.float32([1, 1, 3, 3]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    ),
    case("Resize", "Resizing", IMAGE, np.float32([]), np.float32([1, 1, 2, 2]), mode="linear"),
    case("Resize", "UpSampling2D", IMAGE, np.float32([1, 1, 2, 2]), mode="nearest", opset=10),
    case("Upsample", "UpSampling2D", IMAGE, np.float32([1, 1, 2, 2]), mode="nearest", opset=9),
    case("Upsample", "UpSampling2D", opset=7, mode="nearest", scales=[1.0, 1.0, 2.0, 2.0]),
]

REDUCTIONS = [
    case("ReduceMean", "Mean", opset=11, axes=[2, 3]),
    case("ReduceMean", "Mean", IMAGE, ints(-1), opset=18, keepdims=0),
    case("ReduceSum", "Sum", IMAGE, ints(1)),
    case("ReduceMax", "Max", axes=[1], keepdims=0, opset=11),
    case("ReduceMin", "Min", axes=[1, 2], opset=11),
    case("ReduceL2", "Norm", axes=[1], opset=11),
    case("ReduceL2", "Square Sum Sqrt", axes=[1, 2], opset=11),
    case("ReduceL2", "Square Sum Sqrt", axes=[2, 3], keepdims=0, opset=11),
    case("ReduceL2", "Square Sum Sqrt", axes=[1, 2, 3], opset=11),
    case("ReduceProd", "Prod", axes=[1], opset=11),
    case("ReduceLogSumExp", "Logsumexp", axes=[1], opset=11),
]


def recurrent(op: str, gates: int, ways: int, **rest: Any) -> list[Any]:
    weights = [random(ways, gates * 4, 5), random(ways, gates * 4, 4), random(ways, gates * 8)]
    direction = rest.pop("direction", "bidirectional" if ways == 2 else "forward")
    return [op, SEQUENCE, *weights], {"hidden_size": 4, "direction": direction, **rest}


def _recurrent() -> list[Case]:
    found = []
    for op, gates, kind in (("LSTM", 4, "LSTM"), ("GRU", 3, "GRU"), ("RNN", 1, "SimpleRNN")):
        more = "Reshape Reshape" + (" Reshape" if op == "LSTM" else "")
        outputs = "y h c" if op == "LSTM" else "y h"
        for ways, direction in ((1, "forward"), (1, "reverse"), (2, "bidirectional")):
            (name, shape, *weights), attributes = recurrent(op, gates, ways, direction=direction)
            one = {"forward": kind, "reverse": f"{kind} Flip", "bidirectional": f"{kind} {kind} Flip"}[direction]
            joined = " ".join("Reshape Reshape Concatenate" for _ in outputs.split()) if ways == 2 else more
            opset = {"forward": 7, "reverse": 14, "bidirectional": 22}[direction]
            found.append(Case(name, f"{one} {joined}", shape, tuple(weights), attributes, opset, outputs))
    (name, shape, *weights), attributes = recurrent("GRU", 3, 1, linear_before_reset=1)
    found.append(Case(name, "GRU Reshape", shape, tuple(weights), attributes, 14))
    return found


@pytest.mark.parametrize(
    ("op", "kind"), [("ReduceMean", "GlobalAveragePooling2D"), ("ReduceMax", "GlobalMaxPooling2D")]
)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_mean_over_an_image_is_a_pooling_layer(op: str, kind: str, keepdims: int, tmp_path: Path) -> None:
    nodes = [node("Conv", "x w", "a"), node(op, "a", "y", axes=[2, 3], keepdims=keepdims)]
    found = read(saved(tmp_path, nodes, {"x": IMAGE}, ["y"], {"w": random(3, 4, 2, 2)}, opset=11))
    assert [layer.type for layer in found.layers] == ["Conv2D", kind]


CASES = [*ACTIVATIONS, *CONVOLUTIONS, *POOLS, *DENSE, *NORMS, *ARITHMETIC, *SHAPES, *REDUCTIONS, *_recurrent()]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_operator_agrees_with_onnx_runtime(one: Case, tmp_path: Path) -> None:
    names = [f"w{number}" for number in range(len(one.weights))]
    held = {name: array for name, array in zip(names, one.weights, strict=True) if array is not None}
    inputs = [*names, "x"] if one.first else ["x", *names]
    made = node(one.op, " ".join(inputs), one.outputs, "op", **one.attributes)
    path = saved(tmp_path, [made], {"x": one.shape}, one.outputs.split(), held, opset=one.opset)
    found = read(path)
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-4
    assert " ".join(layer.type for layer in found.layers) == one.types
    assert found.native_share == 1.0
    assert found.compared_with.startswith("ONNX Runtime 1.")
