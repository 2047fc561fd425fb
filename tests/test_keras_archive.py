"""A `.keras` file as zoo writes it: what Keras writes, but that the same model gives the same bytes."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
from conftest import blobs, chain

from transfer.keras_archive import save


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model = chain()
    save(model, tmp_path / "one.keras")
    time.sleep(2)  # the resolution of times in a zip
    save(model, tmp_path / "two.keras")
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()


def test_keras_reads_it(tmp_path: Path) -> None:
    model, (x, _) = chain(), blobs(9)
    save(model, tmp_path / "ours.keras")
    model.save(tmp_path / "theirs.keras")
    ours, theirs = (keras.saving.load_model(tmp_path / name) for name in ("ours.keras", "theirs.keras"))
    assert np.array_equal(ours(x), theirs(x))
    with zipfile.ZipFile(tmp_path / "ours.keras") as mine, zipfile.ZipFile(tmp_path / "theirs.keras") as other:
        assert sorted(mine.namelist()) == sorted(other.namelist())
        assert {entry.compress_type for entry in mine.infolist()} == {zipfile.ZIP_STORED}, "weights are read in place"
        told, expected = (json.loads(one.read("metadata.json")) for one in (mine, other))
        assert told == expected | {"date_saved": "1980-01-01@00:00:00"}
        assert json.loads(mine.read("config.json")) == json.loads(other.read("config.json"))
