"""Run a foreign file in its own runtime, in a process apart: a damaged file can crash that runtime, and what runs it.

The child executes this module as a script. It imports NumPy, and one module of ours by its path, whose `run` imports
the runtime and nothing else of ours; so it starts in about a second. Arrays go through files, names through JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Batch = Sequence[NDArray[Any]]
GIVEN, MADE, SETTINGS, SAID = "given.npz", "made.npz", "settings.json", "said.json"
ROOM = 8 << 30  # bytes that a child may take, and four times the file's size; nothing that is compared needs as much
SMALL, QUICK = 10_000_000, 9.0  # bytes of a file that is not waited for longer, and seconds; start and end included
CRASHED = "it ends unexpectedly"


class RunError(Exception):
    """A runtime does not do what it was asked for; the message says why, without the file's name."""


class CrashError(RunError):
    """The process ended without a word: the file is damaged, or worse."""


class UnfinishedError(RunError):
    """It was stopped: by the time limit, or from outside, as a system does that has no memory left."""


@dataclass(frozen=True)
class Answer:
    """What a runtime computed.

    Attributes:
        version: the runtime's.
        batches: the outputs for each batch of inputs.
    """

    version: str
    batches: list[list[NDArray[Any]]]


def apart(
    module: Path,
    path: Path,
    settings: Mapping[str, Any],
    batches: Sequence[Batch],
    patience: float,
    size: int | None = None,
) -> Answer:
    """Run a module's `run(path, settings, batches)` in a process of its own.

    Args:
        module: the module's file; `run` returns the runtime's version and a list of outputs for each batch.
        path: the foreign file, which the child reads itself.
        settings: names and numbers, as JSON holds them.
        batches: of inputs.
        patience: seconds for all of them; for a small file `QUICK` at most.
        size: bytes of the weights, where not all of them are in the file.

    Raises:
        RunError: the runtime refuses the file.
        CrashError: it crashes.
        UnfinishedError: it does not end in time, or is killed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = path.stat().st_size if size is None else size
        patience = min(patience, QUICK) if held < SMALL else patience
        room = ROOM + 4 * held
        asked = {"settings": dict(settings), "sizes": [len(one) for one in batches], "room": room}
        (folder / SETTINGS).write_text(json.dumps(asked))
        _save(folder / GIVEN, [array for batch in batches for array in batch])
        _wait(_command(module, path, folder), patience)
        said = json.loads((folder / SAID).read_text()) if (folder / SAID).is_file() else {}
        if "error" in said:
            raise RunError(said["error"])
        if "sizes" not in said:
            raise CrashError(CRASHED)
        return Answer(said["version"], _load(folder / MADE, said["sizes"]))


def _command(module: Path, path: Path, folder: Path) -> list[str]:
    # -P: this folder has packages that are called like the runtimes.
    return [sys.executable, "-P", __file__, str(module), str(path.absolute()), str(folder)]


def _wait(command: list[str], patience: float) -> None:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    nothing = subprocess.DEVNULL
    try:
        code = subprocess.run(
            command, env=environment, timeout=patience, check=False, stdin=nothing, stdout=nothing, stderr=nothing
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise UnfinishedError(f"it does not end within {patience:.0f} seconds") from error
    if code == -signal.SIGKILL:
        raise UnfinishedError("it was killed; memory may be short")
    if code < 0:
        raise CrashError(f"{CRASHED} ({signal.Signals(-code).name})")


def _save(path: Path, arrays: Batch) -> None:
    if any(array.dtype.hasobject for array in arrays):
        raise TypeError("it makes something else than numbers")
    np.savez(path, **{str(number): array for number, array in enumerate(arrays)})  # type: ignore[arg-type]


def _load(path: Path, sizes: Sequence[int]) -> list[list[NDArray[Any]]]:
    with np.load(path, allow_pickle=False) as held:
        arrays = iter([held[str(number)] for number in range(sum(sizes))])
    return [[next(arrays) for _ in range(size)] for size in sizes]


def answer(module: str, path: str, folder: str) -> None:
    """Run a module on the inputs in a folder, and write there what it makes: in the child."""
    here = Path(folder)
    try:
        asked = json.loads((here / SETTINGS).read_text())
        _bound(asked["room"])
        version, made = _loaded(module).run(path, asked["settings"], _load(here / GIVEN, asked["sizes"]))
        _save(here / MADE, [np.asarray(array) for batch in made for array in batch])
        said: dict[str, Any] = {"version": version, "sizes": [len(batch) for batch in made]}
    except Exception as error:  # every runtime has exceptions of its own
        said = {"error": " ".join((str(error).strip() or type(error).__name__).split())[:300]}
    (here / SAID).write_text(json.dumps(said))


def _bound(room: int) -> None:
    """Bound the memory that this process may take, where the system can."""
    if util.find_spec("resource") is not None:
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (room if most < 0 else min(room, most), most))


def _loaded(module: str) -> Any:
    spec = util.spec_from_file_location("runs_apart", module)
    assert spec is not None and spec.loader is not None
    found = util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


if __name__ == "__main__":
    answer(*sys.argv[1:])
