"""Each Caffe layer against OpenCV's Caffe reader, and pooling against its formulas as well."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from caffe_models import arrays, input_layer, layer, pooled, write
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.importers.caffe.layers.window import Axis
from transfer.importers.caffe.reader import read
from transfer.scope import scope_of

IMAGE = input_layer(1, 6, 9, 8)
ROW = input_layer(1, 12)


def conv(body: str, type: str = "Convolution") -> str:
    return IMAGE + layer("conv", type, "data", body=f"convolution_param {{ {body} }}")


def pool(body: str) -> str:
    return IMAGE + layer("pool", "Pooling", "data", body=f"pooling_param {{ {body} }}")


def one(type: str, body: str = "", start: str = IMAGE) -> str:
    return start + layer("it", type, "data", body=body)


# name: (prototxt, arrays' shapes, Keras types of the model's layers)
LAYERS = {
    "conv": (conv("num_output: 4 kernel_size: 3"), {"conv": [(4, 6, 3, 3), (4,)]}, "Conv2D"),
    "conv same": (conv("num_output: 4 kernel_size: 3 pad: 1"), {"conv": [(4, 6, 3, 3), (4,)]}, "Conv2D"),
    "conv stride": (
        conv("num_output: 4 kernel_size: 3 pad: 1 stride: 2 bias_term: false"),
        {"conv": [(4, 6, 3, 3)]},
        "ZeroPadding2D Conv2D",
    ),
    "conv sides": (
        conv("num_output: 5 kernel_h: 3 kernel_w: 1 pad_h: 2 pad_w: 0 stride_h: 2 stride_w: 1"),
        {"conv": [(5, 6, 3, 1), (5,)]},
        "ZeroPadding2D Conv2D",
    ),
    "conv two sizes": (
        conv("num_output: 5 kernel_size: 3 kernel_size: 2 pad: 1 pad: 0"),
        {"conv": [(5, 6, 3, 2), (5,)]},
        "ZeroPadding2D Conv2D",
    ),
    "conv dilated": (
        conv("num_output: 4 kernel_size: 3 dilation: 2 pad: 2"),
        {"conv": [(4, 6, 3, 3), (4,)]},
        "Conv2D",
    ),
    "conv groups": (conv("num_output: 4 kernel_size: 3 group: 2"), {"conv": [(4, 3, 3, 3), (4,)]}, "Conv2D"),
    "conv by channel": (
        conv("num_output: 12 kernel_size: 3 group: 6"),
        {"conv": [(12, 1, 3, 3), (12,)]},
        "DepthwiseConv2D",
    ),
    "conv by channel, uneven": (
        conv("num_output: 6 kernel_size: 3 group: 6 stride_h: 2 stride_w: 1"),
        {"conv": [(6, 1, 3, 3), (6,)]},
        "Conv2D",
    ),
    "deconv": (
        conv("num_output: 4 kernel_size: 4 stride: 2 pad: 1", "Deconvolution"),
        {"conv": [(6, 4, 4, 4), (4,)]},
        "Conv2DTranspose Cropping2D",
    ),
    "deconv sparse": (
        conv("num_output: 4 kernel_size: 2 stride: 3", "Deconvolution"),
        {"conv": [(6, 4, 2, 2), (4,)]},
        "Conv2DTranspose Cropping2D",
    ),
    "deconv groups": (
        conv("num_output: 6 kernel_size: 4 stride: 2 group: 6 bias_term: false", "Deconvolution"),
        {"conv": [(6, 1, 4, 4)]},
        "Conv2DTranspose",
    ),
    "dense": (one("InnerProduct", "inner_product_param { num_output: 3 }"), {"it": [(3, 432), (3,)]}, "Flatten Dense"),
    "dense no bias": (
        one("InnerProduct", "inner_product_param { num_output: 3 bias_term: false }", ROW),
        {"it": [(3, 12)]},
        "Dense",
    ),
    "flatten, dense": (
        IMAGE
        + layer("flat", "Flatten", "data")
        + layer("it", "InnerProduct", "flat", body="inner_product_param { num_output: 3 }"),
        {"it": [(3, 432), (3,)]},
        "Permute Reshape Dense",
    ),
    "max": (pool("kernel_size: 3 stride: 2"), {}, "Cropping2D Concatenate MaxPooling2D"),
    "average global": (pool("pool: AVE global_pooling: true"), {}, "GlobalAveragePooling2D"),
    "max global": (pool("pool: MAX global_pooling: true"), {}, "GlobalMaxPooling2D"),
    "average": (pool("pool: AVE kernel_size: 3 stride: 1 pad: 1"), {}, "ZeroPadding2D AveragePooling2D"),
    "average sides": (
        pool("pool: AVE kernel_h: 9 kernel_w: 8 stride_h: 1 stride_w: 1"),
        {},
        "AveragePooling2D",
    ),
    "lrn": (one("LRN", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 }"), {}, None),
    "lrn within": (
        one("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 norm_region: WITHIN_CHANNEL }"),
        {},
        "Multiply ZeroPadding2D AveragePooling2D Rescaling Multiply",
    ),
    "batch norm": (
        IMAGE + layer("bn", "BatchNorm", "data", body="batch_norm_param { eps: 0.001 }"),
        {"bn": [(6,), (6,), (1,)]},
        "BatchNormalization",
    ),
    "batch norm, scale": (
        IMAGE + layer("bn", "BatchNorm", "data") + layer("s", "Scale", "bn", "bn", "scale_param { bias_term: true }"),
        {"bn": [(6,), (6,), (1,)], "s": [(6,), (6,)]},
        "BatchNormalization",
    ),
    "batch norm, scale without bias, row": (
        ROW + layer("bn", "BatchNorm", "data") + layer("s", "Scale", "bn"),
        {"bn": [(12,), (12,), (1,)], "s": [(12,)]},
        "BatchNormalization",
    ),
    "scale": (one("Scale", "scale_param { bias_term: true }"), {"it": [(6,), (6,)]}, "DepthwiseConv2D"),
    "scale row": (one("Scale", "", ROW), {"it": [(12,)]}, "Reshape DepthwiseConv1D Reshape"),
    "relu": (one("ReLU"), {}, "ReLU"),
    "leaky": (one("ReLU", "relu_param { negative_slope: 0.1 }"), {}, "LeakyReLU"),
    "prelu": (one("PReLU"), {"it": [(6,)]}, "PReLU"),
    "prelu row": (one("PReLU", "", ROW), {"it": [(12,)]}, "PReLU"),
    "elu": (one("ELU", "elu_param { alpha: 0.7 }"), {}, "ELU"),
    "sigmoid": (one("Sigmoid"), {}, "Activation"),
    "tanh": (one("TanH"), {}, "Activation"),
    "abs": (one("AbsVal"), {}, ""),
    "bnll": (one("BNLL"), {}, "Activation"),
    "power": (one("Power", "power_param { power: 2 scale: 0.5 shift: 1 }"), {}, "Rescaling"),
    "linear": (one("Power", "power_param { scale: 0.5 shift: 1 }"), {}, "Rescaling"),
    "exp": (one("Exp", "exp_param { base: 2 scale: 0.1 shift: 1 }"), {}, "Rescaling Activation"),
    "dropout": (one("Dropout", "dropout_param { dropout_ratio: 0.3 }"), {}, "Dropout"),
    "softmax": (one("Softmax"), {}, "Softmax"),
    "softmax row": (one("Softmax", "", ROW), {}, "Softmax"),
    "softmax last": (one("Softmax", "softmax_param { axis: -1 }"), {}, "Softmax"),
    "flatten": (one("Flatten"), {}, "Permute Reshape"),
    "flatten two": (one("Flatten", "flatten_param { axis: 2 }"), {}, "Permute Reshape"),
    "reshape": (one("Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: -1 } }"), {}, "Permute Reshape"),
    "permute": (
        one("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }") + layer("f", "Flatten", "it"),
        {},
        "Reshape",
    ),
    "permute other": (
        one("Permute", "permute_param { order: 0 order: 3 order: 1 order: 2 }") + layer("f", "Flatten", "it"),
        {},
        "Permute Reshape",
    ),
    "slice": (
        IMAGE
        + layer("it", "Slice", "data", "a b c", "slice_param { slice_point: 1 slice_point: 4 }")
        + layer("p", "Power", "b", body="power_param { scale: 2 }"),
        {},
        "Rescaling",
    ),
    "slice equal, rows": (
        input_layer(1, 6, 8, 8)
        + layer("it", "Slice", "data", "a b", "slice_param { axis: 2 }")
        + layer("sum", "Eltwise", "a b"),
        {},
        "Add",
    ),
    "concat": (IMAGE + layer("r", "ReLU", "data") + layer("it", "Concat", "data r"), {}, "ReLU Concatenate"),
    "concat rows": (
        IMAGE + layer("r", "ReLU", "data") + layer("it", "Concat", "data r", body="concat_param { axis: 2 }"),
        {},
        "ReLU Concatenate",
    ),
    "sum": (
        IMAGE
        + layer("r", "ReLU", "data")
        + layer("it", "Eltwise", "data r", body="eltwise_param { coeff: 2 coeff: -1 }"),
        {},
        "ReLU Rescaling Rescaling Add",
    ),
    "difference": (
        IMAGE
        + layer("r", "ReLU", "data")
        + layer("it", "Eltwise", "data r", body="eltwise_param { coeff: 1 coeff: -1 }"),
        {},
        "ReLU Subtract",
    ),
    "product": (
        IMAGE + layer("r", "ReLU", "data") + layer("it", "Eltwise", "data r", body="eltwise_param { operation: PROD }"),
        {},
        "ReLU Multiply",
    ),
    "maximum": (
        IMAGE + layer("r", "TanH", "data") + layer("it", "Eltwise", "data r", body="eltwise_param { operation: MAX }"),
        {},
        "Activation Maximum",
    ),
    "split": (
        IMAGE + layer("it", "Split", "data", "a b") + layer("r", "ReLU", "a") + layer("s", "Eltwise", "b r"),
        {},
        "ReLU Add",
    ),
    "crop": (
        IMAGE
        + layer("small", "Pooling", "data", body="pooling_param { kernel_size: 3 stride: 3 }")
        + layer("it", "Crop", "data small", body="crop_param { axis: 2 offset: 2 }"),
        {},
        None,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_agrees_with_opencv(name, tmp_path):
    pytest.importorskip("cv2")
    prototxt, shapes, types = LAYERS[name]
    found = read(write(tmp_path, prototxt, arrays(shapes)))
    assert found.compared_with.startswith("OpenCV 4."), found.notes
    assert found.max_rel_difference < 1e-5
    assert not found.unmapped
    assert found.native_share == 1.0
    if types is not None:
        built = [type(one).__name__ for one in found.model.layers if type(one).__name__ != "InputLayer"]
        assert built == types.split()
    keras.models.model_from_json(found.model.to_json())


def compute(tmp_path, prototxt: str, shapes=None, x=None, seed: int = 0):
    """Return the model's answer in the original's order of axes, for x in the original's order."""
    found = read(write(tmp_path, prototxt, arrays(shapes or {}, seed)), compare=False)
    fed = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
    answer = np.asarray(found.model(fed))
    return (answer.transpose(0, 3, 1, 2) if answer.ndim == 4 else answer), found


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    pad=st.integers(0, 2),
    average=st.booleans(),
)
def test_pooling_is_caffes(tmp_path_factory, height, width, kernel, stride, pad, average):
    pad = min(pad, kernel - 1)
    axes = [Axis(size, kernel, stride, pad) for size in (height, width)]
    inside = all(axis.ceil >= 1 and (axis.ceil - 1) * stride - pad < axis.size for axis in axes)
    if not inside:
        return
    x = np.random.default_rng(0).normal(-1, 1, (1, 2, height, width)).astype(np.float32)
    body = f"pooling_param {{ pool: {'AVE' if average else 'MAX'} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
    prototxt = input_layer(1, 2, height, width) + layer("pool", "Pooling", "data", body=body)
    got, _ = compute(tmp_path_factory.mktemp("pool"), prototxt, x=x)
    expected = np.stack([pooled(plane, kernel, stride, pad, average) for plane in x[0]])[None]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-6)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5), st.integers(0, 4))
