"""Tables from which whole numbers choose rows: embeddings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from transfer.importers.metagraph.graph import Graph

GATHERS = frozenset({"Gather", "GatherV2"})


def rows(graph: Graph, values: Mapping[str, np.ndarray[Any, Any]]) -> Iterator[int]:
    """Yield how many rows each variable has from which rows are gathered.

    Args:
        graph: the folded graph.
        values: the variables' values, by tensor.
    """
    for node in graph.nodes.values():
        if node.op in GATHERS and node.inputs[0] in values and values[node.inputs[0]].ndim:
            yield values[node.inputs[0]].shape[0]
