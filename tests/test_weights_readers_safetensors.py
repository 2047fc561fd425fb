"""safetensors: what others wrote comes back, with what Hugging Face's files beside it say; damage is refused."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file
from weight_files import safetensors

from registry.errors import ZooError
from transfer.weights.readers.safetensors import read

ARRAYS = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3), "h": np.ones(3, np.float16), "i": np.arange(2),
    "n": np.array(1.5), "b": np.array([True, False]), "half": np.arange(4).astype(ml_dtypes.bfloat16),
    "none": np.zeros((0, 2), np.int8),
}  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "convention"),
    [
        ({"format": "pt"}, "torch"),
        ({"format": "keras"}, "keras"),
        ({"format": "tf"}, "tensorflow"),
        ({"format": "np"}, "numpy"),
        (None, "numpy"),
    ],
)
def test_what_the_library_writes(tmp_path: Path, metadata: Any, convention: str) -> None:
    save_file(ARRAYS, tmp_path / "w.safetensors", metadata)
    found = read(tmp_path / "w.safetensors")
    assert (found.format, found.convention, found.notes) == ("safetensors", convention, ())
    assert set(found.shapes) == set(ARRAYS)
    for name, array in ARRAYS.items():
        got = found.load(name)
        assert got.dtype == array.dtype and found.shapes[name] == array.shape
        np.testing.assert_array_equal(got, array)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is the proof")
def test_what_pytorch_writes(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    state = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2), torch.nn.BatchNorm2d(3)).state_dict()
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    found = read(tmp_path)
    assert found.convention == "torch" and set(found.shapes) == set(state)
    for name, value in state.items():
        np.testing.assert_array_equal(found.load(name), value.numpy())


def sharded(folder: Path, places: Any) -> Path:
    for number, name in enumerate(("w", "i"), 1):
        save_file({name: ARRAYS[name]}, folder / f"model-0000{number}-of-00002.safetensors", {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


def test_shards(tmp_path: Path) -> None:
    sharded(tmp_path, {"i": "model-00002-of-00002.safetensors", "w": "model-00001-of-00002.safetensors"})
    for path in (tmp_path, tmp_path / "model.safetensors.index.json"):
        found = read(path)
        assert list(found.shapes) == ["i", "w"] and found.convention == "torch"
        assert found.notes == ("in 2 files",)
        np.testing.assert_array_equal(found.load("w"), ARRAYS["w"])


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"w": "../model.safetensors"}, r"names the file '\.\./model\.safetensors'; expected files in its own folder"),
        ({"w": "/etc/passwd"}, r"names the file '/etc/passwd'; expected files in its own folder"),
        ({"w": "a\\b"}, r"names the file .*; expected files in its own folder"),
        ({"w": "model.safetensors.index.json"}, r"names the file .*; expected files in its own folder"),
        ({"w": ""}, r"names the file ''; expected files in its own folder"),
        ({"w": "none.safetensors"}, r"names the file none\.safetensors, which is not there"),
        (
            {"x": "model-00001-of-00002.safetensors"},
            r"says that 'x' is in model-00001-of-00002\.safetensors, which does",
        ),
        ({}, r"names no arrays; expected a weight_map"),
        (["w"], r"is no index of weights: Expected `object`, got `array`"),
        ({"w": 3}, r"is no index of weights: Expected `str`, got `int`"),
    ],
)
def test_indices_that_are_wrong(tmp_path: Path, places: Any, message: str) -> None:
    with pytest.raises(ZooError, match=rf"model\.safetensors\.index\.json {message}"):
        read(sharded(tmp_path, places))


def one(shape: Any = (2, 3), offsets: Any = (0, 24), dtype: Any = "F32") -> Any:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def gap(first: tuple[int, int], second: tuple[int, int]) -> Any:
    pairs = {"a": first, "b": second}
    return {
        name: {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
        for name, (begin, end) in pairs.items()
    }


DAMAGE = r"w\.safetensors is no safetensors file, or a damaged one: "
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "a header of 2**60 bytes": (
        {"header": one(), "size": 2**60},
        DAMAGE + r"its header is to have 1152921504606846976 bytes; it has \d+ in all",
    ),
    "a header longer than the file": ({"header": one(), "size": 500}, DAMAGE + r"its header is to have 500 bytes"),
    "a short header": ({"header": one(), "size": 5}, DAMAGE),
    "no header": ({"header": b"", "content": b""}, DAMAGE),
    "a list": ({"header": [1]}, DAMAGE + r"Expected `object`, got `array`"),
    "no JSON": ({"header": b"{w"}, DAMAGE),
    "deep JSON": ({"header": b'{"w":' + b"[" * 100_000 + b"}"}, DAMAGE),
    "no text": ({"header": b'{"\xff": 1}'}, DAMAGE),
    "no shape": ({"header": {"w": {"dtype": "F32"}}}, DAMAGE + r"w: Object missing required field `shape`"),
    "numbers of text": ({"header": one(shape="ab")}, DAMAGE + r"w: Expected `array`, got `str`"),
    "an endless shape": (
        {"header": one(shape=(2**62, 2**62))},
        DAMAGE + r"w \[\d+, \d+\] F32 does not fit its 24 bytes",
    ),
    "a negative shape": ({"header": one(shape=(-2, -3))}, DAMAGE + r"w \[-2, -3\] F32 does not fit its 24 bytes"),
    "another shape": ({"header": one(shape=(2, 2))}, DAMAGE + r"w \[2, 2\] F32 does not fit its 24 bytes"),
    "40 axes": ({"header": one(shape=[1] * 39 + [6])}, DAMAGE + r"w \[1, .* F32 does not fit its 24 bytes"),
    "outside": ({"header": one(shape=(8,), offsets=(0, 32))}, DAMAGE + r"its arrays end at 32, and its numbers at 24"),
    "backwards": ({"header": one(offsets=(24, 0))}, DAMAGE + r"its arrays overlap or leave a gap: one begins at 24"),
    "before the file": (
        {"header": one(offsets=(-24, 0))},
        DAMAGE + r"its arrays overlap or leave a gap: one begins at -24",
    ),
    "an overlap": ({"header": gap((0, 16), (8, 24))}, DAMAGE + r"its arrays overlap or leave a gap: one begins at 8"),
    "a gap": ({"header": gap((0, 8), (16, 24))}, DAMAGE + r"its arrays overlap or leave a gap: one begins at 16"),
    "bytes left over": ({"header": gap((0, 8), (8, 16))}, DAMAGE + r"its arrays end at 16, and its numbers at 24"),
    "a type without name": ({"header": one(dtype="F7")}, r"holds 'w' of the type F7; expected one of F64"),
    "no arrays": (
        {"header": {"__metadata__": {}}, "content": b""},
        r"w\.safetensors holds no arrays; expected weights",
    ),
    "metadata of numbers": ({"header": {"__metadata__": {"a": 1}}, "content": b""}, DAMAGE + "__metadata__: Expected"),
}


@pytest.mark.parametrize("case", CASES)
def test_hostile_files(tmp_path: Path, case: str) -> None:
    written, message = CASES[case]
    start = time.monotonic()
    with pytest.raises(ZooError, match=message) as caught:
        read(safetensors(tmp_path / "w.safetensors", **written))
    assert time.monotonic() - start < 10 and "\n" not in caught.value.message


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    found = read(safetensors(tmp_path / "w.safetensors", one()))
    (tmp_path / "w.safetensors").write_bytes(b"")
    with pytest.raises(ZooError, match=r"w\.safetensors ends early: expected 24 bytes at"):
        found.load("w")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"holds none of model\.safetensors\.index\.json, model\.safetensors"):
        read(tmp_path)
