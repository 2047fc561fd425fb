"""Operations of `keras.ops` as ONNX: each runs in ONNX Runtime with its model's numbers, and comes back with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from packages import package

from registry.errors import ZooError
from transfer.exporters.exported import About, outputs_of
from transfer.exporters.onnx.operations import OPERATIONS
from transfer.exporters.table import exporter_of
from transfer.importers import onnx
from transfer.samples import random_inputs

ops, layers = keras.ops, keras.layers
ABOUT = About("net", "ab" * 32)
SMALL = keras.initializers.RandomNormal(0, 0.02, seed=1)  # so that no sigmoid is nearly 0
DRAWS = np.random.default_rng(0)
TABLE = DRAWS.random((1, 5, 4)).astype(np.float32)
ROW = DRAWS.random((1, 1, 4)).astype(np.float32)


def series(*rest: Callable[[Any], Any]) -> Any:
    """A model of a Dense layer on (n, 5, 4), so that numbers are not the input's own, and some operations."""
    keras.utils.set_random_seed(1)
    x = keras.Input((5, 4), name="x")
    y = layers.Dense(4, "sigmoid", name="block>d", kernel_initializer=SMALL)(x)
    for one in rest:
        y = one(y)
    return keras.Model(x, y)


def image(*rest: Callable[[Any], Any]) -> Any:
    """The same of a convolution, after which channels come first in ONNX."""
    keras.utils.set_random_seed(1)
    x = keras.Input((6, 4, 3), name="x")
    y = layers.Conv2D(4, 3, padding="same", activation="sigmoid", name="c", kernel_initializer=SMALL)(x)
    for one in rest:
        y = one(y)
    return keras.Model(x, y)


