"""Extraction by the workers of a Ray cluster: pieces as the rows of a Ray Data stage, whose actors hold the trunk.

An engine and its batches are chosen here, as without a cluster, and held to by all workers; pieces end where batches
do. So features are the same bytes wherever they come from.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from registry.watch import Watch
from transfer.cache_dtypes import CACHE_DTYPES, FLOAT32
from transfer.cache_opened import rests
from transfer.cluster.cluster import Cluster
from transfer.cluster.connecting import connected, imported
from transfer.cluster.disk import MARK, disk_of
from transfer.cluster.net import Net
from transfer.cluster.orders import Cut, Machine, Order, Orders, Outcome, Work
from transfer.cluster.pieces import Piece, pieces
from transfer.cluster.travel import Packed, packed
from transfer.cluster.worker import Tally, Worker
from transfer.digest_index import Index
from transfer.extracting import Pass
from transfer.files.shown import first_line, last_line
from transfer.shared_shards import SharedShards

STARTED = 300  # seconds in which all workers start


def extract(cluster: Cluster, passes: Sequence[Pass], root: Path, shared: SharedShards | None, watch: Watch) -> int:
    """Carry passes out, all of their pieces together; return how many samples.

    Args:
        cluster: whose workers do it.
        passes: each with its engine chosen.
        root: the cache's folder, in which the files are at the end.
        shared: where workers that do not see it put their files.
        watch: is told of each piece that is done, in samples.

    Raises:
        ZooError: a sample is broken, a file cannot be written, or workers cannot be used; what was done is kept.
    """
    if not passes:
        return 0
    workers = connected(cluster)
    parts = [piece for work, one in enumerate(passes) for piece in _pieces(work, one, workers)]
    done, total = [0] * len(passes), [len(one.rows) for one in passes]
    watch("start workers", 0, workers)
    with closing(_outcomes(_orders(passes, root, shared), parts, passes, min(workers, len(parts)))) as outcomes:
        for outcome in outcomes:
            if outcome.error is not None:
                raise ZooError(*outcome.error)
            if outcome.trace:
                raise RuntimeError(f"a worker failed:\n{outcome.trace}")
            for file in outcome.files:
                if not (root / file).exists():
                    _fetch(root / file, root, shared)
            if not any(done):
                watch("start workers", workers, workers)
            work = parts[outcome.number].work
            done[work] += len(parts[outcome.number].rows)
            watch(passes[work].stage, done[work], total[work])
    return sum(total)


def _fetch(path: Path, root: Path, shared: SharedShards | None) -> None:
    if shared is None:
        raise ZooError(
            f"a worker has written {path}, and it is not here",
            f"{root} lies on another disk there: is one a copy of the other? rm {root / MARK} here tells them apart",
        )
    shared.fetch_one(path)


def _pieces(work: int, one: Pass, workers: int) -> list[Piece]:
    """Part a pass; what files that were left lack comes first, as the rows of the feed that it is."""
    left = list[Any]()
    for lack in one.lacks:
        index = Index(lack.samples)
        found = [index.find(rest) for rest in rests(lack.folder)]
        left += [lack.rows[rows] for rows in found if len(rows) and (rows >= 0).all()]
    return pieces(work, one.rows, left, workers, _width(one))


def _width(one: Pass) -> int:
    """Return how many bytes a sample's features take; an axis of any length counts 64."""
    sizes = [math.prod(size or 64 for size in tensor.shape[1:]) for tensor in one.trunk.outputs]
    return CACHE_DTYPES[one.lacks[0].parts.get("dtype", FLOAT32)] * sum(sizes)


def _orders(passes: Sequence[Pass], root: Path, shared: SharedShards | None) -> Orders:
    """Put what all workers need into the object store, a trunk that several passes have once."""
    ray = imported()
    trunks = list({id(one.ready): one for one in passes}.values())
    places = {id(one.ready): place for place, one in enumerate(trunks)}
    works = tuple(
        Work(
            places[id(one.ready)],
            ray.put(_packed(one)),
            one.ready.choice,
            tuple(Cut(lack.folder.name, lack.parts, lack.scopes) for lack in one.lacks),
            one.stage,
        )
        for one in passes
    )
    nets = tuple(ray.put(Net.of(one.trunk)) for one in trunks)
    tally = ray.remote(Tally).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
    return Orders(works, nets, root.absolute(), disk_of(root), shared, Machine.this(), tally)


def _packed(one: Pass) -> Packed:
    try:
        return packed(one.feed)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise ZooError(
            f"{one.stage}: these samples cannot be sent to workers: {first_line(error)}",
            "write them to files first, or extract here: --engine local",
        ) from error


def _order(number: int, piece: Piece, one: Pass) -> Order:
    lacks = []
    for lack in one.lacks:
        places = np.minimum(np.searchsorted(lack.rows, piece.rows), len(lack.rows) - 1)
        here = places[lack.rows[places] == piece.rows]
        lacks.append((lack.rows[here], lack.samples[here]))
    return Order(number, piece.work, piece.rows, tuple(lacks))


def _outcomes(
    orders: Orders, parts: Sequence[Piece], passes: Sequence[Pass], workers: int
) -> Generator[Outcome, None, None]:
    """Yield what became of each piece, as it is done.

    Raises:
        ZooError: workers do not start, or are lost for good.
    """
    ray = imported()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.wait_for_min_actors_s = STARTED
    rows = [{"order": pickle.dumps(_order(number, piece, passes[piece.work]))} for number, piece in enumerate(parts)]
    pool = ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1)
    stage = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        Worker, fn_constructor_args=(orders,), compute=pool, num_cpus=1
    )
    try:
        for row in stage.iter_rows():
            yield pickle.loads(row["outcome"])
    except ray.exceptions.GetTimeoutError as error:
        raise ZooError(
            f"the cluster has not started {workers} workers within {STARTED} s",
            "take fewer: --workers N; ray status, on a machine of the cluster, shows what is in use",
        ) from error
    except ray.exceptions.RayError as error:
        raise ZooError(
            f"the cluster's workers failed: {_cause(error)}",
            "is the same zoo installed on all of its machines? --engine local extracts here",
        ) from error


def _cause(error: BaseException) -> str:
    """Return the innermost error's line: Ray wraps each in several, some without a text, and quotes tracebacks."""
    inner = getattr(error, "cause", None) or error.__cause__
    if isinstance(inner, BaseException) and inner is not error and str(inner).strip():
        return _cause(inner)
    return last_line(error) if "Traceback" in str(error) else first_line(error)
