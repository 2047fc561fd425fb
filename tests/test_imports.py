"""What may import what: by reading the code, and by starting the program."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import pytest
from conftest import blobs

from transfer.plan.plan import Plan
from transfer.run_status import Status
from transfer.runs import EpochRow, RunFolder

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


def test_no_files_import_each_other() -> None:
    """Counted are imports inside functions too, and those for types alone."""
    paths = [path for package in ("registry", "transfer", "zoo") for path in (ROOT / package).rglob("*.py")]
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    graph = {name: set(ours(path, modules)) - {name} for name, path in modules.items() if not hands_on(path)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(reversed(error.args[1]))}")


def ours(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of these that a file imports, by whichever form."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found = next((one for one in (f"{node.module}.{alias.name}", node.module) if one in modules), None)
                yield from [found] if found else []


def hands_on(path: Path) -> bool:
    """Tell whether a file is a package's face, which defines nothing."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return path.name == "__init__.py" and not any(isinstance(node, ast.ClassDef) for node in body)


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


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, home_with_tiny: Path) -> Path:
    """A home in which everything has been done once: two runs, a ranking, a search."""
    home = tmp_path_factory.mktemp("used")
    data = home / "points.npz"
    shutil.copytree(home_with_tiny, home, dirs_exist_ok=True)
    arrays = {}
    for number, (name, n) in enumerate({"train": 60, "valid": 30, "test": 45}.items()):
        arrays[f"x_{name}"], arrays[f"y_{name}"] = blobs(n, seed=number)
    np.savez(data, **arrays)
    transfer = ["transfer", "tiny", "--data", str(data), "--reuse", "hidden[12]", "--epochs", "1", "--unfreeze", "none"]
    for words in (
        ["rank", "tiny", "--data", str(data)],
        [*transfer, "--no-compare-scratch"],
        [*transfer, "--seed", "1"],
    ):
        started(words, home)
    return home


WITHOUT_TENSORFLOW = [
    ["runs"], ["report", "RUN"], ["compare", "RUN", "OTHER"], ["rank", "tiny", "--data", "DATA"],
    ["rank", "tiny", "--data", "DATA", "--by", "size", "--json"], ["cache", "list"], ["cache", "verify"],
    ["cache", "prune", "--max", "1GB"], ["data", "inspect", "DATA"], ["list"], ["show", "tiny"], ["lineage", "tiny"],
    ["doctor"], ["gc"], ["publish", "RUN", "--as", "copy"],
]  # fmt: skip


@pytest.mark.parametrize("words", WITHOUT_TENSORFLOW, ids=lambda words: " ".join(words))
def test_tensorflow_is_imported_only_where_a_model_computes(words: list[str], used: Path) -> None:
    runs = sorted(path.name for path in (used / "runs").iterdir())
    named = {"RUN": runs[0], "OTHER": runs[1], "DATA": str(used / "points.npz")}
    assert not started([named.get(word, word) for word in words], used) & {"tensorflow", "keras"}


def test_a_second_transfer_imports_nothing_that_it_does_not_use(used: Path) -> None:
    top = ["--top", "5", "--epochs", "1", "--unfreeze", "none", "--no-compare-scratch"]
    loaded = started(["transfer", "tiny", "--data", str(used / "points.npz"), "--reuse", "hidden[12]", *top], used)
    assert "keras" in loaded
    assert not loaded & {"cv2", "matplotlib", "onnxruntime", "pandas", "pyarrow", "scipy", "sklearn", "torch"}


def started(words: list[str], home: Path) -> set[str]:
    """Run a command in a process of its own, as `zoo` does; return the packages that it has imported."""
    program = (
        "import sys\nfrom zoo.app import main\ntry:\n    main()\n"
        "finally:\n    print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=ROOT,
        env=os.environ | {"ZOO_HOME": str(home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return set(ast.literal_eval(done.stderr.strip().splitlines()[-1]))


def begun(path: Path) -> None:
    """Lay down a run that has an epoch and no result yet."""
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write("plan.json", Plan("a@b", "c.npz", "hidden1"))
    folder.write("status.json", Status("interrupted", 0.0))
    folder.log([EpochRow(1, 1, 0.5, 0.5, 0.9)])


def test_a_worker_is_described_without_tensorflow_where_litert_is_not_installed() -> None:
    program = (
        "import sys; sys.modules['ai_edge_litert'] = None; from transfer.cluster.orders import Machine;"
        "print(Machine.this().packages['litert'].split()[0], 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "tensorflow False\n"
