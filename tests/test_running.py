"""Outputs of many samples by any backend: evaluate, predict, rank and search-depth take `--backend`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import blobs, chain
from nets import build_joined

import zoo
from registry.errors import ChoiceError
from transfer.engines import choosing
from transfer.engines.running import Running
from transfer.extract import named_outputs, outputs
from transfer.feeding import Sliced

Zoo = Callable[..., Any]
QUICK = ("--epochs", 2, "--batch-size", 16)


@pytest.mark.parametrize("backend", ["auto", "tensorflow", "onnx", "litert"])
def test_outputs_are_those_of_tensorflow(tmp_path: Path, backend: str) -> None:
    x, model = blobs(1500)[0], chain()
    run = Running(backend, tmp_path, "revision")
    expected = outputs(model, x)
    found = outputs(model, x, run)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    assert np.array_equal(outputs(model, x, run), found), "the same again, bit by bit"
    assert list(named_outputs(model, x[:0], run)) == list(named_outputs(model, x[:0]))


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    model, draw = build_joined([("dense", (0,)), ("dense", (1,))]), np.random.default_rng(0)
    x = [draw.normal(size=(30, *tensor.shape[1:])).astype(tensor.dtype) for tensor in model.inputs]
    x[2] = np.arange(30, dtype=x[2].dtype)[:, None] % 7
    expected, found = named_outputs(model, x), named_outputs(model, x, Running("onnx", tmp_path, "m"))
    assert found.keys() == expected.keys()
    assert all(np.allclose(found[name], expected[name], atol=1e-5) for name in expected)


def test_what_takes_long_is_given_to_what_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time that counts as long at nothing, engines are compared; whatever wins is held to 1e-5."""
    monkeypatch.setattr(choosing, "QUICK", 0.0)
    monkeypatch.setattr(choosing, "worth_trying", lambda best, plain, cost: True)
    x, model = blobs(2000)[0], chain()
    found = outputs(model, x, Running("auto", tmp_path, "m"))
    assert np.abs(found - outputs(model, x)).max() <= 1e-5 * np.abs(found).max()
    (path,) = tmp_path.iterdir()
    assert b'"said":"extraction: ' in path.read_bytes()


def test_evaluate_and_predict_take_it(zoo_command: Zoo, tiny: str, data_file: Path, tmp_path: Path) -> None:
    zoo_command("transfer", tiny, "--data", data_file, "--reuse", "hidden1", *QUICK, "--publish-as", "net", "-q")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = blobs(40)[0]
    np.save(tmp_path / "x.npy", blobs(40)[0])
    told = {}
    for backend in ("tensorflow", "onnx"):
        scored = zoo_command("evaluate", "net", "--data", data_file, "--backend", backend, "--json")
        rows = zoo_command("predict", "net", "--input", tmp_path / "x.h5", "--backend", backend, "--json")
        as_they_are = zoo_command("predict", "net", "--input", tmp_path / "x.npy", "--backend", backend, "--json")
        told[backend] = scored, rows["predictions"], np.array(as_they_are["outputs"])
    (plain, ours) = told.values()
    assert (ours[0]["accuracy"], ours[0]["n"]) == (plain[0]["accuracy"], plain[0]["n"])
    assert ours[0]["loss"] == pytest.approx(plain[0]["loss"], rel=1e-4)
    assert [one["class"] for one in ours[1]] == [one["class"] for one in plain[1]]
    for one, other in zip(ours[1], plain[1], strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)
    assert np.allclose(ours[2], plain[2], atol=1e-4)
    assert np.array_equal(zoo.predict("net", blobs(40)[0], "tensorflow"), plain[2])


def test_features_of_a_ranking_and_a_search_come_from_it(
    zoo_command: Zoo, tiny: str, data_file: Path, zoo_home: Path
) -> None:
    def engines() -> set[str]:
        found = set()
        for path in (zoo_home / "cache").glob("*/*.h5"):
            with h5py.File(path, "r", locking=False) as file:
                found.add(file.attrs["engine"].split(",")[0].split(" 1")[0])
        return found

    ranked = zoo_command("rank", tiny, "--data", data_file, "--backend", "onnx", "--json")
    assert "--backend onnx" in str(ranked)
    assert engines() == {"ONNX Runtime"}
    shutil.rmtree(zoo_home / "cache")
    words = ("search-depth", tiny, "--data", data_file, *QUICK, "--json")
    by_onnx = zoo_command(*words, "--backend", "onnx")
    assert engines() == {"ONNX Runtime"}
    shutil.rmtree(zoo_home / "cache")
    plain = zoo_command(*words, "--backend", "tensorflow")
    assert engines() == {"TensorFlow"}
    for one, other in zip(by_onnx["cuts"], plain["cuts"], strict=True):
        assert one["probe"] == pytest.approx(other["probe"], abs=0.02)


@pytest.mark.parametrize("command", ["evaluate", "predict", "rank"])
def test_a_backend_that_there_is_not(zoo_command: Zoo, tiny: str, data_file: Path, command: str) -> None:
    words = {"evaluate": (tiny, "--data"), "predict": (tiny, "--input"), "rank": ("--data",)}[command]
    zoo_command(command, *words, data_file, "--backend", "onxx", code=2)
    assert "error: --backend takes auto, tensorflow, onnx, litert; got 'onxx'" in zoo_command.err  # type: ignore[attr-defined]
    with pytest.raises(ChoiceError, match="--backend takes"):
        zoo.predict(tiny, blobs(3)[0], "onxx")


def test_no_samples_need_no_engine(tmp_path: Path) -> None:
    assert list(Running("onnx", tmp_path, "m")(chain(), Sliced((np.zeros((0, 8), np.float32),)))) == []
