"""Read a `.tflite` file: its graph, then the model, then the proof."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.errors import ZooError
from registry.watch import Watch
from transfer.imported import Imported
from transfer.importers.tflite.convert import converted
from transfer.importers.tflite.file import Lite, loaded
from transfer.importers.tflite.flatbuffer import BrokenError
from transfer.importers.tflite.proof import compared, rounds
from transfer.importers.tflite.runtime import Runtime
from transfer.importers.tied import tied

FORMAT = "tflite"
ROUNDED = (
    "its weights are whole numbers, which the interpreter multiplies after rounding what comes in; the model computes "
    "with the real numbers that they stand for, so the two are not compared"
)


@dataclass(frozen=True)
class _Proof:
    largest: float | None = None
    relative: float | None = None
    by: str = ""
    notes: tuple[str, ...] = ()


def read(path: Path, compare: bool, seed: int, watch: Watch) -> Imported:
    """Import the main graph of a file; see the package's `read`."""
    watch("read", 0, 2, path.name)
    lite = loaded(path)
    try:
        model, mapped, notes = converted(lite, str(path))
    except BrokenError as error:
        raise ZooError(f"{path} is damaged: {error}", "download or convert the file again") from error
    watch("read", 1, 2, "comparing" if compare else "")
    proof = _proof(path, lite, model, seed) if compare else _Proof()
    watch("read", 2, 2)
    return Imported(
        model, FORMAT, mapped, max_abs_difference=proof.largest, max_rel_difference=proof.relative,
        compared_with=proof.by, notes=(*notes, *tied(mapped), *proof.notes),
    )  # fmt: skip


def _proof(path: Path, lite: Lite, model: object, seed: int) -> _Proof:
    if rounds(lite):
        return _Proof(notes=(ROUNDED,))
    runtime = Runtime.found()
    if runtime is None:
        return _Proof(notes=("nothing here can run the file: pip install 'zoo[tflite]'",))
    difference = compared(path, lite, model, runtime, seed)
    return _Proof(difference.largest, difference.relative, runtime.name)
