"""Model configs, read without Keras: forms of every age, and whatever damage."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.importers.keras2 import claims
from transfer.importers.keras2.arrays import Writer, fitted
from transfer.importers.keras2.flatten import flatten
from transfer.importers.keras2.graph import Graph, Ref
from transfer.importers.keras2.layers import translated
from transfer.importers.keras2.objects import activation, constraint, initializer, regularizer
from transfer.importers.keras2.op_names import operation
from transfer.importers.keras2.options import RefusedError, named
from transfer.importers.keras2.original import rebuilt
from transfer.importers.keras2.trusted import cleaned


def given_input(name: str, *shape: int) -> dict[str, Any]:
    return {"class_name": "InputLayer", "name": name, "config": {"batch_input_shape": [None, *shape], "name": name},
            "inbound_nodes": []}  # fmt: skip


def dense(name: str, nodes: list[Any], **more: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "name": name, "config": {"name": name, "units": 2, **more}, "inbound_nodes": nodes}


def functional(layers: list[Any], output: list[Any], name: str = "m") -> dict[str, Any]:
    ends = {"input_layers": [["x", 0, 0]], "output_layers": output}
    return {"class_name": "Functional", "config": {"name": name, "layers": layers, **ends}}


def tensor(name: str, call: int = 0) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 2], "keras_history": [name, call, 0]}}


INNER = functional([given_input("x", 2), dense("d", [[["x", 0, 0, {}]]])], [["d", 0, 0]], "inner")
CONFIG = functional(
    [
        given_input("x", 2),
        {**INNER, "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {"training": False}]]]},
        dense("a/b", [[["inner", 2, 0]]]),
    ],
    [["a/b", 0, 0]],
)


def test_a_nested_model_becomes_scopes_and_is_called_as_often() -> None:
    graph = flatten(CONFIG, "m", 2)
    assert list(graph.layers) == ["inner/d", "a/b", "x"]
    assert [call.scope for call in graph.calls] == ["x", "inner/d", "inner/d", "a/b"]
    assert graph.calls[2].args == (Ref(1),) and graph.calls[2].kwargs == {"training": False}
    assert graph.groups == {"inner": ("inner/d",), "a/b": ("a/b",)} and graph.nested and not graph.plain


@pytest.mark.parametrize(
    "node",
    [
        [["x", 0, 0]],
        [["x", 0, 0, {}]],
        ["x", 0, 0, {}],
        {"args": [tensor("x")], "kwargs": {}},
        {"args": [tensor("x")], "kwargs": {"training": None}},
    ],
)
def test_the_forms_of_inbound_nodes_say_the_same(node: Any) -> None:
    for output in ([["d", 0, 0]], ["d", 0, 0], {"out": ["d", 0, 0]}):
        graph = flatten(functional([given_input("x", 2), dense("d", [node])], output), "m", 2)  # type: ignore[arg-type]
        assert graph.calls[1].args == (Ref(0),) and graph.outputs == (Ref(1),) and graph.plain


@pytest.mark.parametrize(
    ("origin", "old", "kind", "new"),
    [
        ("Convolution2D", {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "same", "dim_ordering": "tf"},
         "Conv2D", {"filters": 4, "kernel_size": [3, 2], "padding": "same", "data_format": "channels_last"}),
        ("Convolution1D", {"nb_filter": 4, "filter_length": 3, "subsample_length": 2},
         "Conv1D", {"filters": 4, "kernel_size": 3, "strides": 2}),
        ("AtrousConvolution2D", {"atrous_rate": [2, 2]}, "Conv2D", {"dilation_rate": [2, 2]}),
        ("MaxPooling1D", {"pool_length": 2, "stride": 1}, "MaxPooling1D", {"pool_size": 2, "strides": 1}),
        ("Embedding", {"input_dim": 9, "output_dim": 4, "input_length": 3, "dropout": 0.0},
         "Embedding", {"input_dim": 9, "output_dim": 4}),
        ("GRU", {"units": 2}, "GRU", {"units": 2, "reset_after": False}),
        ("CuDNNGRU", {"units": 2}, "GRU", {"units": 2, "recurrent_activation": "sigmoid", "reset_after": True}),
        ("LeakyReLU", {"alpha": 0.3}, "LeakyReLU", {"negative_slope": 0.3}),
        ("ThresholdedReLU", {"theta": 0.5}, "ReLU", {"threshold": 0.5}),
        ("GaussianNoise", {"sigma": 0.1}, "GaussianNoise", {"stddev": 0.1}),
        ("BatchNormalization", {"axis": [3], "mode": 0, "fused": True, "renorm": False},
         "BatchNormalization", {"axis": 3}),
        ("Merge", {"mode": "concat", "concat_axis": 1, "dot_axes": -1}, "Concatenate", {"axis": 1}),
    ],
)  # fmt: skip
def test_old_words_become_keras_3s(origin: str, old: dict[str, Any], kind: str, new: dict[str, Any]) -> None:
    found = translated(origin, {"name": "l", "trainable": False, "dtype": "float32", **old}, "l", 1)
    assert (found.kind, found.config) == (kind, new)


def test_objects_of_a_config_are_keras_3s_or_left_out() -> None:
    assert initializer("uniform") == {"module": "keras.initializers", "class_name": "RandomUniform", "config": {},
                                      "registered_name": None}  # fmt: skip
    given = {"class_name": "VarianceScaling", "config": {"scale": 1, "distribution": "normal", "dtype": "float32"}}
    assert (initializer(given) or {})["config"] == {"scale": 1, "distribution": "truncated_normal"}
    assert (regularizer({"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}) or {})["class_name"] == "L1L2"
    assert (constraint("maxnorm") or {})["class_name"] == "MaxNorm"
    assert [read({"class_name": "Mine", "config": {}}) for read in (initializer, regularizer, constraint)] == [None] * 3
    assert activation({"class_name": "function", "config": "relu6", "module": "builtins"}, "l") == "relu6"
    found = translated("Dense", {"units": 2, "kernel_initializer": {"class_name": "Mine", "config": {}}}, "l", 2)
    assert found.notes == ("l had a kernel_initializer that is not one of Keras's; it is left out",)


STRANGERS: list[dict[str, Any]] = [
    {"class_name": "Lambda", "config": {"name": "l"}},
    {"class_name": "Dense", "config": {}, "__passive_serialization__": True},
    {"class_name": "deserialize_keras_object", "module": "keras.saving", "config": {}},
    {"class_name": "function", "module": "keras.utils", "config": "get_file", "registered_name": "get_file"},
    {"class_name": "function", "module": "builtins", "config": "system"},
    {"class_name": "IndexLookup", "module": "keras.src.layers.preprocessing.index_lookup", "config": {}},
    {"class_name": "Dense", "module": "os.path", "config": {}},
    {"class_name": "Dense", "module": "keras.layers", "config": {}, "registered_name": "custom>Dense"},
    {"class_name": "Lambda", "module": "keras.layers", "config": {}, "registered_name": "zoo>GraphLayer"},
    {"class_name": "Map", "module": "keras.src.ops.core", "config": {}},
    {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}},
    {"class_name": "__typespec__", "spec_name": "x", "module": "os", "registered_name": None, "config": []},
    {"class_name": ["Dense"], "config": {}},
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_not_known_is_refused_wherever_it_stands(data: st.DataObject) -> None:
    config = copy.deepcopy(CONFIG)
    holders = [path for path in _places(config) if isinstance(_at(config, path), dict)]
    holder = _at(config, data.draw(st.sampled_from(holders)))
    holder[data.draw(st.sampled_from(["activity_regularizer", "optimizer", "extra"]))] = data.draw(
        st.sampled_from(STRANGERS)
    )
    for refuse in (lambda: flatten(config, "file.h5", 2), lambda: cleaned(config, "file.keras")):
        with pytest.raises(ZooError) as caught:
            refuse()
        assert "file." in caught.value.message and "\n" not in caught.value.message


def test_what_is_for_training_is_left_out_at_every_depth() -> None:
    config = copy.deepcopy(CONFIG)
    for place in (config, config["config"]["layers"][1], config["config"]["layers"][2]):
        place |= {"compile_config": {"loss": STRANGERS[0]}, "build_config": {"input_shape": [None, 10**12]}}
    assert cleaned(config, "m.keras") == CONFIG
    with pytest.raises(ZooError, match=r"m\.keras holds no model: expected a functional or sequential Keras model"):
        cleaned({"class_name": "Dense", "config": {}}, "m.keras")


def test_tf_keras_gets_values_only() -> None:
    penalty = {"class_name": "Lambda", "config": {}, "__passive_serialization__": True}
    given = dense("d", [[["x", 0, 0]]], activity_regularizer=penalty, kernel_initializer=penalty, activation="relu")
    assert rebuilt(given, "m") == {**given, "config": {"name": "d", "units": 2, "activation": "relu"}}
    outer = {"class_name": "TimeDistributed", "config": {"layer": {**given, "inbound_nodes": []}}}
    assert rebuilt(outer, "m")["config"]["layer"]["config"] == {"name": "d", "units": 2, "activation": "relu"}
    refused: list[dict[str, Any]] = [
        {"class_name": "Lambda", "config": {}},
        dense("d", [], bias=penalty),
        dense("d", [], activation=penalty),
        {"class_name": "TFOpLambda", "config": {"name": "o", "function": "io.write_file"}},
        {"class_name": "Bidirectional", "config": {"layer": {"class_name": "Lambda", "config": {}}}},
        {"class_name": "RNN", "config": {"cell": penalty}},
        {"class_name": "StackedRNNCells", "config": {"cells": [penalty]}},
    ]
    for item in refused:
        with pytest.raises(ZooError):
            rebuilt(item, "m")


@pytest.mark.parametrize(
    ("args", "keywords", "takes", "found"),
    [
        (["x", 0, 6], {"name": "clip"}, [["low", "min"], ["high", "max"]], {"low": 0, "high": 6}),
        (["x"], {"max": 6, "min": None, "data_format": "NHWC"}, [["low", "min"], ["high", "max"]], {"high": 6}),
        (["x"], {"conjugate": False}, [], {}),
        (["x"], {"max_value": 4.0}, [], "max_value=4.0"),
        (["x"], {"data_format": "NCHW"}, [], "data_format=NCHW"),
        (["x", 1, 2], {}, [["axis"]], "argument 3: 2"),
    ],
)
def test_options_are_named_or_refused(args: Any, keywords: Any, takes: Any, found: Any) -> None:
    if isinstance(found, dict):
        assert named(args, keywords, takes) == found
    else:
        with pytest.raises(RefusedError, match=found):
            named(args, keywords, takes)


def test_an_unknown_operation_is_refused_with_what_the_importers_can_do() -> None:
    with pytest.raises(ZooError, match="for which there is no native Keras layer") as caught:
        operation("TFOpLambda", {"function": "math.cumsum"}, "l")
    assert "--into" in (caught.value.hint or "") and "--output" not in (caught.value.hint or "")


def test_both_kernels_of_a_convolutional_lstm_of_theano_are_turned() -> None:
    import numpy as np

    given = [np.arange(9.0).reshape(3, 3, 1, 1), np.arange(4.0).reshape(2, 2, 1, 1), np.arange(1.0)]
    found = fitted("ConvLSTM2D", {}, given, Writer(2, "theano"))
    assert [array.ravel().tolist() for array in found] == [[*range(8, -1, -1)], [3, 2, 1, 0], [0]]
    plain = fitted("Conv2D", {}, given[:2], Writer(2, "theano"))
    assert plain[0][0, 0, 0, 0] == 8 and plain[1][0, 0, 0, 0] == 0


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in pairs for place in _places(item, (*path, key)))]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_of_a_config_ends_in_a_line_or_in_a_graph(data: st.DataObject) -> None:
    config = copy.deepcopy(CONFIG)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(_places(config)[1:]))
        holder: Any = config
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = data.draw(JSON)
    try:
        assert isinstance(flatten(config, "file.h5", 2), Graph)
    except ZooError as error:
        assert "file.h5" in error.message and "\n" not in error.message


@pytest.mark.parametrize(
    ("name", "content", "claimed"),
    [
        ("m.h5", b"\x89HDF\r\n\x1a\n...", {"keras_h5"}),
        ("m.hdf5", b"junk", {"keras_h5"}),
        ("old.keras", b"\x89HDF\r\n\x1a\n...", {"keras_h5"}),
        ("m.keras", b"PK", {"keras_file"}),
        ("m.json", json.dumps(CONFIG).encode(), {"keras_json"}),
        ("model.json", b'{"format": "layers-model", "modelTopology": {"class_name": "Model"}}', {"tfjs"}),
        ("model.min.js", b"e.exports={modelTopology:{}}", {"tfjs"}),
        ("config.json", b'{"architectures": ["BertModel"]}', set()),
        ("m.txt", b"modelTopology:", set()),
    ],
)
def test_formats_are_told_by_their_first_bytes(name: str, content: bytes, claimed: set[str], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    kinds = ("keras_h5", "keras_file", "keras_json", "tfjs")
    assert {kind for kind in kinds if getattr(claims, kind)(tmp_path / name)} == claimed
    assert not any(getattr(claims, kind)(tmp_path / "gone") for kind in kinds)
    assert claims.tfjs(tmp_path) == ("tfjs" in claimed)


def test_claims_and_configs_need_neither_keras_nor_h5py() -> None:
    code = (
        "import sys; import transfer.importers.keras2.claims, transfer.importers.keras2.flatten;"
        "assert not {'keras', 'tensorflow', 'h5py', 'numpy'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
