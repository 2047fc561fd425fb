"""TensorFlow Lite operators, one by one, as TensorFlow's converter writes them, against the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from registry.errors import ZooError
from transfer.importers.tflite import read
from transfer.importers.tflite.file import loaded
from transfer.importers.tflite.operators.resize import bilinear_weights, nearest_weights

DRAWS = np.random.default_rng(3)
ROWS, IMAGE = (6,), (6, 8, 4)


def drawn(*shape: int) -> Any:
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32))


def written(
    function: Callable[..., Any], shape: tuple[int, ...], path: Path, batch: int | None = None, **how: Any
) -> Path:
    traced = tf.function(function).get_concrete_function(tf.TensorSpec((batch, *shape), tf.float32, name="x"))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], traced)
    for name, value in how.items():
        setattr(converter, name, value)
    path.write_bytes(converter.convert())
    return path


SAME: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "CONV_2D": (lambda x: tf.nn.relu6(tf.nn.conv2d(x, drawn(3, 3, 4, 5), 2, "SAME") + drawn(5)), IMAGE),
    "DEPTHWISE_CONV_2D": (lambda x: tf.nn.depthwise_conv2d(x, drawn(3, 2, 4, 2), [1, 1, 1, 1], "VALID"), IMAGE),
    "TRANSPOSE_CONV": (
        lambda x: tf.nn.conv2d_transpose(x, drawn(3, 3, 5, 4), [tf.shape(x)[0], 12, 16, 5], 2, "SAME"), IMAGE),
    "FULLY_CONNECTED": (lambda x: tf.nn.tanh(tf.matmul(x, drawn(6, 3)) + drawn(3)), ROWS),
    "BATCH_TO_SPACE_ND": (
        lambda x: tf.batch_to_space(tf.nn.conv2d(tf.space_to_batch(x, [2, 2], [[2, 2], [2, 4]]), drawn(3, 3, 2, 2), 1,
                                                 "VALID"), [2, 2], [[0, 0], [0, 2]]), IMAGE),
    "AVERAGE_POOL_2D": (lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"), IMAGE),
    "MAX_POOL_2D": (lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), IMAGE),
    "MEAN": (lambda x: tf.reduce_mean(x, [1, 2]), IMAGE),
    "SUM": (lambda x: tf.reduce_sum(x, 2, keepdims=True), IMAGE),
    "REDUCE_MAX": (lambda x: tf.reduce_max(x, 1), IMAGE),
    "SOFTMAX": (tf.nn.softmax, ROWS),
    "LOG_SOFTMAX": (tf.nn.log_softmax, ROWS),
    "LOGISTIC": (tf.sigmoid, ROWS),
    "ELU": (tf.nn.elu, ROWS),
    "LEAKY_RELU": (lambda x: tf.nn.leaky_relu(x, 0.3), ROWS),
    "RELU_N1_TO_1": (lambda x: tf.maximum(-1.0, tf.minimum(x, 1.0)), ROWS),
    "HARD_SWISH": (lambda x: x * tf.nn.relu6(x + 3) / 6, ROWS),
    "PRELU": (lambda x: tf.nn.relu(x) + tf.constant([[[-0.1, -0.2, -0.3, -0.4]]]) * tf.nn.relu(-x), IMAGE),
    "ADD": (lambda x: tf.nn.relu(x + drawn(6, 8, 4)), IMAGE),
    "SUB": (lambda x: drawn(4) - x, IMAGE),
    "MUL": (lambda x: (x * drawn(8, 1)) * x, IMAGE),
    "DIV": (lambda x: x / (tf.abs(x) + 1), IMAGE),
    "MAXIMUM": (lambda x: tf.maximum(x, 0.25), ROWS),
    "CONCATENATION": (lambda x: tf.concat([x, 2 * x], -1), IMAGE),
    "PAD": (lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 3]]), IMAGE),
    "PADV2": (lambda x: tf.pad(x, [[0, 0], [1, 2]], constant_values=2.0), ROWS),
    "MIRROR_PAD": (lambda x: tf.pad(x, [[0, 0], [1, 2], [1, 1], [0, 0]], "REFLECT"), IMAGE),
    "RESHAPE": (lambda x: tf.reshape(x, [-1, 48, 4]) * 2, IMAGE),
    "EXPAND_DIMS": (lambda x: tf.expand_dims(x, 1) * 2, ROWS),
    "TRANSPOSE": (lambda x: tf.transpose(x, [0, 3, 1, 2]) * 2, IMAGE),
    "STRIDED_SLICE": (lambda x: x[:, 1:5:2, 3] * 2, IMAGE),
    "SPLIT": (lambda x: tf.concat(tf.split(x, 2, -1)[::-1], -1), IMAGE),
    "UNPACK": (lambda x: tf.stack(tf.unstack(x, axis=2)[::-1], axis=1), IMAGE),
    "GATHER": (lambda x: tf.gather(x, [3, 0, 3], axis=1) + 1, ROWS),
    "TILE": (lambda x: tf.tile(x, [1, 3]), ROWS),
    "REVERSE_V2": (lambda x: tf.reverse(x, [1]), IMAGE),
    "DEPTH_TO_SPACE": (lambda x: tf.nn.depth_to_space(x, 2), IMAGE),
    "SQUARED_DIFFERENCE": (lambda x: tf.math.squared_difference(x, tf.reverse(x, [1])), ROWS),
    "RSQRT": (lambda x: tf.math.rsqrt(tf.abs(x) + 1), ROWS),
    "RESIZE_BILINEAR": (lambda x: tf.image.resize(x, [9, 5]), IMAGE),
    "RESIZE_NEAREST_NEIGHBOR": (lambda x: tf.image.resize(x, [9, 16], "nearest"), IMAGE),
}  # fmt: skip


@pytest.mark.parametrize("operator", SAME)
def test_an_operator_computes_the_same(operator: str, tmp_path: Path) -> None:
    path = written(*SAME[operator], tmp_path / "m.tflite")
    assert operator in {one.kind for one in loaded(path).operators}
    imported = read(path)
    assert imported.max_rel_difference is not None
    assert imported.max_rel_difference < 1e-5
    assert imported.native_share == 1


@pytest.mark.parametrize("compute", [tf.add, tf.subtract, lambda x, number: number - x, tf.multiply, tf.divide])
@pytest.mark.parametrize(
    ("shape", "constant"),
    [
        ((4, 6, 4), (4, 1, 1)),  # as many rows as channels
        ((4, 6, 6), (6, 1)),
        ((6, 8, 4), (8, 4)),
        ((6, 1, 4), (8, 1)),  # the constant is wider
    ],
)
def test_a_constant_along_some_axes(compute: Any, shape: Any, constant: Any, tmp_path: Path) -> None:
    imported = read(written(lambda x: compute(x, drawn(*constant)), shape, tmp_path / "m.tflite"))
    assert imported.max_rel_difference is not None
    assert imported.max_rel_difference < 1e-5


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("method", [tf.compat.v1.image.resize_bilinear, tf.compat.v1.image.resize_nearest_neighbor])
@pytest.mark.parametrize("size", [[12, 16], [5, 11]])
def test_images_resized_the_old_ways(method: Any, align: bool, size: list[int], tmp_path: Path) -> None:
    path = written(lambda x: method(x, size, align_corners=align), IMAGE, tmp_path / "m.tflite")
    assert read(path).max_rel_difference < 1e-5  # type: ignore[operator]


@pytest.mark.parametrize("weights", [bilinear_weights, nearest_weights])
def test_each_place_of_a_resized_image_is_an_average(weights: Any) -> None:
    for before, after, align, half in [
        (4, 9, True, False),
        (9, 4, False, True),
        (5, 1, True, False),
        (3, 3, False, False),
    ]:
        np.testing.assert_allclose(weights(before, after, align, half).sum(0), 1, rtol=1e-6)
    np.testing.assert_array_equal(weights(5, 5, False, False), np.eye(5))


def chosen(choose: Callable[[Any], Any], path: Path) -> tuple[Any, Any]:
    """Write a net that looks indices up in a table; return it and what it computes of -5, ... 5."""
    table = drawn(12, 3)
    function = lambda x: tf.gather(table, choose(x))  # noqa: E731
    traced = tf.function(function).get_concrete_function(tf.TensorSpec((None, 4), tf.int32, name="x"))
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced], traced).convert())
    x = np.arange(0, 12, dtype=np.int32).reshape(3, 4)
    return x, function(tf.constant(x)).numpy()


@pytest.mark.parametrize(
    ("choose", "native"),
    [
        (lambda x: tf.where(x < 0, x + 12, x), True),
        (lambda x: tf.where(x < 6, x + 6, x), False),
        (lambda x: tf.where(x < 0, x + 11, x), False),
        (lambda x: tf.where(x > 3, 0 * x, x), False),
    ],
)  # fmt: skip
def test_only_indices_that_count_from_the_end_are_left_as_they_are(choose: Any, native: bool, tmp_path: Path) -> None:
    x, expected = chosen(choose, tmp_path / "m.tflite")
    assert "SELECT" in "".join(operator.kind for operator in loaded(tmp_path / "m.tflite").operators)
    imported = read(tmp_path / "m.tflite", compare=False)
    np.testing.assert_allclose(imported.model(x).numpy(), expected, atol=1e-6)
    assert ([one.type for one in imported.layers] == ["Embedding"]) is native
    assert read(tmp_path / "m.tflite").max_rel_difference < 1e-6  # type: ignore[operator]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: tf.reduce_mean(tf.cast(x * 9, tf.int32), 1), "MEAN at .*: it rounds the mean of whole numbers"),
        (lambda x: tf.raw_ops.Div(x=tf.cast(x * 9, tf.int32), y=3), "DIV at .*: it divides whole numbers and rounds"),
    ],
)
def test_whole_numbers_that_are_rounded(function: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=message):
        read(written(function, ROWS, tmp_path / "m.tflite"))


def net(x: Any) -> Any:
    y = tf.nn.relu(tf.nn.conv2d(x, drawn(3, 3, 4, 32), 1, "SAME") + drawn(32))
    return tf.matmul(tf.reshape(y, [-1, 6 * 8 * 32]), drawn(6 * 8 * 32, 8))


def test_float16_weights_and_a_fixed_number_of_samples(tmp_path: Path) -> None:
    how = {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": tf.lite.TargetSpec(supported_types=[tf.float16])}
    imported = read(written(net, IMAGE, tmp_path / "m.tflite", batch=3, **how))
    assert imported.max_rel_difference is not None
    assert imported.max_rel_difference < 1e-5
    assert imported.model.inputs[0].shape == (None, *IMAGE)
    assert imported.model(np.zeros((5, *IMAGE), np.float32)).shape == (5, 8)


def test_whole_numbers_become_the_real_ones_and_are_not_compared(tmp_path: Path) -> None:
    path = written(net, IMAGE, tmp_path / "m.tflite", optimizations=[tf.lite.Optimize.DEFAULT])
    assert "INT8" in {tensor.type for tensor in loaded(path).tensors}
    imported = read(path)
    assert imported.max_rel_difference is None
    assert imported.notes[0].startswith("its weights are whole numbers")
    x = np.random.default_rng(0).random((2, *IMAGE), np.float32)
    expected = net(tf.constant(x)).numpy()
    assert np.abs(imported.model(x).numpy() - expected).max() < 0.05 * np.abs(expected).max()


def test_a_quantised_net_takes_real_numbers(tmp_path: Path) -> None:
    samples = lambda: ([np.random.default_rng(n).random((1, *IMAGE), np.float32)] for n in range(20))  # noqa: E731
    how = {
        "optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": samples,
        "target_spec": tf.lite.TargetSpec(supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS_INT8]),
        "inference_input_type": tf.uint8, "inference_output_type": tf.uint8,
    }  # fmt: skip
    imported = read(written(net, IMAGE, tmp_path / "m.tflite", batch=1, **how))
    assert imported.model.inputs[0].dtype == "float32"
    assert imported.notes[0] == "the input x takes real numbers, not the quantised ones of the file"
    x = np.random.default_rng(0).random((2, *IMAGE), np.float32)
    expected = net(tf.constant(x)).numpy()
    assert np.abs(imported.model(x).numpy() - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (lambda x: tf.cumsum(tf.math.top_k(x, 2)[0]), ROWS, "what its operators CUMSUM, TOPK_V2 do"),
        (lambda x: tf.reduce_mean(x, 0), ROWS, r"MEAN at .*: it reduces over the axes \[0\], and the first holds the"),
        (lambda x: tf.reshape(x, [-1, 3]) * 2, ROWS, r"RESHAPE at .*: it makes \[-1, 3\] of \[None, 6\], which mixes"),
        (lambda x: x[1:] * 2, ROWS, r"STRIDED_SLICE at .*: it takes some samples only"),
        (lambda x: tf.transpose(x) * drawn(6, 1), ROWS, "the net moves the axis of the samples"),
        (lambda x: tf.nn.conv2d(x, drawn(3, 3, 4, 2), 2, "SAME", dilations=3), IMAGE,
         r"CONV_2D at .*: it has strides \[2, 2\] and dilation \[3, 3\]: Keras takes one of them"),
    ],
)  # fmt: skip
def test_what_no_layer_does_is_refused(function: Any, shape: Any, message: str, tmp_path: Path) -> None:
    path = written(function, shape, tmp_path / "m.tflite")
    with pytest.raises(ZooError, match=message):
        read(path)


def test_layers_are_called_by_their_scopes_and_weights_by_their_tensors(tmp_path: Path) -> None:
    x = keras.Input((6,), name="X")
    hidden = keras.layers.Dense(5, "relu", name="hidden", bias_initializer="ones")(x)  # one of zeros would be left out
    model = keras.Model(x, keras.layers.Dense(3, name="out", bias_initializer="ones")(hidden))
    from transfer.exporters.exported import About
    from transfer.exporters.table import exporter_of

    exporter_of("tflite").write(model, tmp_path / "m.tflite", About("m", ""))
    imported = read(tmp_path / "m.tflite")
    assert "hidden" in imported.layers[0].scope  # with a number that TensorFlow adds when it traces a model
    assert imported.layers[1].scope == "out"
    assert [one.parameters for one in imported.layers] == [35, 18]
    assert all(len(one.sources) == 2 for one in imported.layers)
    assert imported.model.inputs[0].name == "X"


def test_an_array_that_several_layers_read_is_copied_and_said(tmp_path: Path) -> None:
    found = read(written(lambda x: tf.nn.tanh(x * drawn(6)) * drawn(6), ROWS, tmp_path / "m.tflite"))
    (name,) = found.layers[0].sources
    assert [layer.parameters for layer in found.layers] == [6, 0, 6]
    assert found.notes == (f"{name} is used by 2 layers, which train apart now",)
