"""What lies beside weights in Hugging Face's layout: classes and preprocessing are taken, damage is a note."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weight_files import NUMBERS, safetensors

from registry.card import Preprocessing
from transfer.weights.readers.hf_config import Images, labels, prepared
from transfer.weights.readers.safetensors import read

HEADER = {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
CONFIG = {
    "architectures": ["ResNetForImageClassification"], "model_type": "resnet", "torch_dtype": "float32",
    "id2label": {"0": "palace", "1": "daisy"},
}  # fmt: skip
NORMAL = {
    "size": {"height": 224, "width": 192}, "do_rescale": True, "rescale_factor": 0.5, "do_normalize": True,
    "image_mean": [1.0, 2.0, 3.0], "image_std": [0.5, 0.25, 1.0],
}  # fmt: skip


def test_what_lies_beside_a_model(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", HEADER)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(NORMAL))
    found = read(tmp_path)
    assert (found.convention, found.classes) == ("torch", ("palace", "daisy"))
    assert found.notes == ("config.json calls it a resnet model (ResNetForImageClassification)",)
    assert found.preprocessing == Preprocessing((224, 192, 3), "uint8", (1.0, 2.0, 0.5), (-2.0, -8.0, -3.0), "rgb")


def test_only_a_model_of_that_layout_takes_what_lies_beside(tmp_path: Path) -> None:
    safetensors(tmp_path / "mine.safetensors", HEADER)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    assert read(tmp_path / "mine.safetensors").classes == ()


@pytest.mark.parametrize("text", ["{", '{"model_type": 3}', '{"id2label": [1]}', "[" * 100_000])
def test_a_damaged_config_is_a_note(tmp_path: Path, text: str) -> None:
    safetensors(tmp_path / "model.safetensors", HEADER)
    (tmp_path / "config.json").write_text(text)
    found = read(tmp_path)
    np.testing.assert_array_equal(found.load("w").tobytes(), NUMBERS)
    assert found.notes[0].startswith("config.json beside the weights cannot be read: ")
    assert found.notes[0].endswith("; it is left aside")


@pytest.mark.parametrize(
    ("changed", "scale", "offset", "channels"),
    [
        ({"do_normalize": False}, 0.5, 0.0, "rgb"),
        ({"do_rescale": False}, (2.0, 4.0, 1.0), (-2.0, -8.0, -3.0), "rgb"),
        ({"image_mean": 1.0, "image_std": 0.5}, 1.0, -2.0, "rgb"),
        ({"do_flip_channel_order": True, "do_normalize": False}, 0.5, 0.0, "bgr"),
        (
            {"size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": [224, 192]},
            (1.0, 2.0, 0.5),
            None,
            "rgb",
        ),
    ],
)
def test_images(changed: Any, scale: Any, offset: Any, channels: str) -> None:
    found, why = prepared(Images(**(NORMAL | changed)))
    offset = (-2.0, -8.0, -3.0) if offset is None else offset
    assert (found, why) == (Preprocessing((224, 192, 3), "uint8", scale, offset, channels), "")


BYTES = {"rescale_factor": 1 / 127.5, "rescale_offset": True, "image_mean": 0.5, "image_std": 0.5}


@pytest.mark.parametrize(
    ("changed", "scale", "offset"),
    [
        ({"do_normalize": False}, 1 / 127.5, -1.0),
        ({"do_normalize": False, "rescale_offset": False}, 1 / 127.5, 0.0),
        ({}, 2 / 127.5, -3.0),
        ({"include_top": False}, 2 / 127.5, -3.0),
        ({"include_top": True}, 4 / 127.5, -6.0),
        ({"image_processor_type": "EfficientNetImageProcessor"}, 4 / 127.5, -6.0),
        ({"image_processor_type": "EfficientNetImageProcessor", "include_top": False}, 2 / 127.5, -3.0),
        ({"do_rescale": False}, 2.0, -1.0),
    ],
)
def test_images_of_efficientnet(changed: Any, scale: float, offset: float) -> None:
    found, why = prepared(Images(**(NORMAL | BYTES | changed)))
    assert why == ""
    assert found is not None
    assert (found.scale, found.offset) == (pytest.approx(scale), pytest.approx(offset))


def test_the_arithmetic_of_images_is_that_of_the_original() -> None:
    raw = np.random.default_rng(0).integers(0, 256, (224, 192, 3)).astype(np.float64)
    found, _ = prepared(Images(**(NORMAL | {"rescale_factor": 1 / 255})))
    assert found is not None
    theirs = (raw / 255 - np.array([1.0, 2.0, 3.0])) / np.array([0.5, 0.25, 1.0])
    np.testing.assert_allclose(raw * np.array(found.scale) + np.array(found.offset), theirs)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"size": {"shortest_edge": 256}}, "it names no height and width"),
        ({"size": 0}, "it names no height and width"),
        ({"image_std": None}, "image_mean or image_std is missing, or not of three colours, or zero"),
        ({"image_mean": [1.0]}, "image_mean or image_std is missing, or not of three colours, or zero"),
        ({"image_std": [1.0, 0.0, 1.0]}, "image_mean or image_std is missing, or not of three colours, or zero"),
        ({"image_mean": None, "do_rescale": None}, ""),
        (
            {"rescale_offset": True, "rescale_factor": 0.25},
            "rescale_offset with rescale_factor 0.25 means one thing in old and one in new transformers",
        ),
    ],
)
def test_images_of_which_too_little_is_said(changed: Any, why: str) -> None:
    assert prepared(Images(**(NORMAL | changed))) == (None, why)


def test_what_is_not_known_of_images_is_a_note(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", HEADER)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(NORMAL | {"size": {"shortest_edge": 256}}))
    note = "preprocessor_config.json: it names no height and width; how images become the model's input is not known"
    assert read(tmp_path).notes == (note,)


@pytest.mark.parametrize("names", [{}, {"1": "a"}, {"0": "LABEL_0"}, {"a": "b"}])
def test_labels_that_say_nothing(names: dict[str, str]) -> None:
    assert labels(names) == ()
