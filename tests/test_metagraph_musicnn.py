"""A genuine file: musicnn's music tagger, written by TensorFlow 1.12 in 2018 (Pons and Serra 2019; ISC licence)."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from transfer.importers import metagraph

PACKAGE, FOLDER = "musicnn==0.1.0", "musicnn/MTT_musicnn/"


@pytest.fixture(scope="module")
def checkpoint(request: pytest.FixtureRequest) -> Path:
    """The checkpoint: where `ZOO_TEST_MUSICNN` says, else from the package, kept for later."""
    given = os.environ.get("ZOO_TEST_MUSICNN")
    if given:
        return Path(given)
    kept = request.config.cache.mkdir("musicnn")
    if not (kept / FOLDER / ".meta").exists():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(kept), PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (
            f"cannot download {PACKAGE}, set ZOO_TEST_MUSICNN to its MTT_musicnn: {done.stderr}"
        )
        unpack(next(kept.glob("musicnn-*.whl")), kept)
    return kept / FOLDER


def unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(FOLDER)])


def test_it_imports_as_native_layers_with_the_same_numbers(checkpoint: Path) -> None:
    found = metagraph.read(checkpoint)
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-4
    assert found.model.input_shape == (None, 187, 96) and found.model.output_shape == (None, 50)
    assert not [layer.scope for layer in found.layers if layer.type == "GraphLayer"]
    scopes = [layer.scope for layer in found.layers if layer.parameters]
    assert scopes[:2] == ["batch_normalization", "conv2d"] and scopes[-1] == "dense_1"
    norms, convolutions = (f"batch_normalization_{n}" for n in range(1, 11)), (f"conv2d_{n}" for n in range(1, 8))
    assert sorted(scopes) == sorted(["batch_normalization", *norms, "conv2d", *convolutions, "dense", "dense_1"])
    assert set(found.unmapped.values()) == {"optimizer slot"}
    dropouts = [layer for layer in found.model.layers if type(layer).__name__ == "Dropout"]
    assert [layer.rate for layer in dropouts] == [0.5, 0.5]
    assert found.model.get_layer("batch_normalization_10").momentum == 0.99


def test_its_tags_are_probabilities(checkpoint: Path) -> None:
    found = metagraph.read(Path(f"{checkpoint}/.meta"), input="model/Placeholder", output="model/Sigmoid")
    assert found.max_abs_difference is not None and found.max_abs_difference <= 1e-4
    tags = np.asarray(found.model(np.zeros((1, 187, 96), np.float32), training=False))
    assert tags.shape == (1, 50) and tags.min() >= 0 and tags.max() <= 1
