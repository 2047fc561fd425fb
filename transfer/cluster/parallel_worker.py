"""One of the processes that train a phase together. Ray calls its methods in all of them at the same time."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transfer.cluster.orders import ENVIRONMENT, Machine

if TYPE_CHECKING:
    from transfer.cluster.parallel_work import Parcel
    from transfer.fitting.fitted import Epoch
    from transfer.fitting.loop import Loop
    from transfer.fitting.share import Share


@dataclass(frozen=True)
class Progress:
    """How far a phase is: whether it has ended, and the epochs that ran since the last time."""

    stopped: bool
    epochs: tuple[Epoch, ...]


class ParallelWorker:
    """A worker; TensorFlow is imported in it only."""

    def __init__(self) -> None:
        self._share: Share | None = None
        self._loop: Loop | None = None
        self._told = 0

    def process(self) -> int:
        """Return its number in the system."""
        return os.getpid()

    def machine(self) -> Machine:
        """Say where it runs, and with which packages."""
        return Machine.this()

    def address(self) -> str:
        """Return `HOST:PORT` at which the others may reach it: a port that is free at this moment."""
        from ray.util import get_node_ip_address

        host = str(get_node_ip_address())
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as place:
            place.bind((host, 0))
            return f"[{host}]:{place.getsockname()[1]}" if ":" in host else f"{host}:{place.getsockname()[1]}"

    def join(self, rank: int, addresses: list[str], threads: int) -> None:
        """Become one of the group."""
        os.environ |= ENVIRONMENT
        from transfer.cluster.parallel_group import joined

        self._share = joined(rank, addresses, threads)

    def begin(self, parcel: Parcel, saved: dict[str, Any] | None) -> int:
        """Take a phase over, at its beginning or at a saved state; return how many epochs may run at once.

        Raises:
            ZooError: the state is of another phase, or files are not to be read here.
        """
        from transfer.fitting.loop import Loop

        assert self._share is not None
        self._loop = None  # before there are two
        self._loop = Loop(parcel.work(self._share), parcel.least)
        if saved is not None:
            self._loop.restore(saved)
        self._told = 0
        return self._loop.ahead

    def advance(self, many: int) -> Progress:
        """Run some epochs, as all others do."""
        assert self._loop is not None
        self._loop.advance(many)
        return self.progress()

    def progress(self) -> Progress:
        """Say how far it is."""
        assert self._loop is not None
        epochs = self._loop.epochs
        new, self._told = epochs[self._told :], len(epochs)
        return Progress(self._loop.stopped, new)

    def values(self) -> dict[str, Any]:
        """Return all that going on later needs; it is the same in all workers."""
        assert self._loop is not None
        return self._loop.values()
