"""Join a Ray cluster, or start one on this machine; and leave it, or end it, with the work that it was for."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError
from registry.extras import need
from transfer.cluster.cluster import AUTO, Cluster
from transfer.cores import cores
from transfer.exporters.quiet import quiet

REACHED = 5  # seconds for a connection to the head
# Read by Ray as it is imported: it reports its use to its makers otherwise, and asks a silent head for five minutes.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_NUM_REDIS_GET_RETRIES": "1",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what the cluster says of lost workers goes to standard output otherwise
}


@dataclass
class _Joined:
    """How this process stands to Ray: how many pieces of work want it, and whether it was joined for them."""

    wanted: int = 0
    ours: bool = False


_joined = _Joined()


@contextmanager
def used(cluster: Cluster | None) -> Iterator[None]:
    """Join a cluster for some work; leave it, or end it where it was started here, with the last that it was for.

    Args:
        cluster: None joins none.

    Raises:
        ZooError: as `connected`.
    """
    _joined.wanted += 1
    try:
        if cluster is not None:
            connected(cluster)
        yield
    finally:
        _joined.wanted -= 1
        if _joined.ours and not _joined.wanted:
            _joined.ours = False
            with quiet():
                sys.modules["ray"].shutdown()


def connected(cluster: Cluster) -> int:
    """Join a cluster, unless this process has joined one already, and return how many workers it is to have.

    Raises:
        ZooError: Ray is not installed, the cluster cannot be reached, or has fewer CPUs than workers are wanted.
    """
    ray = imported()
    if not ray.is_initialized():
        _check_local(cluster)
        _join(ray, cluster)
        _joined.ours = True
    there = int(ray.cluster_resources().get("CPU", 0))
    wanted = cluster.workers or there
    if not 1 <= wanted <= there:
        raise ZooError(
            f"the cluster {cluster.address or 'on this machine'} has {there} CPUs; {wanted or 1} workers need one each",
            "take fewer: --workers N; or let more machines join it: ray start --address=HOST:PORT",
        )
    return wanted


def imported() -> Any:
    """Import Ray with its settings, and quietly.

    Raises:
        ZooError: it is not installed.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    ray = need("ray", "ray")
    need("ray.data", "ray")
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return ray


def _check_local(cluster: Cluster) -> None:
    if cluster.address is None and (cluster.workers or 1) > cores():
        raise ZooError(
            f"--workers {cluster.workers} need a CPU each; this machine has {cores()}",
            "take fewer, or join a cluster of several machines: --address HOST:PORT",
        )


def _join(ray: Any, cluster: Cluster) -> None:
    quietly: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        if cluster.address is None:
            with quiet():
                ray.init("local", num_cpus=cluster.workers or cores(), include_dashboard=False, **quietly)
            return
        _check_reached(cluster.address)
        with quiet():
            ray.init(cluster.address, **quietly)
    except ZooError:
        raise
    except Exception as error:  # what Ray raises has no common base
        raise _explained(cluster, error) from error


def _check_reached(address: str) -> None:
    """Connect once: Ray itself would ask for minutes."""
    if address == AUTO:
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED).close()
    except (OSError, OverflowError, ValueError) as error:
        raise ZooError(
            f"no Ray cluster can be reached at {address}: {getattr(error, 'strerror', None) or error}",
            "ray status, on a machine of the cluster, shows whether it runs; ray start --head begins one",
        ) from error


def _explained(cluster: Cluster, error: Exception) -> ZooError:
    text = " ".join(str(error).split())[:300]
    if cluster.address is None:
        return ZooError(f"Ray cannot be started on this machine: {text}", "without it: --engine local")
    if isinstance(error, ConnectionError):
        return ZooError(
            f"this machine belongs to no Ray cluster (--address {cluster.address})",
            "name its head: --address HOST:PORT; leave --address out to start one here",
        )
    return ZooError(
        f"the Ray cluster at {cluster.address} cannot be joined: {text}",
        "it takes the same versions of Ray and Python on all machines: ray --version, python --version",
    )
