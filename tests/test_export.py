"""The command `zoo export`: where a file goes, what is replaced, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FORMATS = {"keras": "net.keras", "saved_model": "net", "tflite": "net.tflite", "onnx": "net.onnx",
           "safetensors": "net.safetensors"}  # fmt: skip


@pytest.fixture
def net(zoo_command: Callable[..., Any], chain_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model `net` in the catalogue, and an empty working folder."""
    zoo_command("import", chain_file, "--as", "net")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_says_how_close_it_is(net: Path, zoo_command: Callable[..., Any], to: str) -> None:
    if to == "onnx":
        pytest.importorskip("onnxruntime")
    said = zoo_command("export", "net", "--to", to, "--json")
    assert {"name": said["name"], "format": said["format"], "path": said["path"], "written": said["written"]} == {
        "name": "net", "format": to, "path": FORMATS[to], "written": True,
    }  # fmt: skip
    assert len(said["revision"]) == 64
    assert 0 <= said["max_rel_difference"] < 1e-5
    assert said["max_abs_difference"] >= 0
    assert said["compared_with"]
    assert [path.name for path in net.iterdir()] == [FORMATS[to]]
    files = [file for file in [net / FORMATS[to], *(net / FORMATS[to]).rglob("*")] if file.is_file()]
    assert said["bytes"] == sum(file.stat().st_size for file in files) > 0


def test_the_screen_ends_in_the_next_command(net: Path, zoo_command: Callable[..., Any]) -> None:
    page = zoo_command("export", "net", "--to", "keras", "--output", net / "my net.keras")
    assert "largest difference:     0 (relative 0), Keras " in page
    assert page.endswith(f"next: zoo import '{net}/my net.keras' --as net-back\n")
    page = zoo_command("export", "net", "--to", "safetensors")
    assert page.endswith("next: zoo import net.safetensors --into net --as net-back\n")
    assert "note: it holds weights and no architecture" in page
    assert zoo_command("export", "net", "--to", "keras", "-q") == "net.keras\n"


@pytest.mark.parametrize("to", ["safetensors", "saved_model"])
def test_nothing_is_replaced_without_force(net: Path, zoo_command: Callable[..., Any], to: str) -> None:
    zoo_command("export", "net", "--to", to)
    before = (net / FORMATS[to]).stat().st_ino
    zoo_command("export", "net", "--to", to, code=1)
    assert f"error: {FORMATS[to]} exists\nhint: pass --force to replace it" in zoo_command_error(zoo_command)
    assert (net / FORMATS[to]).stat().st_ino == before
    zoo_command("export", "net", "--to", to, "--force")
    assert (net / FORMATS[to]).stat().st_ino != before
    assert [path.name for path in net.iterdir()] == [FORMATS[to]]


def zoo_command_error(command: Any) -> str:
    error: str = command.err
    return error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "saved_model", "--force", "-o", "mine"), "mine is no SavedModel, so --force does not replace it"),
        (("--to", "keras", "--force", "-o", "mine.keras"), "mine.keras is a folder, which a file cannot replace"),
        (("--to", "keras", "-o", "net.h5"), "net.h5 does not end in .keras"),
        (("--to", "keras", "-o", "no/net.keras"), "there is no folder no"),
        (
            (
                "--to",
                "caffe",
            ),
            "there is no export to 'caffe'",
        ),
    ],
)
def test_what_cannot_be_is_said_before_any_work(
    net: Path, zoo_command: Callable[..., Any], arguments: tuple[str, ...], message: str
) -> None:
    for name in ("mine", "mine.keras"):
        (net / name).mkdir()
        (net / name / "kept").write_text("kept")
    zoo_command("export", "net", *arguments, code=1)
    assert zoo_command_error(zoo_command).startswith(f"error: {message}")
    assert sorted(path.name for path in net.rglob("*")) == ["kept", "kept", "mine", "mine.keras"]


def test_a_dry_run_compares_and_leaves_nothing(net: Path, zoo_command: Callable[..., Any]) -> None:
    page = zoo_command("export", "net", "--to", "saved_model", "--dry-run")
    assert "would go to:            net\n" in page
    assert page.endswith("nothing written (--dry-run)\n")
    assert list(net.iterdir()) == []


def test_an_export_that_fails_leaves_what_was_there(net: Path, zoo_command: Callable[..., Any]) -> None:
    import keras

    x = keras.Input((4, 8), name="x")
    keras.Model(x, keras.layers.MultiHeadAttention(2, 4, name="attend")(x, x)).save(net / "other.keras")
    zoo_command("import", net / "other.keras", "--as", "other")
    (net / "other.onnx").write_text("mine")
    zoo_command("export", "other", "--to", "onnx", "--force", code=1)
    assert "there is no rule for attend (MultiHeadAttention)" in zoo_command_error(zoo_command)
    assert (net / "other.onnx").read_text() == "mine"
    assert sorted(path.name for path in net.iterdir()) == ["other.keras", "other.onnx"]


def test_python_exports_too(net: Path) -> None:
    from zoo import api

    done = api.export("net", "safetensors", str(net / "w.safetensors"))
    assert done.path.is_file()
    assert done.checked.largest == 0
