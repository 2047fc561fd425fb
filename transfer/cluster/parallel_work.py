"""What a phase trains, packed for other processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from transfer.cluster.net import Net
from transfer.cluster.parallel_samples import received, sent
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.share import Share
from transfer.fitting.work import Augmented, Work
from transfer.plan.hyperparameters import Training


@dataclass(frozen=True)
class Parcel:
    """A phase's work (`transfer.fitting.work.Work`), and the validation loss that it begins with."""

    tail: Net
    trunk: Net | None
    splits: dict[str, tuple[tuple[Any, ...], NDArray[Any]]]
    how: Training
    target: Target
    lr: float
    seed: int
    augment: Augmented | None
    views: int
    reused: tuple[str, ...] | None
    least: float

    @classmethod
    def of(cls, work: Work, least: float, folder: Path) -> Parcel:
        """Pack it; what lies in files without a name is copied into a folder first.

        Raises:
            ZooError: there is no room in it.
        """
        splits = {name: (sent(split.arrays, folder), split.labels) for name, split in work.splits.items()}
        trunk = None if work.trunk is None else Net.of(work.trunk)
        return cls(
            Net.of(work.tail), trunk, splits, work.how, work.target, work.lr, work.seed, work.augment, work.views,
            work.reused, least,
        )  # fmt: skip

    def work(self, share: Share) -> Work:
        """Unpack a worker's.

        Raises:
            ZooError: a file is not to be read here.
        """
        splits = {
            name: Features(tuple(received(array) for array in arrays), labels)
            for name, (arrays, labels) in self.splits.items()
        }
        trunk = None if self.trunk is None else self.trunk.model()
        return Work(
            self.tail.model(), splits, self.how, self.target, self.lr, self.seed, trunk, self.augment, self.views,
            self.reused, share,
        )  # fmt: skip
