"""What may import what: by reading the code, and by starting the program."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer.plan.plan import Plan
from transfer.runs import EpochRow, RunFolder, Status

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "registry": {"zoo", "transfer", "tensorflow", "keras", "h5py", "typer"},
    "transfer": {"zoo", "typer", "registry.catalogue", "registry.shelf", "registry.blobs", "registry.sources"},
    "transfer/weights": {"transfer.importers"},
    "transfer/weights/layouts": {"transfer.weights.matching", "transfer.weights.readers"},
    "transfer/weights/matching": {"transfer.weights.readers"},
    "transfer/files": {"transfer.importers", "transfer.weights"},
}
HEAVY = ("tensorflow", "keras", "h5py", "numpy")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            parts = name.split(".")
            above = {".".join(parts[: end + 1]) for end in range(len(parts))}
            assert not above & FORBIDDEN[package], f"{path.relative_to(ROOT)} imports {name}"


LOOKS = [["--help"], ["list"], ["show", "mnist-dnn"], ["layers", "mnist-dnn"], ["runs"], ["report", "last"]]


@pytest.mark.parametrize("words", LOOKS, ids=[words[0] for words in LOOKS])
def test_what_only_looks_starts_at_once(words: list[str], zoo_home: Path) -> None:
    begun(zoo_home / "runs" / "20260101-000000-a")
    program = (
        "import sys; from zoo.app import run; code = run(sys.argv[1:]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    loaded = ast.literal_eval(done.stderr.strip().splitlines()[-1])
    assert not set(loaded) - ({"numpy"} if words[0] in ("layers", "runs", "report") else set())


def begun(path: Path) -> None:
    """Lay down a run that has an epoch and no result yet."""
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write("plan.json", Plan("a@b", "c.npz", "hidden1"))
    folder.write("status.json", Status("interrupted", 0.0))
    folder.log([EpochRow(1, 1, 0.5, 0.5, 0.9)])