def test_same_padding_is_only_claimed_where_it_is(size, kernel, stride, pad):
    axis = Axis(size, kernel, stride, min(pad, kernel - 1))
    count = axis.ceil
    if not axis.same(count):
        return
    missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)  # TensorFlow's formula for SAME
    assert (count, missing // 2) == (-(-size // stride), axis.pad)


@pytest.mark.parametrize(
    ("type", "body", "expected"),
    [
        ("Log", "log_param { scale: 2 shift: 3 }", lambda x: np.log(2 * x + 3)),
        ("Log", "log_param { base: 10 }", np.log10),
        ("Exp", "", np.exp),
        ("Power", "power_param { power: -0.5 shift: 1 }", lambda x: (1 + x) ** -0.5),
        ("Dropout", "dropout_param { dropout_ratio: 0.25 scale_train: false }", lambda x: 0.75 * x),
    ],
)
def test_layer_is_its_formula(tmp_path, type, body, expected):
    x = np.random.default_rng(0).random((2, 6, 9, 8)).astype(np.float32) + 0.1
    got, _ = compute(tmp_path, one(type, body), x=x)
    np.testing.assert_allclose(got, expected(x), rtol=1e-5, atol=1e-6)


def test_bias_scalar_scale_and_shared_slope(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 8)).astype(np.float32)
    held = arrays({"it": [(6,)]})["it"][0]
    got, _ = compute(tmp_path, one("Bias"), {"it": [(6,)]}, x)
    np.testing.assert_allclose(got, x + held[:, None, None], rtol=1e-5, atol=1e-6)
    held = arrays({"it": [()]})["it"][0]
    got, _ = compute(tmp_path, one("Scale", "scale_param { num_axes: 0 }"), {"it": [()]}, x)
    np.testing.assert_allclose(got, x * held, rtol=1e-5)
    got, _ = compute(tmp_path, one("PReLU", "prelu_param { channel_shared: true }"), {"it": [()]}, x)
    np.testing.assert_allclose(got, np.where(x > 0, x, x * held), rtol=1e-5)


