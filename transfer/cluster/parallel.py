"""What trains a phase in a cluster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from registry.watch import Watch, silent
from transfer.cluster.cluster import Cluster
from transfer.cluster.connecting import connected, used
from transfer.cluster.parallel_crew import Crew
from transfer.cluster.parallel_loop import ParallelLoop
from transfer.fitting.fit import Opened
from transfer.fitting.loop import Loop


@contextmanager
def opened(cluster: Cluster, batch: int, folder: Path, watch: Watch = silent) -> Iterator[Opened]:
    """Give what makes the loop of a phase in a cluster; its workers end with the context.

    Args:
        cluster: where.
        batch: samples a step: there are no more workers than that.
        folder: where samples may be laid that are too large for memory.
        watch: where to report that they are started.

    Raises:
        ZooError: the cluster cannot be reached, or is too small.
    """
    with used(cluster):
        many = min(connected(cluster), batch)
        if many == 1:
            yield Loop
            return
        crew = Crew(many, watch)
        try:
            yield partial(ParallelLoop, crew, folder)
        finally:
            crew.end()
            shutil.rmtree(folder, ignore_errors=True)
