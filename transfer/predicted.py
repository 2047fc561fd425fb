"""`predictions.npz` of a run: what its model says of each test sample, and the worst mistakes. Pure: NumPy only."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from registry.whole import whole

PREDICTIONS = "predictions.npz"
MOST = 24  # mistakes
SIDE = 64  # pixels, of a picture's longer side
TEXT = 600  # characters, of a row


@dataclass(frozen=True)
class Mistake:
    """A sample of which the model says something else than its label.

    Attributes:
        row: its position in the split.
        loss: of this sample, as `transfer.mistakes.losses` has it.
        where: what it is called: a file's path, a table's line.
        text: of a table's row the values, `name = value` a line; else empty.
        picture: `(h, w, 1 or 3) uint8`, at most `SIDE` pixels a side; None where it is no image.
    """

    row: int
    loss: float
    where: str
    text: str = ""
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Predictions:
    """What a run's model says of a split.

    Attributes:
        split: `test`; `valid` where there are no test data.
        outputs: `(n, k) float32`.
        labels: `(n,) int64` or `(n, k) float32`, as `transfer.data.dataset.Split` has them.
        worst: the mistakes with the highest loss, the worst first.
        samples: the fingerprint of the samples (`transfer.data.dataset.Split.fingerprint`); empty in runs of earlier
            versions.
    """

    split: str
    outputs: NDArray[np.float32]
    labels: NDArray[Any]
    worst: tuple[Mistake, ...] = ()
    samples: str = ""


def write(folder: Path, said: Predictions) -> None:
    """Write the file into a run's folder, whole or not at all."""
    worst = said.worst
    arrays: dict[str, NDArray[Any]] = {
        "split": np.array(said.split), "samples": np.array(said.samples),
        "outputs": said.outputs.astype(np.float32), "labels": said.labels,
        "rows": np.array([one.row for one in worst], np.int64), "losses": np.array([one.loss for one in worst]),
        "where": np.array([one.where for one in worst], np.str_),
        "text": np.array([one.text for one in worst], np.str_),
    }  # fmt: skip
    arrays |= {f"picture{place}": one.picture for place, one in enumerate(worst) if one.picture is not None}
    try:
        with whole(folder / PREDICTIONS) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise ZooError(f"cannot write {folder / PREDICTIONS}: {error}") from error


def read(folder: Path) -> Predictions | None:
    """Read the file back; None where the run has none, as those of earlier versions.

    Raises:
        ZooError: it is broken.
    """
    path = folder / PREDICTIONS
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            worst = tuple(_mistakes(arrays))
            samples = str(arrays.get("samples", ""))
            said = Predictions(str(arrays["split"]), arrays["outputs"], arrays["labels"], worst, samples)
    except (OSError, ValueError, KeyError, EOFError, IndexError, zipfile.BadZipFile) as error:
        raise ZooError(f"{path} cannot be read: {error}", "remove it: the report is then made without it") from error
    if said.outputs.ndim != 2 or len(said.outputs) != len(said.labels):
        raise ZooError(
            f"{path} holds outputs {said.outputs.shape} for labels {said.labels.shape}; expected one row a label",
            "remove it: the report is then made without it",
        )
    return said


def _mistakes(arrays: Any) -> Iterator[Mistake]:
    columns = (arrays[name] for name in ("rows", "losses", "where", "text"))
    for place, (row, loss, where, text) in enumerate(zip(*columns, strict=True)):
        name = f"picture{place}"
        yield Mistake(int(row), float(loss), str(where), str(text), arrays.get(name))
