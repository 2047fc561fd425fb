"""What a depth search found, as a value that is kept: a transfer of the same model and data shows it in its report."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from registry.errors import ZooError
from registry.home import make_folder
from registry.whole import whole

if TYPE_CHECKING:
    from transfer.depths.search import Depth, Found, Search

RECORD = "depths.json"  # in a run's folder


@dataclass(frozen=True)
class CutFound:
    """What a search found of one cut.

    Attributes:
        cut: the layer whose output is cached.
        parameters: how many are frozen below.
        probe: the closed-form probe's score on left-out samples.
        valid, valid_ci95: what training reached on the validation split; None where it was not trained to the end.
        epochs: of training, be it given up; of all seeds together.
        seconds: for probing and training.
    """

    cut: str
    parameters: int
    probe: float
    valid: float | None = None
    valid_ci95: tuple[float, float] | None = None
    epochs: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class DepthRecord:
    """A search: of which model (with its revision), on which data, by which measure, and what it found.

    Attributes:
        cuts: the one nearest the input first; `best` is a place among them.
        samples: how many training samples the probes saw.
        seconds: for all.
    """

    model: str
    data: str
    fingerprint: str
    measure: str
    cuts: tuple[CutFound, ...]
    best: int
    samples: int
    seconds: float


def record(depth: Depth, search: Search) -> DepthRecord:
    """Return what is kept of a search."""
    from transfer.evaluate import MEASURES

    plan, data = depth.plan, depth.data
    return DepthRecord(
        plan.model, plan.data, data.fingerprint, MEASURES[data.target.kind], tuple(map(_cut, search.found)),
        search.best, search.probed, search.seconds,
    )  # fmt: skip


def keep(folder: Path, found: DepthRecord) -> None:
    """Write a search into the folder of searches, over an earlier one of the same model and data."""
    path = make_folder(folder) / _name(found.model, found.fingerprint)
    try:
        with whole(path) as temporary:
            temporary.write_bytes(msgspec.json.encode(found))
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}", "set ZOO_HOME to a writable folder") from error


def kept(folder: Path, model: str, fingerprint: str) -> DepthRecord | None:
    """Return the last search of a model, `NAME@REVISION`, on data of that fingerprint; None where there was none."""
    path = folder / _name(model, fingerprint)
    return read(path) if path.exists() else None


def read(path: Path) -> DepthRecord:
    """Read a search.

    Raises:
        ZooError: the file is broken.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=DepthRecord)
    except (OSError, msgspec.DecodeError) as error:
        raise ZooError(f"{path} cannot be read: {error}", "remove it; zoo search-depth makes it anew") from error
    if not 0 <= found.best < len(found.cuts):
        raise ZooError(f"{path} has no cut of number {found.best}", "remove it; zoo search-depth makes it anew")
    return found


def _name(model: str, fingerprint: str) -> str:
    """Name a search's file by the model's revision, whatever the model is called, and its data."""
    revision = model.rpartition("@")[2]
    return f"{hashlib.sha256(f'{revision} {fingerprint}'.encode()).hexdigest()[:16]}.json"


def _cut(one: Found) -> CutFound:
    valid = one.valid
    return CutFound(
        one.cut.at, one.cut.parameters, one.probe.score.accuracy, valid.accuracy if valid else None,
        valid.ci95 if valid else None, sum(each.epochs for each in one.trained) or one.tried, one.seconds,
    )  # fmt: skip
