"""A worker: an actor in a process of its own, which holds the trunk and extracts pieces; TensorFlow comes later."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.watch import silent
from transfer.cluster.disk import is_disk
from transfer.cluster.orders import ENVIRONMENT, Machine, Order, Orders, Outcome, Work
from transfer.cluster.placed import ALL_SEE

TRIES = 3  # of one piece, after each of which the worker was gone


class Tally:
    """An actor that counts how often each piece was begun: one that kills its workers is given up."""

    def __init__(self) -> None:
        self._begun: dict[int, int] = {}

    def begin(self, number: int) -> int:
        """Count a beginning, and return how many there were."""
        self._begun[number] = self._begun.get(number, 0) + 1
        return self._begun[number]


class Worker:
    """What Ray Data calls for each piece. An error that a user can put right is an answer, and not tried again."""

    def __init__(self, orders: Orders) -> None:
        self._orders, self._machine = orders, Machine.this()
        self._engines: dict[int, Any] = {}
        self._feeds: dict[int, Any] = {}
        self._trunks: dict[int, Any] = {}
        self._began = 0.0
        with suppress(OSError):  # paths may be relative, as the user gave them
            os.chdir(orders.driver.folder)
        self._here = is_disk(orders.root, orders.disk)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do a piece."""
        order: Order = pickle.loads(row["order"])
        try:
            self._check(order)
            files = self._done(order)
            outcome = Outcome(order.number, files, process=os.getpid(), began=self._began, ended=time.time())
        except ZooError as error:
            outcome = Outcome(order.number, error=self._told(error))
        except Exception:  # Ray would not say what it was
            outcome = Outcome(order.number, trace=traceback.format_exc())
        return {"outcome": pickle.dumps(outcome)}

    def _check(self, order: Order) -> None:
        orders, work = self._orders, self._orders.works[order.work]
        orders.driver.check(self._machine, work.choice.backend)
        if not self._here and orders.shared is None:
            raise ZooError(
                f"the worker on {self._machine.host} does not see the feature cache {orders.root}",
                "set ZOO_HOME to a folder on a disk that all machines see, or ZOO_CACHE=s3://bucket/features",
            )
        if _got(orders.tally.begin.remote(order.number)) > TRIES:
            first, last = int(order.rows[0]), int(order.rows[-1])
            raise ZooError(
                f"{work.stage}: {TRIES} workers were lost, one after the other, at the samples {first:,} to {last:,}",
                "is there too little memory? --workers N takes fewer a machine; --engine local shows what happens",
            )

    def _done(self, order: Order) -> tuple[str, ...]:
        with self._folder() as root:
            files = self._extracted(order, root)
            if self._orders.shared is not None:
                for path in files:
                    self._orders.shared.put(path)
        return tuple(f"{path.parent.name}/{path.name}" for path in files)

    def _extracted(self, order: Order, root: Path) -> list[Path]:
        """Extract what of a piece no file on this disk has: a worker that was killed may have left a part."""
        _single_threaded()  # before anything else imports TensorFlow
        from transfer.cache_files import name_of
        from transfer.cache_opened import begun
        from transfer.extracting import Lack, Pass

        work = self._orders.works[order.work]
        lacks, complete = [], []
        for cut, (rows, samples) in zip(work.cuts, order.lacks, strict=True):
            folder = root / cut.key
            if len(rows) and (folder / name_of(samples)).exists():
                complete.append(folder / name_of(samples))
                rows, samples = rows[:0], samples[:0]
            done = begun(folder, samples)
            lacks.append(Lack(folder, cut.parts, cut.scopes, rows[done:], samples[done:]))
        if not any(len(lack.rows) for lack in lacks):
            return complete
        ready, self._began = self._ready(order.work, work), time.time()
        return [*complete, *Pass(None, ready, self._feed(order.work, work), tuple(lacks), work.stage).run(silent)]

    def _ready(self, number: int, work: Work) -> Any:
        if number not in self._engines:
            from transfer.engines.extractor import Ready
            from transfer.engines.table import backend_of

            feed, trunk = self._feed(number, work), self._trunk(work.trunk)
            self._engines[number] = Ready(backend_of(work.choice.backend).build(trunk, feed), work.choice)
        return self._engines[number]

    def _feed(self, number: int, work: Work) -> Any:
        if number not in self._feeds:
            self._feeds[number] = _got(work.feed).unpacked()
        return self._feeds[number]

    def _trunk(self, number: int) -> Any:
        if number not in self._trunks:
            self._trunks[number] = _got(self._orders.trunks[number]).model()
        return self._trunks[number]

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """Give the cache where this machine has it, else a folder that is there until the files have been shared."""
        if self._here:
            yield self._orders.root
        else:
            with tempfile.TemporaryDirectory(prefix="zoo-") as name:
                yield Path(name)

    def _told(self, error: ZooError) -> tuple[str, str]:
        if self._here or self._machine.host == self._orders.driver.host:
            return error.message, error.hint
        return f"{error.message} (on {self._machine.host})", f"{error.hint}; {ALL_SEE}" if error.hint else ALL_SEE


def _got(reference: Any) -> Any:
    import ray

    return ray.get(reference)


def _single_threaded() -> None:
    """Import TensorFlow, and let everything that this process computes use one thread."""
    if "tensorflow" not in sys.modules:
        os.environ |= {**ENVIRONMENT, "ZOO_THREADS": "1"}
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
