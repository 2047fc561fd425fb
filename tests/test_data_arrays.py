"""Arrays as they lie there go through the commands: .npz and .h5, images and rows, split and not split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from real_data import QUICK, digits

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")


def written(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Write arrays in the format of the path's suffix."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
        return path
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name.replace("_", "/")] = array
    return path


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_images_in_arrays(suffix: str, zoo_command: Zoo, tmp_path: Path) -> None:
    x, y = digits()
    x = np.repeat(x[..., None], 3, axis=-1)
    data = written(tmp_path / f"digits{suffix}", {"images": x, "labels": y})
    assert "140 train, 30 valid, 30 test" in zoo_command("data", "inspect", data, "--model", "net")
    words = ("--reuse", "block.*", *QUICK, "--publish-as", "mine", "--json")
    done = zoo_command("transfer", "net", "--data", data, *words, "--classes", "0-4")
    assert done["classes"] == [*"01234"] and done["test_accuracy"] > 0.6
    scored = zoo_command("evaluate", "mine", "--data", data, "--json")
    assert (scored["n"], scored["accuracy"]) == (15, done["test_accuracy"])
    np.save(tmp_path / "new.npy", x[:7])
    zoo_command("predict", "mine", "--input", tmp_path / "new.npy", "--output", tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").shape == (7, 5)
    if suffix == ".h5":
        assert zoo_command("predict", "mine", "--input", data, "--json")["count"] == 200


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_rows_in_arrays_that_are_split(suffix: str, zoo_command: Zoo, tmp_path: Path) -> None:
    import sklearn.datasets

    x, y = sklearn.datasets.load_iris(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(y))
    arrays = {}
    for split, rows in {"train": order[:100], "test": order[100:]}.items():
        arrays |= {f"x_{split}": x[rows].astype(np.float32), f"y_{split}": y[rows]}
    data = written(tmp_path / f"iris{suffix}", arrays)
    words = ("--reuse", "hidden1", *QUICK, "--publish-as", "mine", "--json")
    done = zoo_command("transfer", "rows-4", "--data", data, *words)
    assert (done["test"]["n"], done["classes"]) == (50, [*"012"]) and done["test_accuracy"] > 0.6
    assert zoo_command("evaluate", "mine", "--data", data, "--json")["accuracy"] == done["test_accuracy"]
