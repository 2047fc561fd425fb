"""Which reader takes a file: by what is in it where that tells, else by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weight_files import array, pickled, plain, safetensors, table, torch_legacy, torch_zip

from transfer.weights import claims
from transfer.weights.claims import NUMPY, PYTORCH, SAFETENSORS, TF_CHECKPOINT, kind_of

HEADER = {"w": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, w=np.ones(2))


def npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(2))


@pytest.mark.parametrize(
    ("name", "write", "kind"),
    [
        ("w.pth", lambda path: torch_zip(path, {"w": plain()}), PYTORCH),
        ("w.weights", lambda path: torch_zip(path, {"w": plain()}), PYTORCH),
        ("w.npz", lambda path: torch_zip(path, {"w": plain()}), PYTORCH),
        ("epoch.ckpt", lambda path: torch_legacy(path, {"w": plain()}), PYTORCH),
        ("w.pt", lambda path: path.write_bytes(b"damaged"), PYTORCH),
        ("pytorch_model.bin", lambda path: path.write_bytes(b"damaged"), PYTORCH),
        ("pytorch_model.bin.index.json", lambda path: path.write_text("{}"), PYTORCH),
        ("w.safetensors", lambda path: safetensors(path, HEADER), SAFETENSORS),
        ("w.pth", lambda path: safetensors(path, HEADER), SAFETENSORS),
        ("w.safetensors", lambda path: path.write_bytes(b""), SAFETENSORS),
        ("m.safetensors.index.json", lambda path: path.write_text("{}"), SAFETENSORS),
        ("w.npz", npz, NUMPY),
        ("w.pth", npz, NUMPY),
        ("w.dat", npy, NUMPY),
        ("w.p", lambda path: path.write_bytes(pickled(array(bytes(24)))), NUMPY),
        ("w.pickle", lambda path: path.write_bytes(b"damaged"), NUMPY),
        ("model.ckpt-5", lambda path: path.write_bytes(table({b"": b""})), TF_CHECKPOINT),
        ("model.ckpt-5.index", lambda path: path.write_bytes(table({b"": b""})), TF_CHECKPOINT),
        ("w.bin", lambda path: path.write_bytes(b"anything"), None),
        ("w.keras", lambda path: path.write_bytes(b"PK\3\4"), None),
        ("w.txt", lambda path: path.write_bytes(b""), None),
    ],
)
def test_files(tmp_path: Path, name: str, write: Any, kind: str | None) -> None:
    write(tmp_path / name)
    assert kind_of(tmp_path / name) == kind
    rows = {
        PYTORCH: claims.pytorch,
        SAFETENSORS: claims.safetensors,
        NUMPY: claims.numpy,
        TF_CHECKPOINT: claims.tf_checkpoint,
    }
    assert [one for one, claim in rows.items() if claim(tmp_path / name)] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pytorch_model.bin", PYTORCH),
        ("pytorch_model.bin.index.json", PYTORCH),
        ("model.safetensors", SAFETENSORS),
        ("m.index", TF_CHECKPOINT),
        ("model.h5", None),
    ],
)
def test_folders(tmp_path: Path, name: str, kind: str | None) -> None:
    (tmp_path / name).write_bytes(b"")
    assert kind_of(tmp_path) == kind


def test_a_prefix(tmp_path: Path) -> None:
    (tmp_path / "m.index").write_bytes(b"")
    assert kind_of(tmp_path / "m") == TF_CHECKPOINT
    assert kind_of(tmp_path / "m.data-00000-of-00001") == TF_CHECKPOINT
    assert kind_of(tmp_path / "none") is None
    assert kind_of(Path("x" * 5000)) is None
    assert kind_of(Path("\0")) is None
