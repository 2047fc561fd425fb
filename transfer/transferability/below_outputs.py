"""What `rank` looks at of a model: all but its output layer. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Sequence

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.depths.cuts import cuts
from transfer.depths.scope_regex import regex_for
from transfer.graph import heads, weighted


def below_outputs(layers: Sequence[LayerInfo]) -> str:
    """Return the regex for `--reuse` that keeps all but the output layer.

    Raises:
        ZooError: there is nothing else with weights.
    """
    found, held = cuts(layers), weighted(layers)
    if found:
        return found[-1].reuse
    kept = [name for name in held if name not in heads(layers, ())]
    if not kept:
        raise ZooError("below its output layer it has no layer with weights")
    return regex_for(kept, kept, [layer.name for layer in layers])
