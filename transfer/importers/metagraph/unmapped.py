"""What of a checkpoint a model does not carry over, and why. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from transfer.importers.metagraph.fold import PLACEHOLDER, Folded
from transfer.importers.metagraph.graph import Graph, node_of
from transfer.importers.metagraph.names import sources
from transfer.importers.metagraph.variables import Stored
from transfer.importers.metagraph.view import Piece

SLOT = re.compile(
    r"/(Momentum|Adam|AdaMax|Nadam|Adagrad|Adadelta|RMSProp|Ftrl|AdagradDA|ProximalAdagrad|Adam_m|Adam_v)(_\d+)?$"
)
POWER = re.compile(r"(^|/)beta[12]_power(_\d+)?$")
STEP = re.compile(r"(^|/)global_step$")


def unmapped(stored: Collection[str], where: Mapping[str, Stored], used: Collection[str]) -> dict[str, str]:
    """Return the reason for each name of a checkpoint whose numbers are in no layer.

    Args:
        stored: the checkpoint's names.
        where: where the graph's variables are stored.
        used: the variables that became weights of layers.
    """
    taken = {where[name].name for name in used}
    known = {held.name for held in where.values()}
    return {name: _reason(name, known) for name in sorted(stored) if name not in taken}


def stored_names(variables: Sequence[str], where: Mapping[str, Stored]) -> tuple[str, ...]:
    """Return the checkpoint's names of variables, each once: a variable may be stored in parts."""
    return tuple(dict.fromkeys(where[name].name for name in variables))


def _reason(name: str, known: Collection[str]) -> str:
    if SLOT.search(name) or POWER.search(name):
        return "optimizer slot"
    if STEP.search(name):
        return "step counter"
    return "not needed by the output" if name in known else "not in the graph"


def notes(layers: Sequence[tuple[str, Piece]], folded: Folded, graph: Graph) -> tuple[str, ...]:
    """Return a sentence for each thing that the graph says and the layers cannot.

    Args:
        layers: the layers with their scopes.
        folded: the graph that they were cut from.
        graph: the original graph.
    """
    users = Counter(name for _, piece in layers for name in set(sources(piece)))
    shared = [f"{name} is used by {count} layers, which train apart now" for name, count in users.items() if count > 1]
    rates = [
        f"the rate of the dropout {node} {_fed(graph, found.off[0][0])}: here it is 0"
        for node, found in folded.dropouts.items()
        if found.rate is None
    ]
    return (*shared, *rates)


def _fed(graph: Graph, rate: str) -> str:
    """Say which placeholders a rate comes from: `1 - keep_prob` comes from `keep_prob`."""
    heads = [name for name in graph.ordered([rate]) if graph.nodes[name].op in PLACEHOLDER]
    if not heads or node_of(rate) in heads:
        return f"is fed to {rate}"
    return f"is computed from {', '.join(heads)}"
