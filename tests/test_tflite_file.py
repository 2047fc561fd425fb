"""Damaged and hostile `.tflite` files: one sentence each, and no crash; and what the format's numbers mean."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.importers.tflite import claims, read
from transfer.importers.tflite.constants import array_of
from transfer.importers.tflite.file import loaded, parsed
from transfer.importers.tflite.flatbuffer import BrokenError, Table
from transfer.importers.tflite.schema import IDENTIFIER, OPERATORS, OPTIONS, TYPES


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small convolutional net's file."""
    from export_models import model

    from transfer.exporters.exported import About
    from transfer.exporters.table import exporter_of

    path = tmp_path_factory.mktemp("lite") / "m.tflite"
    exporter_of("tflite").write(model("convolutional"), path, About("m", ""))
    return path.read_bytes()


def test_names_and_numbers_are_those_of_the_schema() -> None:
    schema = pytest.importorskip("tensorflow.lite.python.schema_py_generated")

    def numbers(kind: type) -> dict[int, str]:
        return {value: name for name, value in vars(kind).items() if isinstance(value, int)}

    assert dict(enumerate(OPERATORS)) == numbers(schema.BuiltinOperator)
    assert {number: name for number, (name, _) in TYPES.items()} == numbers(schema.TensorType)
    classes = {"CONV_2D": "Conv2D", "POOL": "Pool2D", "FULLY_CONNECTED": "FullyConnected", "GATHER": "Gather"}
    for name, kind in classes.items():
        options = getattr(schema, f"{kind}OptionsT")()
        assert max(slot for slot, _ in OPTIONS[name].values()) < len(vars(options))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b"", "it has no identifier TFL3"),
        (lambda b: b[:4] + b"TFL2" + b[8:], "it has no identifier TFL3"),
        (lambda b: b"\x89HDF\r\n\x1a\n" * 9, "it has no identifier TFL3"),
        (lambda b: struct.pack("<I", 1 << 31) + b[4:], "an offset leads to byte 2147483648, outside its"),
        (lambda b: struct.pack("<I", len(b) - 2) + b[4:], "an offset leads to byte"),
        (lambda b: b[: len(b) // 2], ".* outside its|.* beyond its end"),
        (lambda b: b"\x08\0\0\0TFL3" + b"\0" * 64, "it has version 0 of the format; expected 3|an offset leads"),
    ],
)
def test_other_bytes_are_refused(content: bytes, change: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(change(content))  # type: ignore[operator]
    with pytest.raises(ZooError, match=rf"{path} is no TensorFlow Lite file, or a damaged one: ({message})") as caught:
        read(path)
    assert caught.value.hint == "download or convert the file again"


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there is no file"):
        read(tmp_path / "none.tflite")
    assert not claims(str(tmp_path / "none.tflite"))


def test_a_file_is_known_by_its_bytes_too(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(content)
    (tmp_path / "m.txt").write_bytes(b"text")
    assert claims(str(tmp_path / "m.bin"))
    assert not claims(str(tmp_path / "m.txt"))


def spoilt(content: bytes, seed: int) -> bytes:
    """Cut a file off, or change some of its bytes: anywhere, or where its tables lie."""
    draws, spoilt = np.random.default_rng(seed), bytearray(content)
    if seed % 3 == 0:
        return bytes(spoilt[: draws.integers(0, len(spoilt))])
    for _ in range(draws.integers(1, 8)):
        place = draws.integers(0, len(spoilt) if seed % 3 == 1 else len(spoilt) // 3)
        spoilt[place] = draws.integers(0, 256)
    return bytes(spoilt)


def outcome(path: Path, *, compare: bool) -> str:
    try:
        read(path, compare=compare)
    except ZooError as error:
        assert str(path) in error.message
        assert "\n" not in error.message
        return "refused"
    return "read"


def test_spoilt_files_end_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    path, outcomes = tmp_path / "spoilt.tflite", []
    for seed in range(240):
        path.write_bytes(spoilt(content, seed))
        outcomes.append(outcome(path, compare=False))
    assert outcomes.count("refused") > 120
    assert outcomes.count("read") > 0  # a weight, or a name


def test_the_interpreter_cannot_take_this_process_with_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "spoilt.tflite"
    for seed in (1, 2, 4, 5, 7, 8, 10, 11):
        path.write_bytes(spoilt(content, seed))
        outcome(path, compare=True)


def test_what_the_interpreter_dies_of_is_said(content: bytes, tmp_path: Path) -> None:
    from transfer.importers.apart import RunError
    from transfer.importers.tflite.runtime import Runtime

    runtime = Runtime.found()
    assert runtime is not None
    path = tmp_path / "bad.tflite"
    path.write_bytes(content[:8] + b"\xff" * 64 + content[72:])
    with pytest.raises(RunError):
        runtime.apart(path, [0], [1], [[np.zeros((1, 9, 8, 3), np.float32)]])


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    with pytest.raises(BrokenError):
        parsed(b"\x10\0\0\0" + IDENTIFIER + tail)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20), st.text(max_size=20))
def test_a_table_gives_back_what_was_written(numbers: list[int], text: str) -> None:
    flatbuffers = pytest.importorskip("flatbuffers")
    builder = flatbuffers.Builder(0)
    name = builder.CreateString(text)
    builder.StartVector(4, len(numbers), 4)
    for number in reversed(numbers):
        builder.PrependInt32(number)
    vector = builder.EndVector()
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    builder.PrependUOffsetTRelativeSlot(2, name, 0)
    builder.Finish(builder.EndObject(), file_identifier=IDENTIFIER)
    table = Table.root(bytes(builder.Output()), IDENTIFIER)
    assert table.numbers(0, "<i4").tolist() == numbers
    assert table.text(2) == text
    assert not table.has(1)
    assert table.number(1, "<i", 7) == 7


def test_constants_are_as_long_as_their_shape(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    lite = loaded(path)
    weights = [array_of(lite, index) for index in range(len(lite.tensors))]
    assert sum(array.size for array in weights if array is not None and array.dtype == np.float32) >= 4 * 27
