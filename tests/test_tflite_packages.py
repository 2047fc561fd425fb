"""The genuine `.tflite` files of MediaPipe: what can be imported computes the same, the rest is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from packages import package

from registry.errors import ZooError
from transfer.importers.tflite import read

FILES = {
    "face_detection/face_detection_full_range_sparse": 508_308,
    "face_detection/face_detection_short_range": 101_390,
    "face_landmark/face_landmark": 604_685,
    "hand_landmark/hand_landmark_full": 2_715_680,
    "hand_landmark/hand_landmark_lite": 1_011_712,
    "holistic_landmark/hand_recrop": 27_012,
    "iris_landmark/iris_landmark": 651_300,
    "palm_detection/palm_detection_full": 1_136_248,
    "palm_detection/palm_detection_lite": 963_064,
    "pose_detection/pose_detection": 2_965_314,
}
REFUSED = {
    "face_landmark/face_landmark_with_attention": "its operators CUSTOM Landmarks2TransformMatrix, CUSTOM "
    "TransformLandmarks, CUSTOM TransformTensorBilinear do",
    "selfie_segmentation/selfie_segmentation": "its operator CUSTOM Convolution2DTransposeBias does",
    "selfie_segmentation/selfie_segmentation_landscape": "its operator CUSTOM Convolution2DTransposeBias does",
}


@pytest.fixture
def modules(request: pytest.FixtureRequest) -> Path:
    return package(request, "mediapipe==0.10.14") / "mediapipe" / "modules"


@pytest.mark.parametrize("name", FILES)
def test_genuine_files_compute_the_same(modules: Path, name: str) -> None:
    imported = read(modules / f"{name}.tflite")
    assert imported.max_rel_difference is not None
    assert imported.max_rel_difference < 2e-5
    assert imported.native_share == 1
    assert imported.model.count_params() == FILES[name]
    assert "Lite" in imported.compared_with or "LiteRT" in imported.compared_with


@pytest.mark.parametrize("name", REFUSED)
def test_operators_of_mediapipe_alone_are_named(modules: Path, name: str) -> None:
    with pytest.raises(ZooError, match=f"cannot be imported: no Keras layer does what {REFUSED[name]}$"):
        read(modules / f"{name}.tflite")
