"""What a reader of data gives: samples that are not yet in a model's form, their labels, and where each came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Digests = NDArray[np.uint8]


@runtime_checkable
class Samples(Protocol):
    """Samples in the form in which they lie there: arrays, encoded images, rows of a table.

    Nothing of them needs to be in memory. What turns them into a model's input is a `transfer.feeding.Feed`.
    """

    def __len__(self) -> int:
        """How many there are."""
        ...

    def rows(self, chosen: Rows) -> Samples:
        """Return some of them, in the order of `chosen`."""
        ...

    def where(self, row: int) -> str:
        """Say where a sample came from, for an error: `photos/cat/1.jpg`, `table.csv, row 17`."""
        ...

    @property
    def digests(self) -> Digests:
        """The sha256 of each sample's content, `(n, 32) uint8`: all bytes that can reach a model, no names or times."""
        ...


@dataclass(frozen=True)
class Records:
    """Samples with their labels as they were found.

    Attributes:
        samples: not yet in a model's form.
        labels: `(n,)` integers, floats or texts; `(n, k)` for several labels a sample, 0 or 1 each; None where the
            data carry none (to predict).
        names: of the labels' columns where they are `(n, k)`; of an integer label's values where these are known
            (`classes` of a hub's data set), in their order. Empty otherwise.
        groups: `(n,)` texts: samples of one group stay in one split; None where there are no groups.
    """

    samples: Samples
    labels: NDArray[Any] | None
    names: tuple[str, ...] = ()
    groups: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def rows(self, chosen: Rows) -> Records:
        """Return some of them, in the order of `chosen`."""
        labels = None if self.labels is None else self.labels[chosen]
        groups = None if self.groups is None else self.groups[chosen]
        return replace(self, samples=self.samples.rows(chosen), labels=labels, groups=groups)


@dataclass(frozen=True)
class Broken:
    """A sample that cannot be read: where it lies, and why."""

    where: str
    why: str


@dataclass(frozen=True)
class Found:
    """All that a reader found.

    Attributes:
        ref: what the data are called in results.
        kind: `images`, `table` or `arrays`.
        parts: by split, `train`, `valid`, `test`, where the data are split already; else one part, `all`.
        broken: what was left out because it cannot be read; only with `Reading.skip_broken`, else it is an error.
        remarks: what a person should know of how the data were taken, a sentence each.
    """

    ref: str
    kind: str
    parts: Mapping[str, Records]
    broken: tuple[Broken, ...] = ()
    remarks: tuple[str, ...] = ()