def test_what_opencv_ignores_is_not_compared_and_is_caffes(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 8)).astype(np.float32)
    prototxt = one("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 }")
    got, _ = compute(tmp_path, prototxt, x=x)
    square = np.pad(x**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    sums = square[:, :-2] + square[:, 1:-1] + square[:, 2:]
    np.testing.assert_allclose(got, x / (2 + 0.5 / 3 * sums) ** 0.75, rtol=1e-5)
    held = arrays({"it": [(12, 3), (3,)]})
    prototxt = one("InnerProduct", "inner_product_param { num_output: 3 transpose: true }", ROW)
    found = read(write(tmp_path, prototxt, held))
    row = x[:, :, 0, :2].reshape(2, 12)
    np.testing.assert_allclose(np.asarray(found.model(row)), row @ held["it"][0] + held["it"][1], rtol=1e-4, atol=1e-5)
    assert found.max_abs_difference is None
    assert found.compared_with == ""
    assert "not compared with the original: OpenCV computes it unlike Caffe" in found.notes


def test_scale_by_a_second_input(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 8)).astype(np.float32)
    prototxt = (
        IMAGE
        + layer("mean", "Pooling", "data", body="pooling_param { pool: AVE global_pooling: true }")
        + layer("flat", "Flatten", "mean")
        + layer("it", "Scale", "data flat", body="scale_param { axis: 0 }")
    )
    got, _ = compute(tmp_path, prototxt, x=x)
    np.testing.assert_allclose(got, x * x.mean((2, 3), keepdims=True), rtol=1e-4, atol=1e-6)


