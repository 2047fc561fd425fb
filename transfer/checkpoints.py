"""What a run needs to be gone on with: the phases that are done, their weights, and the state of the one that is not.

In a run's folder lie `phases.json`, the phases that are done; `phases/N.safetensors`, all variables of the model as
phase N left it, with the best epoch's weights (`phases/0` is the control from scratch); and, of a phase that was not
finished, `phases/unfinished.safetensors`, everything that its loop held between two epochs. Each file is written
beside its place and renamed, so it is whole or not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from registry.errors import ZooError
from registry.whole import whole
from transfer.result import PhaseResult
from transfer.runs import RunFolder

DONE, FOLDER, UNFINISHED = "phases.json", "phases", "unfinished.safetensors"
State = Mapping[str, NDArray[Any]]


class Checkpoints:
    """The files of one run by which it can be resumed."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    @property
    def _folder(self) -> Path:
        return self._run.path / FOLDER

    def done(self) -> dict[int, PhaseResult]:
        """Return the phases that are done, by number in order; that of the control from scratch is 0."""
        path = self._run.path / DONE
        if not path.exists():
            return {}
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[int, PhaseResult])
        except (OSError, msgspec.DecodeError) as error:
            raise _broken(path, error) from error

    def end(self, number: int, phase: PhaseResult, model: Any) -> None:
        """Record that a phase is done, with the model as it left it.

        Raises:
            ZooError: the files cannot be written.
        """
        state = {str(place): variable.numpy() for place, variable in enumerate(model.variables)}
        self._save(f"{number}.safetensors", state, number)
        try:
            self._run.write(DONE, {**self.done(), number: phase})
        except OSError as error:
            raise _unwritable(self._run.path / DONE, error) from error
        (self._folder / UNFINISHED).unlink(missing_ok=True)

    def restore(self, number: int, model: Any) -> None:
        """Give a model the variables that a phase left.

        Raises:
            ZooError: the file is broken, or of another model.
        """
        path = self._folder / f"{number}.safetensors"
        arrays = _load(path)
        variables = model.variables
        if [tuple(arrays.get(str(n), np.zeros(0)).shape) for n in range(len(arrays))] != [
            tuple(variable.shape) for variable in variables
        ]:
            raise _broken(path, ValueError("it holds the variables of another model"))
        for place, variable in enumerate(variables):
            variable.assign(arrays[str(place)])

    def save(self, number: int, state: State) -> None:
        """Keep the state of a phase that is under way.

        Raises:
            ZooError: the file cannot be written.
        """
        self._save(UNFINISHED, state, number)

    def unfinished(self, number: int) -> State | None:
        """Return the state of a phase as `save` got it; None where that phase had not begun."""
        path = self._folder / UNFINISHED
        if not path.exists():
            return None
        arrays = _load(path)
        with safe_open(path, framework="numpy") as file:
            return arrays if (file.metadata() or {}).get("phase") == str(number) else None

    def _save(self, name: str, state: State, number: int) -> None:
        folder = self._folder
        try:
            folder.mkdir(exist_ok=True)
            arrays = {key: np.asarray(array, order="C") for key, array in state.items()}
            with whole(folder / name) as temporary:
                save_file(arrays, temporary, metadata={"phase": str(number)})
        except (OSError, SafetensorError) as error:
            raise _unwritable(folder / name, error) from error


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> ZooError:
    run = path.parent.name if path.name == DONE else path.parent.parent.name
    return ZooError(f"{path} cannot be read: {error}", f"the run cannot be resumed; begin it anew: zoo replay {run}")


def _unwritable(path: Path, error: Exception) -> ZooError:
    return ZooError(f"cannot write {path}: {error}", "free some space, or set ZOO_HOME to a folder that has some")
