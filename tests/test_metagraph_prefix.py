"""From what a user types to a checkpoint's prefix, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from registry.errors import ZooError
from transfer.importers.metagraph.prefix import complete, prefix_of

ENDINGS = ("meta", "index", "data-00000-of-00001")


def touch(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    for ending in ENDINGS:
        (folder / f"{name}.{ending}").write_bytes(b"")


@pytest.mark.parametrize("typed", ["model.ckpt", *(f"model.ckpt.{ending}" for ending in ENDINGS), ""])
def test_a_prefix_a_file_and_a_folder(tmp_path: Path, typed: str) -> None:
    touch(tmp_path, "model.ckpt")
    assert prefix_of(tmp_path / typed) == str(tmp_path / "model.ckpt")


@pytest.mark.parametrize("typed", ["", "/", "/.meta", "/.index"])
def test_a_prefix_that_ends_in_a_slash(tmp_path: Path, typed: str) -> None:
    touch(tmp_path / "MTT", "")
    (tmp_path / "MTT" / "checkpoint").write_text('model_checkpoint_path: "/gone/experiments/17/"\n')
    assert prefix_of(f"{tmp_path}/MTT{typed}") == f"{tmp_path}/MTT/"
    assert complete(f"{tmp_path}/MTT{typed}") == f"{tmp_path}/MTT/"


def test_steps_are_told_apart(tmp_path: Path) -> None:
    touch(tmp_path, "model-1")
    touch(tmp_path, "model-12")
    assert prefix_of(tmp_path / "model-1") == str(tmp_path / "model-1")
    with pytest.raises(ZooError) as caught:
        prefix_of(tmp_path)
    assert "holds 2 meta-graphs: model-1.meta, model-12.meta" in caught.value.message
    assert caught.value.hint == f"name one of them: {tmp_path / 'model-12'}"
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/model-12"\n')
    assert prefix_of(tmp_path) == str(tmp_path / "model-12")


@pytest.mark.parametrize("name", ["model.keras", "model", "sub/model.ckpt", "model.ckpt.meta"])
def test_other_things_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "model.keras").write_bytes(b"")
    assert prefix_of(tmp_path / name) is None
    assert prefix_of(tmp_path) is None


def test_telling_needs_no_tensorflow() -> None:
    code = "import sys; from transfer.importers.metagraph import prefix_of; print('tensorflow' in sys.modules)"
    root = Path(__file__).parent.parent
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