def worked(model: Any, folder: Path) -> Any:
    """Export, run, import again, compare; return the model that came back."""
    pytest.importorskip("onnxruntime")
    exporter, path = exporter_of("onnx"), folder / "m.onnx"
    assert exporter.write(model, path, ABOUT) == ()
    assert exporter.check(model, path, random_inputs(model, 2)).relative < 2e-5
    back = onnx.read(path).model
    inputs = random_inputs(model, 3, seed=5)
    for ours, theirs in zip(outputs_of(back, inputs), outputs_of(model, inputs), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    return back


NUMBERS: dict[str, Callable[[Any], Any]] = {
    "abs": lambda y: ops.abs(y - 0.5),
    "celu": lambda y: ops.celu(y - 0.5, 0.7),
    "ceil": lambda y: ops.ceil(3.3 * y),
    "clip": lambda y: ops.clip(y, 0.4, 0.6),
    "cos": lambda y: ops.cos(y),
    "elu": lambda y: ops.elu(y - 0.5, 0.7),
    "erf": lambda y: ops.erf(y),
    "exp": lambda y: ops.exp(y),
    "floor": lambda y: ops.floor(3.3 * y),
    "gelu": lambda y: ops.gelu(y - 0.5, approximate=False),
    "gelu by tanh": lambda y: ops.gelu(y - 0.5, approximate=True),
    "leaky": lambda y: ops.leaky_relu(y - 0.5, 0.3),
    "log": lambda y: ops.log(y),
    "log_softmax": lambda y: ops.log_softmax(y, axis=-1),
    "maximum": lambda y: ops.maximum(y, 0.5),
    "minimum": lambda y: ops.minimum(0.5, y),
    "negative": lambda y: ops.negative(y),
    "power": lambda y: ops.power(y, -0.75),
    "power of": lambda y: ops.power(2.0, y),
    "quotient": lambda y: 1.0 / (1.0 + y),
    "reciprocal": lambda y: ops.reciprocal(y),
    "relu": lambda y: ops.relu(y - 0.5),
    "rsqrt": lambda y: ops.rsqrt(y),
    "silu": lambda y: ops.silu(y),
    "sin": lambda y: ops.sin(y),
    "softmax": lambda y: ops.softmax(y, axis=-1),
    "sqrt": lambda y: ops.sqrt(y),
    "square": lambda y: ops.square(y),
    "tanh": lambda y: ops.tanh(y),
    "equal": lambda y: ops.cast(ops.equal(ops.floor(4 * y), 2.0), "float32"),
    "not equal": lambda y: ops.cast(ops.not_equal(ops.floor(4 * y), 2.0), "float32"),
    "greater": lambda y: ops.cast(ops.greater(y, 0.5), "float32"),
    "greater_equal": lambda y: ops.cast(ops.greater_equal(y, 0.5), "float32"),
    "less": lambda y: ops.cast(ops.less(y, 0.5), "float32"),
    "less_equal": lambda y: ops.cast(ops.logical_not(ops.less_equal(y, 0.5)), "float32"),
    "between": lambda y: ops.cast(ops.logical_and(y > 0.3, y < 0.7), "float32"),
    "outside": lambda y: ops.cast(ops.logical_or(y < 0.3, y > 0.7), "float32"),
    "where": lambda y: ops.where(y > 0.5, y, ops.square(y)),
    "where numbers": lambda y: ops.where(y > 0.5, y, -1.0),
    "depth": lambda y: ops.sum(y, axis=-1, keepdims=True) * y,
}
SERIES: dict[str, Callable[[Any], Any]] = {
    "constant row": lambda y: ops.multiply(y, ROW),
    "constant table": lambda y: ops.subtract(TABLE, y),
    "power table": lambda y: ops.power(y, TABLE),
    "max": lambda y: ops.max(y, axis=1),
    "mean": lambda y: ops.mean(y, axis=-1),
    "min": lambda y: ops.min(y, axis=[1], keepdims=True),
    "sum": lambda y: ops.sum(y, axis=(1, 2), keepdims=True),
    "prod": lambda y: ops.prod(y, axis=2),
    "norm": lambda y: ops.norm(y, 2, axis=2),
    "logsumexp": lambda y: ops.logsumexp(y, axis=2),
    "reduced to one": lambda y: ops.max(y, axis=(1, 2)),
    "matmul": lambda y: ops.matmul(y, ops.transpose(y, (0, 2, 1))),
    "matmul left": lambda y: ops.matmul(TABLE[0].T, y),
    "matmul right": lambda y: ops.matmul(y, TABLE[0].T),
    "slice": lambda y: y[:, 1:4:2, :-1],
    "backwards": lambda y: y[:, ::-1],
    "position": lambda y: y[:, -1],
    "new axis": lambda y: y[:, 2:, None, 1],
    "rest": lambda y: y[..., 1:],
    "flip": lambda y: ops.flip(y, 1),
    "take": lambda y: ops.take(y, [3, 0, 0], axis=1),
    "take one": lambda y: ops.take(y, 2, axis=2),
    "split": lambda y: ops.multiply(*ops.split(y, 2, axis=2)),
    "split at": lambda y: ops.split(y, [1, 4], axis=1)[1],
    "concatenate": lambda y: ops.concatenate([y, ops.exp(y)], axis=-1),
    "stack": lambda y: ops.stack([y, ops.exp(y)], axis=1),
    "pad": lambda y: ops.pad(y, [[0, 0], [1, 2], [0, 0]], constant_values=3.0),
    "pad zeros": lambda y: ops.pad(y, [[0, 0], [1, 2], [0, 1]]),
    "reflect": lambda y: ops.pad(y, [[0, 0], [1, 2], [0, 1]], mode="reflect"),
    "tile more": lambda y: ops.tile(y, [1, 3, 2]),
    "tile": lambda y: ops.tile(y[:, :1], [1, 3, 1]),
    "expand": lambda y: ops.expand_dims(y, 2),
    "squeeze": lambda y: ops.squeeze(y[:, :1], 1),
    "reshape": lambda y: ops.reshape(y, (-1, 20)),
    "transpose": lambda y: ops.transpose(y, (0, 2, 1)),
    "one_hot": lambda y: ops.one_hot(ops.cast(4 * y, "int32"), 4),
    "mod": lambda y: 4 * y - ops.floor(4 * y),
}
IMAGES: dict[str, Callable[[Any], Any]] = {
    "deep to wide": lambda y: ops.depth_to_space(y, 2, data_format="channels_last"),
    "wide to deep": lambda y: ops.space_to_depth(y, 2, data_format="channels_last"),
    "means": lambda y: y / ops.mean(y, axis=(1, 2), keepdims=True),
    "channels": lambda y: y[..., :3] * ops.max(y, axis=-1, keepdims=True),
    "rows": lambda y: ops.multiply(y, TABLE[0, :4]),
    "instances": layers.GroupNormalization(groups=-1, epsilon=0.01),
    "groups": layers.GroupNormalization(groups=2, epsilon=0.01),
    "larger": layers.Resizing(7, 11),
    "smaller": layers.Resizing(5, 3),
    "factor": layers.EinsumDense("abcd,bd->abcd", (6, 4, 4)),
    "dense": layers.EinsumDense("abcd,de->abce", (6, 4, 3), bias_axes="e", activation="relu"),
    "ellipsis": layers.EinsumDense("...x,xy->...y", 3),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("below", [series, image])
def test_what_changes_each_number(name: str, below: Callable[..., Any], tmp_path: Path) -> None:
    worked(below(NUMBERS[name]), tmp_path)


@pytest.mark.parametrize("name", SERIES)
def test_what_changes_shapes(name: str, tmp_path: Path) -> None:
    worked(series(SERIES[name]), tmp_path)


@pytest.mark.parametrize("name", IMAGES)
def test_images(name: str, tmp_path: Path) -> None:
    made = IMAGES[name]
    model = image(type(made).from_config(made.get_config()) if isinstance(made, layers.Layer) else made)
    draws = np.random.default_rng(2)
    for weight in model.layers[-1].weights if isinstance(model.layers[-1], layers.Layer) else []:
        weight.assign(draws.normal(size=weight.shape))
    worked(model, tmp_path)


def test_operations_after_a_file(tmp_path: Path) -> None:
    """A loaded model holds the same arguments in other classes: lists for tuples."""
    model = series(SERIES["slice"], ops.exp, lambda y: ops.max(y, axis=(1, 2)))
    model.save(tmp_path / "m.keras")
    worked(keras.models.load_model(tmp_path / "m.keras"), tmp_path)


def test_shifts_come_back_as_layers(tmp_path: Path) -> None:
    model = series(layers.EinsumDense("abc,bc->abc", (5, 4), bias_axes="bc", name="shift"))
    shift = model.get_layer("shift")
    shift.kernel.assign(np.ones((5, 4)))
    shift.bias.assign(TABLE[0])
    back = worked(model, tmp_path).get_layer("shift")
    assert type(back) is layers.EinsumDense
    np.testing.assert_array_equal(back.bias, TABLE[0])


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (lambda y: ops.erfinv(y), r"there is no rule for erfinv\S* \(Erfinv\)"),
        (
            lambda y: ops.norm(y, 1, axis=2),
            r"norm\S* \(Norm\) cannot be written as ONNX: it is the norm of order 1 ov",
        ),
        (
            lambda y: ops.max(y, axis=1, initial=0.0),
            r"max\S* \(Max\) cannot be written as ONNX: it has an initial value",
        ),
        (
            lambda y: ops.take(y, [1, 2]),
            r"take\S* \(Take\) cannot be written as ONNX: it takes from all numbers at once",
        ),
        (lambda y: ops.pad(y, [[0, 0], [1, 1], [0, 0]], "symmetric"), "its mode is symmetric"),
        (lambda y: ops.one_hot(ops.cast(y, "int32"), 3, axis=1), "its axis is 1; expected the last"),
        (lambda y: ops.tile(y, [1, 1, 1, 2]), "it makes new axes"),
    ],
)
def test_what_has_no_rule_is_refused_by_name(operation: Callable[[Any], Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        exporter_of("onnx").write(series(operation), tmp_path / "m.onnx", ABOUT)
    assert caught.value.hint == "try --to saved_model"


def test_every_rule_names_an_operation() -> None:
    from keras.src.ops import core, einops, image as images, linalg, math, nn, numpy  # noqa: I001

    known = {name for module in (core, einops, images, linalg, math, nn, numpy) for name in vars(module)}
    assert sorted(set(OPERATIONS) - known) == []


def test_magika_goes_out_and_comes_back(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = package(request, "magika==1.0.3") / "magika" / "models"
    model = onnx.read(next(folder.glob("standard_v3_*/model.onnx"))).model
    back = worked(model, tmp_path)
    assert [layer.name for layer in back.layers if layer.weights] == [
        layer.name for layer in model.layers if layer.weights
    ]
