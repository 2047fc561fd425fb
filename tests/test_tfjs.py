"""TF.js models: against TF-Keras, plain and quantised, in shards and in scripts; and what is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_files import drawn, minified, tfjs
from packages import package

from registry.errors import ZooError
from transfer.importers.tfjs.names import owners
from transfer.importers.tfjs.script import exported


def small() -> Any:
    import tf_keras

    layers = tf_keras.layers
    inner = tf_keras.Sequential([layers.Input((4, 4, 3)), layers.Conv2D(3, 2, name="conv")], name="base")
    return drawn(
        tf_keras.Sequential(
            [layers.Input((4, 4, 3)), inner, layers.BatchNormalization(name="bn"), layers.Flatten(),
             layers.Reshape((9, 3)), layers.Bidirectional(layers.LSTM(2), name="both"), layers.Dense(2, name="out")]
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("quantised", "shards", "script", "most"),
    [
        ("", 1, False, 1e-06),
        ("", 3, False, 1e-06),
        ("uint16", 2, True, 0.001),
        ("uint8", 4, False, 0.05),
        ("float16", 1, False, 0.002),
        ("", 2, True, 1e-06),
    ],
)
def test_a_layers_model_computes_what_its_original_computes(
    quantised: str, shards: int, script: bool, most: float, tmp_path: Path
) -> None:
    from transfer.importers import tfjs as importer

    original = small()
    found = importer.read(tfjs(tmp_path / "m", original, quantised, shards, script))
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 3)).astype(np.float32)
    expected = original.predict(x, verbose=0)
    assert np.abs(found.model.predict(x, verbose=0) - expected).max() <= most * np.abs(expected).max()
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-5, found.notes
    assert {layer.scope for layer in found.layers if layer.parameters} == {"base/conv", "bn", "both", "out"}


@pytest.mark.parametrize(("name", "shape"), [("mobilenet_v2", (224, 224, 3)), ("inception_v3", (299, 299, 3))])
def test_the_models_of_nsfwjs_compute_what_tf_keras_computes(
    name: str, shape: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    from transfer.importers import tfjs as importer

    found = importer.read(package(request, "npm:nsfwjs@4.4.0") / "package/dist/models" / name)
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-5
    assert found.model.input_shape == (None, *shape) and found.model.output_shape == (None, 5)


def _edited(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        content = json.loads((folder / "model.json").read_text())
        change(content)
        (folder / "model.json").write_text(json.dumps(content))

    return edit


def _path(name: Any) -> Callable[[Path], None]:
    return _edited(lambda content: content["weightsManifest"][0].update(paths=[name]))


def _weight(**changed: Any) -> Callable[[Path], None]:
    return _edited(lambda content: content["weightsManifest"][0]["weights"][0].update(changed))


def _text(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "model.json").write_text(text) and None


def _short(folder: Path) -> None:
    shard = folder / "group1-shard1of1.bin"
    shard.write_bytes(shard.read_bytes()[:-4])


def _lambda(content: dict[str, Any]) -> None:
    content["modelTopology"]["model_config"]["config"]["layers"].append(
        {"class_name": "Lambda", "config": {"name": "l"}}
    )


def _passive(content: dict[str, Any]) -> None:
    layer = content["modelTopology"]["model_config"]["config"]["layers"][-1]
    layer["config"]["activity_regularizer"] = {"class_name": "L2", "config": {}, "__passive_serialization__": True}


HOSTILE = {
    "passive": (_edited(_passive), "has __passive_serialization__ in its model config"),
    "deep": (_weight(name="a/" * 40 + "kernel"), "lie more than 32 deep"),
    "outside": (_path("../group1-shard1of1.bin"), "which is not in its folder"),
    "absolute": (_path("/etc/passwd"), "which is not in its folder"),
    "url": (_path("https://example.org/a.bin"), "which is not in its folder"),
    "windows": (_path("..\\a.bin"), "which is not in its folder"),
    "no name": (_path(3), "names a shard '3': expected a file name"),
    "missing": (_path("gone.bin"), "the shard gone.bin of"),
    "short": (_short, "hold 624 bytes; expected 628 by its manifest"),
    "huge": (_weight(shape=[1 << 40, 1 << 40]), "by its manifest"),
    "negative": (_weight(shape=[-1]), "expected a name and a shape"),
    "no scale": (_weight(quantization={"dtype": "uint8", "min": 0.0}), "quantised without a scale and a min"),
    "text scale": (_weight(quantization={"dtype": "uint8", "min": 0, "scale": "2"}), "quantised without a scale"),
    "int4": (_weight(quantization={"dtype": "int4"}), "are quantised to {'dtype': 'int4'}"),
    "string": (_weight(dtype="string"), "are string: expected one of float32, int32, bool, uint8"),
    "other name": (
        _weight(name="elsewhere/kernel"),
        "unexpected: elsewhere/kernel; misshapen: base/conv expected [2, 2, 3, 3] [3], got [3]",
    ),
    "graph model": (_edited(lambda content: content.update(format="graph-model")), "is a TF.js graph model"),
    "lambda": (_edited(_lambda), "the layer l is a Lambda, which is no layer of Keras 3"),
    "no manifest": (_edited(lambda content: content.pop("weightsManifest")), "has no weightsManifest"),
    "no topology": (_text('{"a": 1}'), "expected a modelTopology"),
    "no json": (_text("{"), "is no JSON"),
    "nan": (_text('{"modelTopology": NaN}'), "holds NaN"),
    "bomb": (_text('{"modelTopology": ' + "[" * 100_000), "is nested too deeply"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_models_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    from transfer.importers import tfjs as importer

    change, message = HOSTILE[name]
    folder = tfjs(tmp_path / "m", small())
    change(folder)
    with pytest.raises(ZooError) as caught:
        importer.read(folder)
    assert message in caught.value.message and "model.json" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("alert(1)", "exports no JSON object and no text"),
        ("module.exports=require('fs')", "exports no JSON object"),
        ("module.exports={a:[1,2}", "expected a JSON value, got '}'"),
        ("module.exports={a:f(1)}", "expected a JSON value, got 'f'"),
        ('module.exports="abc', "got 'an unfinished text'"),
        ("module.exports={a:" + "[" * 1000, "is nested too deeply"),
        ("module.exports={a:1", "got 'the end'"),
    ],
)
def test_a_script_that_is_more_than_a_literal_is_refused(script: str, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        exported(script, "m.js")
    assert message in caught.value.message and caught.value.message.startswith("m.js")


VALUE = {"a": [1, 0.5, -2e-3, True, False, None, "x'y\"\\z\n"], "b c": {}, "d": [], "é": "ü"}


def test_a_minified_value_is_read_as_it_was() -> None:
    assert exported(f"e.exports={minified(VALUE)};", "m.js") == VALUE
    assert exported(r"""e.exports='a"b\'c\x41'""", "m.js") == "a\"b'cA"


def test_deep_paths_are_matched_in_time() -> None:
    scope = "/".join("abcdefgh" * 400)
    began = time.perf_counter()
    found = owners([f"n{n}/" + "/".join(f"p{k}" for k in range(30)) for n in range(2000)] + ["h/w"], [scope], "f")
    assert found[scope] == ["h/w"] and time.perf_counter() - began < 8


def test_weights_that_two_layers_could_have_are_refused() -> None:
    assert owners(["m/a/kernel", "n/a/kernel"], ["m/a", "n/a"], "f") == {"m/a": ["m/a/kernel"], "n/a": ["n/a/kernel"]}
    with pytest.raises(ZooError, match="the weights a/kernel may belong to m/a or n/a"):
        owners(["a/kernel"], ["m/a", "n/a"], "f")
