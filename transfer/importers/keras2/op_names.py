"""Operations that stand in a model without a layer: what TensorFlow, TF-Keras and keras.ops call them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2.graph import OPERATION

LAMBDAS = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})
# tf function (tf_keras/src/layers/core/tf_op_layer.py), GraphDef operation, class of keras.src.ops: our name.
NAMES = {
    **dict.fromkeys(("math.add", "__operators__.add", "add", "add_v2", "addv2", "bias_add", "nn.bias_add"), "add"),
    **dict.fromkeys(("math.subtract", "__operators__.sub", "sub", "subtract"), "subtract"),
    **dict.fromkeys(("math.multiply", "__operators__.mul", "mul", "multiply"), "multiply"),
    **dict.fromkeys(("math.truediv", "math.divide", "__operators__.truediv", "real_div", "divide"), "divide"),
    **dict.fromkeys(("realdiv", "true_divide", "truedivide"), "divide"),
    **dict.fromkeys(("math.maximum", "maximum"), "maximum"),
    **dict.fromkeys(("math.minimum", "minimum"), "minimum"),
    **dict.fromkeys(("math.negative", "neg", "negative"), "negative"),
    **dict.fromkeys(("concat", "concat_v2", "concatv2", "concatenate"), "concat"),
    **dict.fromkeys(("math.reduce_mean", "mean"), "mean"),
    **dict.fromkeys(("math.reduce_max", "max"), "max"),
    **dict.fromkeys(("reshape",), "reshape"),
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), "squeeze"),
    **dict.fromkeys(("expand_dims", "expanddims"), "expand_dims"),
    **dict.fromkeys(("transpose", "compat.v1.transpose"), "transpose"),
    **dict.fromkeys(("identity", "stop_gradient", "stopgradient", "cast", "convert_to_tensor"), "identity"),
    **dict.fromkeys(("clip_by_value", "clip"), "clip"),
    **dict.fromkeys(("pad", "compat.v1.pad"), "pad"),
    **dict.fromkeys(("__operators__.getitem", "getitem"), "slice"),
    **dict.fromkeys(("image.resize",), "resize"),
    **{
        alias: plain
        for plain in ("relu", "relu6", "sigmoid", "tanh", "softmax", "elu", "selu", "softplus", "softsign", "silu")
        for alias in (plain, f"nn.{plain}", f"math.{plain}", f"keras.activations.{plain}")
    },
    **dict.fromkeys(("swish", "nn.swish", "keras.activations.swish"), "silu"),
    **dict.fromkeys(("nn.gelu", "keras.activations.gelu", "gelu"), "gelu"),
    **dict.fromkeys(("nn.leaky_relu", "leakyrelu", "leaky_relu"), "leaky_relu"),
}

# Classes of keras.src.ops that compute arrays of arrays; those that call functions are not among them.
OPERATIONS = frozenset(
    {
        *("Abs", "Absolute", "Add", "All", "Amax", "Amin", "Any", "Arccos", "Arccosh", "Arcsin", "Arcsinh", "Arctan"),
        *("Arctan2", "Arctanh", "Argmax", "Argmin", "Argsort", "Average", "AveragePool", "BatchNorm", "BroadcastTo"),
        *("Cast", "Ceil", "Celu", "Clip", "Concatenate", "Conv", "ConvTranspose", "ConvertToTensor", "Copy", "Cos"),
        *("Cosh", "CropImages", "Cumprod", "Cumsum", "DepthToSpace", "DepthwiseConv", "Diagonal", "Diff", "Divide"),
        *("DivideNoNan", "Dot", "DotProductAttention", "Einsum", "Elu", "Equal", "Erf", "Erfc", "Exp", "Exp2"),
        *("ExpandDims", "Expm1", "ExtractPatches", "FFT", "FFT2", "Flip", "Floor", "FloorDivide", "Fmax", "Fmin"),
        *("Gelu", "GetItem", "Glu", "Greater", "GreaterEqual", "HSVToRGB", "HardShrink", "HardSigmoid", "HardSilu"),
        *("HardTanh", "Hstack", "Hypot", "IRFFT", "ISTFT", "Inner", "Isfinite", "Isinf", "Isnan", "LayerNorm"),
        *("LeakyRelu", "Less", "LessEqual", "Log", "Log10", "Log1p", "Log2", "LogSigmoid", "LogSoftmax", "Logaddexp"),
        *("LogicalAnd", "LogicalNot", "LogicalOr", "LogicalXor", "Logsumexp", "Matmul", "Max", "MaxPool", "Maximum"),
        *("Mean", "Median", "Min", "Minimum", "Mod", "Moments", "Moveaxis", "MultiHot", "Multiply", "NanToNum"),
        *("Negative", "Norm", "Normalize", "NotEqual", "OneHot", "OnesLike", "Pad", "PadImages", "Power", "Prod"),
        *("RFFT", "RGBToGrayscale", "RGBToHSV", "RMSNorm", "Ravel", "Reciprocal", "Relu", "Relu6", "Repeat"),
        *("Reshape", "Resize", "Roll", "Round", "Rsqrt", "STFT", "SaturateCast", "Selu", "SeparableConv", "Sigmoid"),
        *("Sign", "Silu", "Sin", "Sinh", "Slice", "SoftShrink", "Softmax", "Softplus", "Softsign", "Sort"),
        *("SpaceToDepth", "SparsePlus", "SparseSigmoid", "Sparsemax", "Split", "Sqrt", "Square", "Squareplus"),
        *("Squeeze", "Stack", "Std", "StopGradient", "Subtract", "Sum", "Swapaxes", "Take", "TakeAlongAxis", "Tan"),
        *("Tanh", "TanhShrink", "Tensordot", "Threshold", "Tile", "TopK", "Transpose", "Tril", "Triu", "TrueDivide"),
        *("Trunc", "Unstack", "Var", "Vstack", "Where", "ZerosLike"),
    }
)


def operation(origin: str, given: Mapping[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """Return an operation's kind, `@multiply`, and the options that stand in its config.

    Args:
        origin: its class name in the file.
        given: its config.
        where: the layer, as an error calls it.

    Raises:
        ZooError: there is no native layer for it.
    """
    if origin == "TensorFlowOpLayer":
        return _of_node(given, where)
    name = str(given.get("function")) if origin in LAMBDAS else origin
    ours = NAMES.get(name) or NAMES.get(name.lower())
    if ours is None:
        raise _unknown(name, where)
    options = {} if origin in LAMBDAS else {key: value for key, value in given.items() if key not in ("name", "dtype")}
    return OPERATION + ours, options


def _of_node(given: Mapping[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """Read a node of TF 1.15 to 2.3: its operation, its attributes and its constant inputs by place."""
    node = given.get("node_def")
    try:
        node = json.loads(node) if isinstance(node, str) else node
    except (ValueError, RecursionError):
        node = None
    if not isinstance(node, Mapping) or not isinstance(node.get("op"), str):
        raise ZooError(f"{where} is an operation whose node_def is no JSON with an op")
    ours = NAMES.get(node["op"].lower())
    if ours is None:
        raise _unknown(node["op"], where)
    constants = given.get("constants") or {}
    if not isinstance(constants, Mapping) or not all(str(place).isdigit() for place in constants):
        raise ZooError(f"{where} is an operation whose constants are not numbered")
    return OPERATION + ours, {
        "constants": {int(place): value for place, value in constants.items()},
        "attributes": node.get("attr") or {},
    }


def _unknown(name: str, where: str) -> ZooError:
    return ZooError(
        f"{where} is the operation {name[:80]}, for which there is no native Keras layer",
        "build the architecture in Keras 3 and import the weights alone: zoo import FILE --into NAME",
    )
