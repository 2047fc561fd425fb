"""The processes that train together: started by Ray, asked all at once, and started anew where one is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.cluster.connecting import imported
from transfer.cluster.orders import Machine
from transfer.cluster.parallel_worker import ParallelWorker
from transfer.engines.table import TENSORFLOW
from transfer.files.shown import last_line

FOUND = 120.0  # seconds in which a cluster finds room for the workers
THREADS = 1  # a worker has one CPU


class LostError(Exception):
    """A worker is gone, or cannot reach another one."""


class Crew:
    """So many workers of the cluster that this process has joined."""

    def __init__(self, many: int, watch: Watch = silent) -> None:
        self.many, self._watch = many, watch
        self._ray = imported()
        self._workers: list[Any] = []

    @property
    def processes(self) -> list[int]:
        """Their numbers in the system."""
        return list(self.ask("process"))

    def start(self) -> None:
        """Start them, unless they are there, and let them find each other.

        Raises:
            ZooError: the cluster has no room for them, or a machine has other versions of what computes.
            LostError: one is lost already.
        """
        if self._workers:
            return
        self._watch("start workers", 0, self.many)
        kind = self._ray.remote(ParallelWorker).options(num_cpus=THREADS, max_restarts=0, scheduling_strategy="SPREAD")
        self._workers = [kind.remote() for _ in range(self.many)]
        addresses, ours = self._done([worker.address.remote() for worker in self._workers], FOUND), Machine.this()
        for theirs in self.ask("machine"):
            ours.check(theirs, TENSORFLOW)
        self._done([worker.join.remote(rank, addresses, THREADS) for rank, worker in enumerate(self._workers)])
        self._watch("start workers", self.many, self.many)

    def ask(self, what: str, *given: Any) -> list[Any]:
        """Call a method of all of them, and return what each says.

        Raises:
            LostError: one of them is gone.
            ZooError: what one of them found.
        """
        return self._done([getattr(worker, what).remote(*given) for worker in self._workers])

    def first(self, what: str) -> Any:
        """Call a method of the first of them."""
        return self._done([getattr(self._workers[0], what).remote()])[0]

    def shared(self, value: Any) -> Any:
        """Put a value where all of them find it, once."""
        return self._ray.put(value)

    def end(self) -> None:
        """End them, in whatever they are."""
        for worker in self._workers:
            self._ray.kill(worker, no_restart=True)
        self._workers = []

    def _done(self, calls: Sequence[Any], seconds: float | None = None) -> list[Any]:
        """Wait for calls; the first that fails counts, since the others may wait for it."""
        left = list(calls)
        while left:
            done, left = self._ray.wait(left, num_returns=1, timeout=seconds)
            if not done:
                raise ZooError(
                    f"the cluster found no room for {self.many} workers within {seconds:.0f} s",
                    "take fewer: --workers N; ray status, on a machine of the cluster, shows what is in use",
                )
            self._got(done)
        return self._got(calls)

    def _got(self, calls: Sequence[Any]) -> list[Any]:
        errors = self._ray.exceptions
        try:
            return list(self._ray.get(list(calls)))
        except errors.RayTaskError as error:
            if isinstance(error.cause, ZooError):
                raise error.cause from None
            if isinstance(error.cause, (errors.RaySystemError, ImportError)):
                raise _unlike(error) from error
            if _of_network(error.cause):
                raise LostError(str(error.cause)) from error
            raise
        except errors.ActorDiedError as error:
            raise (_unlike(error) if "creation task" in str(error) else LostError(str(error))) from error
        except (errors.RayActorError, errors.RaySystemError, errors.ObjectLostError) as error:
            raise LostError(str(error)) from error


def _unlike(error: Exception) -> ZooError:
    """Say that a machine does not know what it is sent."""
    return ZooError(
        f"a machine of the cluster cannot take the work over: {last_line(error)}",
        "install the same versions of zoo, TensorFlow and Keras on all machines of the cluster",
    )


def _of_network(cause: object) -> bool:
    """Tell whether TensorFlow says that another process cannot be reached, or that it gave up because of that."""
    import tensorflow as tf

    kinds = tf.errors
    gone = kinds.UnavailableError, kinds.AbortedError, kinds.CancelledError, kinds.DeadlineExceededError
    return isinstance(cause, (*gone, kinds.UnknownError))  # the last where a port was taken meanwhile
