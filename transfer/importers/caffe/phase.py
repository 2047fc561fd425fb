"""Which layers a network has at test time: `Net::StateMeetsRule` and `Net::FilterNet` of Caffe's `net.cpp`. Pure."""

from __future__ import annotations

from typing import Any

from registry.errors import ZooError
from transfer.importers.caffe.schema import MESSAGES

TEST = 1  # Phase in the schema


def at_test(net: Any) -> list[Any]:
    """Return the layers that the network has in the phase TEST, at its own level and stages.

    Raises:
        ZooError: a layer has both `include` and `exclude` rules.
    """
    state = MESSAGES["NetState"]()
    state.CopyFrom(net.state)
    state.phase = TEST
    return [layer for layer in net.layer if _stays(layer, state)]


def _stays(layer: Any, state: Any) -> bool:
    if layer.include and layer.exclude:
        raise ZooError(f"the layer {layer.name} has both include and exclude rules; expected one kind")
    if layer.include:
        return any(meets(state, rule) for rule in layer.include)
    return not any(meets(state, rule) for rule in layer.exclude)


def meets(state: Any, rule: Any) -> bool:
    """Tell whether a state meets every condition of a rule."""
    return bool(
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and set(rule.stage) <= set(state.stage)
        and not set(rule.not_stage) & set(state.stage)
    )
