"""Genuine ONNX models: magika (JAX through tf2onnx) and silero-vad (PyTorch; one export has Constant nodes only)."""

from __future__ import annotations

from pathlib import Path

import pytest
from packages import package

from registry.errors import ZooError
from transfer.importers.onnx import read

pytest.importorskip("onnxruntime")
SILERO = "input=?x576,state,sr=16000"


def test_magika(request: pytest.FixtureRequest) -> None:
    path = package(request, "magika==1.0.3") / "magika/models/standard_v3_3/model.onnx"
    found = read(path)
    assert found.max_rel_difference is not None and found.max_rel_difference < 1e-5
    assert found.native_share == 1.0 and not found.unmapped
    assert found.model.input_shape == (None, 2048) and found.model.output_shape == (None, 214)
    assert found.model.inputs[0].dtype == "int32"


@pytest.fixture
def silero(request: pytest.FixtureRequest) -> Path:
    return package(request, "silero_vad==6.2.3") / "silero_vad/data"


@pytest.mark.parametrize(
    ("name", "input"),
    [
        ("silero_vad.onnx", SILERO),
        ("silero_vad_16k_op15.onnx", SILERO),
        ("silero_vad_op18_ifless.onnx", SILERO),
        ("silero_vad_openvino_16k.onnx", None),
    ],
)
def test_silero(name: str, input: str | None, silero: Path) -> None:
    found = read(silero / name, input=input)
    assert found.max_rel_difference is not None and found.max_rel_difference < 5e-5
    assert [tensor.shape for tensor in found.model.outputs] == [(None, 1), (None, 2, 128)]
    assert found.native_share == 1.0


def test_silero_without_a_sample_rate_is_refused(silero: Path) -> None:
    with pytest.raises(ZooError) as caught:
        read(silero / "silero_vad.onnx", input="input,state,sr=16000")
    assert caught.value.message.startswith("cannot import the operator If (node ")
    assert caught.value.message.endswith("which of its branches runs depends on the data")
    with pytest.raises(ZooError) as caught:
        read(silero / "silero_vad.onnx")
    assert "the input sr of" in caught.value.message and "--input sr=NUMBER" in caught.value.hint


def test_silero_over_a_sequence_is_refused(silero: Path) -> None:
    """Its LSTM runs over what its convolutions take for samples."""
    with pytest.raises(ZooError) as caught:
        read(silero / "silero_vad_16k_sequence.onnx")
    assert caught.value.message == (
        "cannot import the operator LSTM (node /recurrent/LSTM): the net moves the axis of the samples, which no Keras "
        "layer can do"
    )
