from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import TABLE, format_of

CHECKPOINT = (".meta", ".index", ".data-00000-of-00001")


def checkpoint(prefix: str) -> list[str]:
    return [prefix + end for end in CHECKPOINT]


@pytest.mark.parametrize(
    ("paths", "format", "weights"),
    [
        (["README.md", "b.keras", "model.keras", "test.npz"], "keras", "model.keras"),
        (["b.keras", "a.keras"], "keras", "a.keras"),
        (["a/model.keras", "z.keras"], "keras", "a/model.keras"),
        (["a/b.keras", "z.keras"], "keras", "z.keras"),
        (["M.KERAS"], "keras", "M.KERAS"),
        (["saved_model.pb", "variables/variables.index", "assets/x.h5"], "saved_model", "."),
        (["x/1/saved_model.pb", "x/2/saved_model.pb"], "saved_model", "x/1"),
        (["model.weights.h5", "other.h5", "config.json"], "keras-h5", "other.h5"),
        (["model.weights.h5", "config.json"], "keras-h5", "model.weights.h5"),
        (["a.hdf5"], "keras-h5", "a.hdf5"),
        (checkpoint("model.ckpt"), "tf1-metagraph", "model.ckpt"),
        (checkpoint("folder/"), "tf1-metagraph", "folder/"),
        ([*checkpoint("m-9"), *checkpoint("m-10"), *checkpoint("m"), "checkpoint"], "tf1-metagraph", "m-10"),
        ([*checkpoint("a/m-99"), *checkpoint("m-1")], "tf1-metagraph", "m-1"),
        (["m.meta", "m.index"], "files", ""),
        (["m.meta"], "files", ""),
        (["m.index", "m.data-00000-of-00001"], "files", ""),
        (["model-00001-of-00002.safetensors", "model.safetensors.index.json"],
         "safetensors", "model.safetensors.index.json"),
        (["a.safetensors", "model.safetensors", "pytorch_model.bin"], "safetensors", "model.safetensors"),
        (["onnx/model.onnx", "onnx/decoder.onnx"], "onnx", "onnx/model.onnx"),
        (["x.tflite", "labels.txt"], "tflite", "x.tflite"),
        (["web/model.json", "web/group1-shard1of2.bin", "model.json"], "tfjs", "web/model.json"),
        (["model.json", "config.json"], "files", ""),
        (["group1-shard1of2.bin"], "files", ""),
        (["deploy.prototxt", "net.caffemodel"], "caffe", "net.caffemodel"),
        (["pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"],
         "pytorch", "pytorch_model.bin.index.json"),
        (["x.pt"], "pytorch", "x.pt"),
        (["m.gguf", "config.json"], "gguf", "m.gguf"),
        (["ggml-tiny.bin"], "gguf", "ggml-tiny.bin"),
        (["a.pb", "frozen_model.pb"], "frozen-graph", "frozen_model.pb"),
        (["w.npz"], "numpy", "w.npz"),
        (["README.md"], "files", ""),
        ([], "files", ""),
    ],
)  # fmt: skip
def test_formats(paths: list[str], format: str, weights: str) -> None:
    assert format_of(paths) == (format, weights)
    assert format_of(list(reversed(paths))) == (format, weights)


EXAMPLES = {
    "keras": ["m.keras"], "saved_model": ["saved_model.pb"], "keras-h5": ["m.h5"], "tf1-metagraph": checkpoint("m"),
    "safetensors": ["m.safetensors"], "onnx": ["m.onnx"], "tflite": ["m.tflite"],
    "tfjs": ["model.json", "group1-shard1of1.bin"], "caffe": ["m.caffemodel"], "gguf": ["m.gguf"], "pytorch": ["m.pt"],
    "frozen-graph": ["m.pb"], "numpy": ["m.npz"],
}  # fmt: skip


def test_the_upper_row_wins() -> None:
    names = [name for name, _ in TABLE]
    assert set(names) == set(EXAMPLES)
    for number, name in enumerate(names):
        below = [path for other in names[number:] for path in EXAMPLES[other]]
        assert format_of(below)[0] == name


@given(st.lists(st.text(alphabet="m.keras/h5-etpdx0", min_size=1, max_size=12), max_size=6))
def test_what_is_found_is_there(paths: list[str]) -> None:
    format, weights = format_of(paths)
    assert (format == "files") == (weights == "")
    if format == "saved_model":
        assert weights == "." or any(path.startswith(f"{weights}/") for path in paths)
    else:
        assert not weights or any(path.startswith(weights) for path in paths)
