"""Which phases the workers of a cluster train together. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry.card import LayerInfo


def shared_out(number: int, layers: Sequence[LayerInfo], reused: Collection[str], *, trunk: bool) -> bool:
    """Tell whether a phase is one for the workers of a cluster.

    New layers on cached features are not: their steps take less time than one exchange between workers.

    Args:
        number: the phase's; 0 is the control from scratch.
        layers: above its cut.
        reused: scopes of the layers that began with the source's weights.
        trunk: whether the frozen layers run in every step.
    """
    return number == 0 or trunk or any(layer.trainable and layer.name in reused for layer in layers)