def test_batch_norm_and_scale_become_one_layer_with_both_sources(tmp_path):
    prototxt, shapes, _ = LAYERS["batch norm, scale"]
    found = read(write(tmp_path, prototxt, arrays(shapes)), compare=False)
    (norm,) = (one for one in found.layers if one.type == "BatchNormalization")
    assert scope_of(norm.scope) == "bn"
    assert norm.sources == ("s/0", "s/1", "bn/0", "bn/1", "bn/2")


def test_batch_norm_that_counted_nothing_is_caffes(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 8)).astype(np.float32)
    held = {"bn": [np.ones(6, np.float32), np.ones(6, np.float32), np.zeros(1, np.float32)]}
    found = read(write(tmp_path, IMAGE + layer("bn", "BatchNorm", "data"), held), compare=False)
    got = np.asarray(found.model(x.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(got, x / np.sqrt(np.float32(1e-5)), rtol=1e-4)


REFUSED = {
    "stochastic": (pool("pool: STOCHASTIC kernel_size: 2"), {}, "is stochastic"),
    "mask": (
        IMAGE + layer("p", "Pooling", "data", "p m", "pooling_param { kernel_size: 2 }"),
        {},
        "where its maxima are",
    ),
    "no kernel": (pool(""), {}, "has no kernel size"),
    "pad over kernel": (pool("kernel_size: 2 pad: 2"), {}, "is padded by as much as its kernel"),
    "window outside": (pool("kernel_size: 3 stride: 11"), {}, "has a window outside of its input (n, 6, 9, 8)"),
    "kernel too large": (
        conv("num_output: 1 kernel_size: 20"),
        {"conv": [(1, 6, 20, 20), (1,)]},
        "has a kernel larger than its padded input (n, 6, 9, 8)",
    ),
    "groups": (
        conv("num_output: 4 kernel_size: 1 group: 4"),
        {"conv": [(4, 1, 1, 1), (4,)]},
        "has 4 groups for 6 channels",
    ),
    "batch statistics": (
        IMAGE + layer("bn", "BatchNorm", "data", body="batch_norm_param { use_global_stats: false }"),
        {"bn": [(6,), (6,), (1,)]},
        "normalises by each batch's own statistics",
    ),
    "even lrn": (one("LRN", "lrn_param { local_size: 4 }"), {}, "has the local_size 4; expected an odd number"),
    "samples": (one("Softmax", "softmax_param { axis: 0 }"), {}, "works along the axis of the samples"),
    "reshape samples": (one("Reshape", "reshape_param { shape { dim: 2 dim: -1 } }"), {}, "the samples left apart"),
    "dilated deconv": (
        conv("num_output: 1 kernel_size: 3 dilation: 2", "Deconvolution"),
        {"conv": [(6, 1, 3, 3), (1,)]},
        "is dilated or not 2-D",
    ),
    "coefficients": (one("Eltwise", "eltwise_param { coeff: 1 }"), {}, "needs two or more inputs of one shape"),
    "slice": (
        IMAGE + layer("it", "Slice", "data", "a b", "slice_param { slice_point: 7 }"),
        {},
        "cuts 6 at [7] into 2 tops",
    ),
    "axis": (one("Softmax", "softmax_param { axis: 7 }"), {}, "has the axis 7"),
    "shape": (
        conv("num_output: 4 kernel_size: 3"),
        {"conv": [(4, 5, 3, 3), (4,)]},
        "the blob conv/0 is [4, 5, 3, 3]; the net expects [4, 6, 3, 3]",
    ),
    "count": (
        conv("num_output: 4 kernel_size: 3"),
        {"conv": [(4, 6, 3, 3)]},
        "has 1 arrays in the caffemodel; the prototxt expects 2",
    ),
    "normalize": (one("Normalize"), {}, "is of the type 'Normalize', which cannot be imported"),
    "python": (one("Python", 'python_param { module: "os" layer: "system" }'), {}, "would run the code os.system"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exact_is_refused(name, tmp_path):
    prototxt, shapes, words = REFUSED[name]
    with pytest.raises(ZooError) as caught:
        read(write(tmp_path, prototxt, arrays(shapes)))
    assert words in caught.value.message
    assert "net.prototxt" in caught.value.message
    assert caught.value.hint


def test_hints_say_what_to_correct(tmp_path):
    """A kernel that is too large is no damage."""
    for name, hint in (
        ("kernel too large", "correct it in the prototxt, or end the model before it: --output BLOB"),
        ("shape", "check that the prototxt and the caffemodel are of the same net"),
        ("count", "check that the prototxt and the caffemodel are of the same net"),
    ):
        prototxt, shapes, _ = REFUSED[name]
        with pytest.raises(ZooError) as caught:
            read(write(tmp_path, prototxt, arrays(shapes)))
        assert caught.value.hint == hint
