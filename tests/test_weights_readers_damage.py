"""Damaged files of every format: cut off or with bits turned, they are read or refused in one line, and quickly."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weight_files import array, call, pickled, plain, safetensors, storage, table, tensor, torch_legacy, torch_zip

from registry.errors import ZooError
from transfer.weights.readers import numpy_file, torch_file
from transfer.weights.readers import safetensors as safetensors_file

HALF = tensor("0", (2,), (1,), 0, storage("0", 12, "torch.HalfStorage"))
TREE = {
    "state_dict": {"a.weight": plain(), "a.bias": tensor("0", (3,), (2,), 1), "half": HALF},
    "epoch": 3,
    "optimizer": {"state": {0: {"step": plain()}}},
    "more": call("collections.OrderedDict"),
}
HEADER = {
    "__metadata__": {"format": "pt"},
    "w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]},
    "b": {"dtype": "F16", "shape": [2, 3], "data_offsets": [12, 24]},
}


def npz(path: Path) -> None:
    np.savez_compressed(path, **{"conv/kernel": np.arange(12.0).reshape(3, 4), "conv/bias": np.ones(3, np.float32)})


def npy(path: Path) -> None:
    np.save(path, np.arange(12.0).reshape(3, 4))


def pickle(path: Path) -> None:
    path.write_bytes(pickled({"conv": [array(bytes(24)), array(bytes(24), (6,))], "epoch": 3}))


Reader = Callable[[Path], Any]
FORMATS: dict[str, tuple[str, Callable[[Path], Any], Reader]] = {
    "torch zip": ("w.pt", lambda path: torch_zip(path, TREE, {"0": bytes(24)}, byteorder=b"little"), torch_file.read),
    "torch legacy": (
        "w.pt",
        lambda path: torch_legacy(path, {"a.weight": plain(), "a.bias": plain()}),
        torch_file.read,
    ),
    "safetensors": ("w.safetensors", lambda path: safetensors(path, HEADER), safetensors_file.read),
    "npz": ("w.npz", npz, numpy_file.read),
    "npy": ("w.npy", npy, numpy_file.read),
    "pickle": ("w.pkl", pickle, numpy_file.read),
}
SEEDS = range(300)


def attempt(path: Path, read: Reader) -> bool:
    """Read all arrays of a file; tell whether that went well, and fail where it was not refused as it should be."""
    start = time.monotonic()
    try:
        found = read(path)
        for name, shape in found.shapes.items():
            assert found.load(name).shape == shape
    except ZooError as error:
        assert path.name in error.message and "\n" not in error.message and len(error.message) < 600
        return False
    finally:
        assert time.monotonic() - start < 10
    return True


@pytest.mark.parametrize("kind", FORMATS)
def test_bits_turned(tmp_path: Path, kind: str) -> None:
    name, write, read = FORMATS[kind]
    write(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    assert attempt(tmp_path / name, read)
    refused = 0
    tracemalloc.start()
    for seed in SEEDS:
        draws = random.Random(seed)
        content = bytearray(whole)
        for _ in range(draws.choice((1, 1, 2, 8, 32))):
            content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        (tmp_path / name).write_bytes(content)
        refused += not attempt(tmp_path / name, read)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > len(SEEDS) // 4
    assert most < 100 * 2**20


@pytest.mark.parametrize("kind", FORMATS)
def test_cut_off(tmp_path: Path, kind: str) -> None:
    name, write, read = FORMATS[kind]
    write(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for size in {*range(0, len(whole) - 1, max(len(whole) // 100, 1)), len(whole) - 1}:
        (tmp_path / name).write_bytes(whole[:size])
        assert not attempt(tmp_path / name, read), f"{size} bytes of {len(whole)} were read"


@pytest.mark.parametrize("kind", FORMATS)
def test_noise(tmp_path: Path, kind: str) -> None:
    name, write, read = FORMATS[kind]
    write(tmp_path / name)
    start = (tmp_path / name).read_bytes()[:16]
    for seed in range(50):
        (tmp_path / name).write_bytes(start[: seed % 17] + random.Random(seed).randbytes(2000))
        assert not attempt(tmp_path / name, read)


def test_checkpoints_with_bits_turned(tmp_path: Path) -> None:
    import tensorflow as tf

    from transfer.weights.readers.tf_checkpoint import read

    tf.train.Checkpoint(a=tf.Variable(np.arange(6.0)), b=tf.Variable([[1, 2]])).write(str(tmp_path / "ck"))
    index = tmp_path / "ck.index"
    whole = index.read_bytes()
    assert attempt(tmp_path / "ck", read)
    refused = 0
    for seed in SEEDS[:100]:
        content = bytearray(whole)
        draws = random.Random(seed)
        content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        index.write_bytes(content[: draws.choice((len(content), len(content), draws.randrange(len(content))))])
        refused += not attempt(tmp_path / "ck", read)
    assert refused > 50
    index.write_bytes(table({}))
    assert not attempt(tmp_path / "ck", read)
