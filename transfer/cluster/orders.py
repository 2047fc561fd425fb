"""What a worker is told, and what it answers. Imports neither TensorFlow nor Ray."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.data.records import Digests, Rows
from transfer.engines.choice import Choice

# Of each worker, before TensorFlow is imported in it.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}


@dataclass(frozen=True)
class Machine:
    """Where a process runs: its host, its working folder, and the packages that decide what numbers come out."""

    host: str
    folder: str
    packages: Mapping[str, str]

    @classmethod
    def this(cls) -> Machine:
        """Describe this process."""
        from transfer.engines.table import BACKENDS
        from transfer.environment import environment

        versions = {backend.name: backend.version for backend in BACKENDS}
        return cls(platform.node(), os.getcwd(), {**environment().packages, **versions})  # noqa: PTH109  as text

    def check(self, other: Machine, backend: str) -> None:
        """Refuse a machine on which features or gradients would come out otherwise.

        Raises:
            ZooError: it has other versions of what computes them.
        """
        for name in ("zoo", "tensorflow", "keras", "numpy", backend):
            here, there = self.packages.get(name, ""), other.packages.get(name, "")
            if here != there:
                theirs = (there if " " in there else f"{name} {there}") if there else f"no {name}"
                raise ZooError(
                    f"the worker on {other.host} has {theirs}; this machine has {here or 'none'}",
                    "install the same on all machines",
                )


@dataclass(frozen=True)
class Cut:
    """A key that is extracted for: its folder's name, what its files repeat, and what its tensors are called."""

    key: str
    parts: Mapping[str, str]
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """A pass, as a worker does pieces of it.

    Attributes:
        trunk: which of the trunks.
        feed: packed, a reference to it in Ray's object store.
        choice: the engine and the batches, as the driver chose them.
        cuts: in the trunk's order.
        stage: what the pass is called.
    """

    trunk: int
    feed: Any
    choice: Choice
    cuts: tuple[Cut, ...]
    stage: str


@dataclass(frozen=True)
class Orders:
    """What all workers are told when they start.

    Attributes:
        works: the passes.
        trunks: references to them, packed (`transfer.cluster.net.Net`).
        root: the driver's cache.
        disk: what is written on the disk that it lies on, by which a worker knows it.
        shared: `transfer.shared_shards.SharedShards`, or None.
        driver: where the driver runs.
        tally: the actor that counts how often a piece was begun.
    """

    works: tuple[Work, ...]
    trunks: tuple[Any, ...]
    root: Path
    disk: str
    shared: Any
    driver: Machine
    tally: Any


@dataclass(frozen=True)
class Order:
    """A piece: its number, the pass that it is of, all its rows, and of each cut the rows that lack, with digests."""

    number: int
    work: int
    rows: Rows
    lacks: tuple[tuple[Rows, Digests], ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a piece.

    Attributes:
        number: the order's.
        files: `KEY/NAME` each.
        error: why there are none, and what to do about it.
        trace: where it went wrong, if that is a mistake in the program.
        process: that did it, by its number in the system.
        began, ended: when it extracted, in Unix seconds, without making the trunk ready; 0 where it did not.
    """

    number: int
    files: tuple[str, ...] = ()
    error: tuple[str, str] | None = None
    trace: str = ""
    process: int = 0
    began: float = 0.0
    ended: float = 0.0
