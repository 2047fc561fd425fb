"""The options that say where a transfer is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from transfer.cluster.cluster import ENGINES, RAY, cluster_of
from zoo.option_groups import Given, Group, as_given

KINDS: dict[str, Any] = {
    "engine": Annotated[
        str | None, typer.Option(metavar="|".join(ENGINES), help="What carries it out: this process, or a Ray cluster.")
    ],
    "address": Annotated[
        str | None, typer.Option(metavar="HOST:PORT|auto", help="Of the Ray cluster; one is started here if not given.")
    ],
    "workers": Annotated[
        int | None, typer.Option(metavar="N", help="Of the cluster, a CPU each; as many as it has.")
    ],
}  # fmt: skip


def _read(values: Mapping[str, Any]) -> Given:
    """Return the cluster as `cluster`, where one is asked for.

    Raises:
        ZooError: the choices contradict each other, or Ray is not installed; this is said before anything is loaded.
    """
    given = as_given(values)
    cluster = cluster_of(given.get("engine"), given.get("address"), given.get("workers"))
    if given.get("engine") != RAY:
        return {}
    from transfer.cluster.connecting import imported

    imported()
    return {"cluster": cluster}


CLUSTER = Group("Where it runs", KINDS, _read)
