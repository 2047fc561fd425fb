"""Keras 3 files: flattened where models are nested or operations stand without layers; and what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras_files import claiming, drawn, reconfigured, rezipped
from packages import package

from registry.errors import ZooError
from transfer.backbone import describe
from transfer.importers import keras_file, keras_json

L = keras.layers


def model(kind: str) -> Any:
    x = keras.Input((6, 6, 3), name="X")
    if kind == "operations":
        y = keras.ops.relu6(x * 2.0 - 1.0)
        y = keras.ops.concatenate([1.0 - y, x / 4.0, keras.ops.sigmoid(x)], axis=-1)
        y = keras.ops.mean(y[:, 1:-1, :4], axis=[1, 2]) + 0.5
        y = keras.ops.squeeze(keras.ops.expand_dims(keras.ops.reshape(y, (-1, 3, 3)), 1), 1)
        y = keras.ops.transpose(y * y, (0, 2, 1))
        return drawn(keras.Model(x, L.Dense(2, name="out")(L.Flatten(name="flat")(y))))
    if kind == "nested":
        inner = keras.Sequential([keras.Input((6, 6, 3)), L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="bn")])
        inner.name = "base"
        z = keras.Input((6, 6, 3))
        deep = keras.Model(z, [inner(z), L.Activation("relu", name="act")(inner(z, training=False))], name="deep")
        first, second = deep(x)
        return drawn(keras.Model(x, L.Dense(2, name="out")(L.Flatten(name="flat")(L.Add(name="sum")([first, second])))))
    if kind == "several":
        z = keras.Input((3,), name="Z")
        both = L.Concatenate(name="both")([L.Flatten(name="flat")(x), z])
        return drawn(keras.Model([x, z], [L.Dense(2, name="a")(both), L.Dense(3, name="b")(both)]))
    return drawn(keras.Model(x, L.Dense(2, name="out")(L.Flatten(name="flat")(x))))


SCOPES = {
    "plain": {"out"},
    "several": {"a", "b"},
    "nested": {"deep/base/conv", "deep/base/bn", "out"},
    "operations": {"out"},
}


@pytest.mark.parametrize("kind", SCOPES)
def test_a_file_computes_what_keras_computes(kind: str, tmp_path: Path) -> None:
    original = model(kind)
    original.save(tmp_path / "m.keras")
    found = keras_file.read(tmp_path / "m.keras")
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-6
    assert found.compared_with == f"Keras {keras.__version__}"
    assert {layer.name for layer in describe(found.model) if layer.parameters} == SCOPES[kind]
    assert all(isinstance(layer, keras.layers.Layer) for layer in found.model.layers)
    assert not any(isinstance(layer, keras.Model) for layer in found.model.layers)
    copy = keras.models.clone_model(found.model)
    assert [layer.name for layer in copy.layers] == [layer.name for layer in found.model.layers]


@pytest.mark.parametrize("kind", ["nested", "operations"])
def test_a_flattened_model_is_cloned_and_cut(kind: str, tmp_path: Path) -> None:
    from transfer.graph import closed
    from transfer.split import split

    model(kind).save(tmp_path / "m.keras")
    whole = keras_file.read(tmp_path / "m.keras", compare=False).model
    scopes = [layer.name for layer in describe(whole)]
    halves = split(whole, closed(describe(whole), set(scopes[: len(scopes) // 2])))
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(halves.tail(halves.trunk(x)), whole(x), atol=1e-6)


def test_the_files_of_deeplc_with_four_inputs(request: pytest.FixtureRequest) -> None:
    paths = sorted((package(request, "deeplc==3.1.13") / "deeplc/mods").glob("*.keras"))
    assert len(paths) == 3
    for path in paths:
        found = keras_file.read(path)
        assert len(found.model.inputs) == 4 and found.max_abs_difference == 0.0


def _set(name: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        layer = next(layer for layer in config["config"]["layers"] if layer["name"] == name)
        layer.update({key: value for key, value in values.items() if key != "config"})
        layer["config"].update(values.get("config", {}))

    return change


CONFIGS = {
    "lambda": (_set("flat", class_name="Lambda"), "the layer flat is a Lambda, which would run or read what is not in"),
    "saved model": (_set("flat", class_name="TFSMLayer"), "the layer flat is a TFSMLayer, which would run"),
    "words": (_set("flat", class_name="TextVectorization"), "the layer flat is a TextVectorization"),
    "custom": (_set("flat", class_name="Mine", registered_name="custom>Mine"), "flat is of the class custom>Mine"),
    "module": (_set("flat", module="os.path", class_name="join"), "the layer flat is of the class join, which is not"),
    "hub": (
        _set("flat", module="keras_hub.src.x", class_name="Backbone"),
        "of the class Backbone, which is not Keras's",
    ),
    "function": (
        _set("out", config={"activation": {"module": "builtins", "class_name": "function", "config": "system"}}),
        "a part is of the class function system, which is not Keras's own",
    ),
    "lookup": (
        _set("flat", module="keras.src.layers.preprocessing.index_lookup", class_name="IndexLookup"),
        "the layer flat is of the class IndexLookup, which is not Keras's own",
    ),
    "keras function": (
        _set("out", config={"activation": {"module": "keras.utils", "class_name": "function", "config": "get_file"}}),
        "a part is of the class function get_file, which is not Keras's own",
    ),
    "passive": (
        _set("out", config={"activity_regularizer": {"class_name": "L2", "__passive_serialization__": True}}),
        "has __passive_serialization__ in its model config",
    ),
    "einsum": (
        _set("out", class_name="EinsumDense", config={"equation": "ab,bc->ac", "output_shape": 10**9}),
        "EinsumDense",
    ),
    "size": (_set("out", config={"units": 10**9}), "would hold 109,000,000,000 numbers; expected at most"),
    "unknown": (
        _set("flat", class_name="Flattten"),
        "the layer flat is of the class Flattten, which is not Keras's own and is not run",
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_classes_that_are_not_kerass_are_refused_by_name(name: str, tmp_path: Path) -> None:
    change, message = CONFIGS[name]
    model("plain").save(tmp_path / "m.keras")
    with pytest.raises(ZooError) as caught:
        keras_file.read(reconfigured(tmp_path / "m.keras", tmp_path / "changed.keras", change))
    assert message in caught.value.message and "changed.keras" in caught.value.message
    assert "\n" not in caught.value.message


def test_an_operation_without_a_native_layer_stays_one(tmp_path: Path) -> None:
    x = keras.Input((4,))
    whole = keras.Model(x, keras.layers.Dense(3)(keras.ops.cumsum(x, axis=1)))
    whole.save(tmp_path / "m.keras")
    found = keras_file.read(tmp_path / "m.keras")
    assert [layer.type for layer in found.layers] == ["Cumsum", "Dense"]
    samples = np.random.default_rng(0).random((2, 4), np.float32)
    np.testing.assert_array_equal(found.model(samples), whole(samples))


def test_beside_models_inside_an_operation_without_a_native_layer_is_refused_by_name(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    x = keras.Input((4,))
    keras.Model(x, inner(keras.ops.cumsum(x, axis=1))).save(tmp_path / "m.keras")
    with pytest.raises(
        ZooError, match=r"the layer cumsum\S* is the operation Cumsum, for which there is no native Keras"
    ):
        keras_file.read(tmp_path / "m.keras")
    keras.Model(x, inner(keras.ops.mean(x, axis=1, keepdims=True) * x)).save(tmp_path / "m.keras")
    with pytest.raises(ZooError, match=r"the operation mean\S* \(Mean mean\) has no native Keras layer with these arg"):
        keras_file.read(tmp_path / "m.keras")


def test_what_a_model_inside_was_trained_with_is_not_made(tmp_path: Path) -> None:
    """Keras makes the losses of models inside also where the outermost is not compiled."""
    (tmp_path / "words.txt").write_text("alpha\nbeta\n")
    lookup = {"module": "keras.layers", "class_name": "StringLookup", "registered_name": None,
              "config": {"vocabulary": str(tmp_path / "words.txt")}}  # fmt: skip

    def change(config: dict[str, Any]) -> None:
        deep = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Functional")
        deep["compile_config"] = {"optimizer": "adam", "loss": lookup}
        deep["build_config"] = {"input_shape": [None, 10**6, 10**6, 3]}

    model("nested").save(tmp_path / "m.keras")
    made: list[Any] = []
    old = L.StringLookup.__init__

    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        made.append(kwargs)
        old(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(L.StringLookup, "__init__", noted)
        found = keras_file.read(reconfigured(tmp_path / "m.keras", tmp_path / "changed.keras", change))
    assert found.max_rel_difference is not None and not made


def _with(name: str, data: bytes) -> Callable[[Path, Path], Path]:
    return lambda old, new: rezipped(old, new, lambda entry, held: data if entry == name else held)


def _linked(old: Path, new: Path) -> Path:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/x")
    return _with("model.weights.h5", buffer.getvalue())(old, new)


def _cut(old: Path, new: Path) -> Path:
    new.write_bytes(old.read_bytes()[:-200])
    return new


ARCHIVES: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "truncated": (_cut, "is no Keras 3 file: expected a zip archive, got other or truncated bytes"),
    "no weights": (
        lambda old, new: rezipped(old, new, lambda name, data: data if name == "config.json" else None),
        "is no Keras 3 file: it has no model.weights.h5",
    ),
    "outside": (
        lambda old, new: rezipped(old, new, lambda name, data: data, **{"../evil.py": b"x"}),
        "has the entry '../evil.py', which lies outside",
    ),
    "absolute": (
        lambda old, new: rezipped(old, new, lambda name, data: data, **{"/etc/cron": b"x"}),
        "has the entry '/etc/cron', which lies outside",
    ),
    "code": (
        lambda old, new: rezipped(old, new, lambda name, data: data, **{"model.py": b"x"}),
        "has the entry 'model.py': expected config.json",
    ),
    "bomb": (
        lambda old, new: rezipped(old, new, lambda name, data: data, **{"assets/zeros": bytes(64 << 20)}),
        "claims to unpack to 67,108,864: it is not unpacked",
    ),
    "claims": (
        lambda old, new: claiming(rezipped(old, new, lambda name, data: data), "model.weights.h5", 1 << 31),
        "claims to unpack to 2,147,483,648: it is not unpacked",
    ),
    "external link": (_linked, "has a link of the kind external at layers: only what lies in the file itself is read"),
    "no hdf5": (_with("model.weights.h5", b"junk"), "is no HDF5 file, or is damaged"),
    "no json": (_with("config.json", b"{"), "is no JSON"),
    "nan": (_with("config.json", b'{"a": NaN}'), "holds NaN: expected finite numbers"),
    "nesting bomb": (_with("config.json", b'{"a":' * 100_000), "is nested too deeply"),
    "no model": (_with("config.json", json.dumps({"class_name": "Dense", "config": {}}).encode()), "m2.keras"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archives_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    change, message = ARCHIVES[name]
    model("plain").save(tmp_path / "m.keras")
    with pytest.raises(ZooError) as caught:
        keras_file.read(change(tmp_path / "m.keras", tmp_path / "m2.keras"))
    assert message in caught.value.message and "m2.keras" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_wrong_bit_in_a_weight_is_found(method: int, tmp_path: Path) -> None:
    whole = model("plain")
    whole.save(tmp_path / "m.keras")
    value = np.asarray(whole.weights[0]).tobytes()
    with zipfile.ZipFile(tmp_path / "m.keras") as old, zipfile.ZipFile(tmp_path / "n.keras", "w", method) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry), method)
    data = bytearray((tmp_path / "n.keras").read_bytes())
    place = data.find(value) + 1 if method == zipfile.ZIP_STORED else len(data) // 2
    data[place] ^= 1
    (tmp_path / "broken.keras").write_bytes(data)
    with pytest.raises(ZooError, match=r"broken.keras: the entry model.weights.h5 is damaged: ") as caught:
        keras_file.read(tmp_path / "broken.keras", compare=False)
    if method == zipfile.ZIP_STORED:
        assert caught.value.message.endswith("its checksum is wrong")


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_end_in_a_line_or_in_a_model(seed: int, tmp_path: Path) -> None:
    model("plain").save(tmp_path / "m.keras")
    draws = np.random.default_rng(seed)
    data = bytearray((tmp_path / "m.keras").read_bytes())
    for place in draws.integers(0, len(data), 6):
        data[place] ^= 1 << draws.integers(0, 8)
    (tmp_path / "broken.keras").write_bytes(data)
    try:
        keras_file.read(tmp_path / "broken.keras", compare=False)
    except ZooError as error:
        assert "broken.keras" in error.message and "\n" not in error.message


@pytest.mark.parametrize("kind", SCOPES)
def test_an_architecture_alone_gets_random_weights(kind: str, tmp_path: Path) -> None:
    original = model(kind)
    (tmp_path / "m.json").write_text(original.to_json())
    found = keras_json.read(tmp_path / "m.json")
    assert found.format == "keras-json" and found.max_abs_difference is None
    assert {name.rpartition("/")[0] for name in found.random} == SCOPES[kind]
    assert sum(layer.parameters for layer in found.layers) == original.count_params()
    assert "the file holds no weights: all of them are random" in found.notes[-1]
    found.model.set_weights(original.get_weights())
    x = [np.random.default_rng(0).random((2, *tensor.shape[1:])).astype(np.float32) for tensor in original.inputs]
    for ours, theirs in zip(keras.tree.flatten(found.model(x)), keras.tree.flatten(original(x)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_an_architecture_of_keras_2(tmp_path: Path) -> None:
    import tf_keras

    layers = [tf_keras.layers.Dense(3, "relu", input_shape=(4,), name="d"), tf_keras.layers.Dropout(0.1, name="o")]
    (tmp_path / "m.json").write_text(tf_keras.Sequential(layers).to_json())
    found = keras_json.read(tmp_path / "m.json")
    assert found.random == ("d/kernel", "d/bias") and found.model.output_shape == (None, 3)
    (tmp_path / "m.json").write_text('{"class_name": "Sequential", "config": {"layers": [{}]}}')
    with pytest.raises(ZooError, match="layer 0 has no class_name and config"):
        keras_json.read(tmp_path / "m.json")
