"""What a reader of data would have found: numbers as samples, so that each can be told from the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from transfer.data.arrays.samples import ArraySamples
from transfer.data.assemble import assemble
from transfer.data.dataset import Dataset
from transfer.data.kinds import read_files
from transfer.data.reading import Reading
from transfer.data.records import Found, Records


def records(
    labels: Any, names: tuple[str, ...] = (), groups: Any = None, start: int = 0, called: str = "d.npz", x: Any = None
) -> Records:
    """Number samples from `start` on, a float each, with labels; `x` are other samples."""
    labels = None if labels is None else np.array(labels)
    count = len(x) if labels is None else len(labels)
    samples = np.arange(start, start + count, dtype=np.float32)[:, None] if x is None else np.array(x, np.float32)
    return Records(
        ArraySamples.of(samples, called), labels, names, None if groups is None else np.array(groups, np.str_)
    )


def found(labels: Any = None, **parts: Records) -> Found:
    """Data that are not split, by their labels; or the records of splits."""
    return Found("d.npz", "arrays", {"all": records(labels)} if labels is not None else parts)


def drawn(split: Any) -> list[int]:
    """The numbers that a split's samples are."""
    return [int(value) for value in np.asarray(split.samples.take(np.arange(len(split))))[:, 0]]


def data_set(path: Path, ref: str = "", classes: tuple[str, ...] | None = None, **how: Any) -> Dataset:
    """Read a file as the commands do."""
    return assemble(read_files(path, ref or str(path), Reading(**how), None), Reading(**how), classes)
