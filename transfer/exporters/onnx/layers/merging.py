"""Layers that read several tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.step import Step


def _together(step: Step) -> list[Value]:
    """Return the inputs in one layout: the one that they have, or Keras's."""
    ranks = {value.rank for value in step.inputs}
    if len(ranks) > 1:
        step.refuse(f"its inputs have {sorted(ranks)} axes; expected as many each")
    if len({value.first for value in step.inputs}) == 1:
        return list(step.inputs)
    return [step.writer.last(value) for value in step.inputs]


def _merged(op: str) -> Callable[[Step], Value]:
    def write(step: Step) -> Value:
        values = _together(step)
        return step.add(op, values, values[0].rank, first=values[0].first)

    return write


def _in_turn(op: str) -> Callable[[Step], Value]:
    """For an operator of two inputs."""

    def write(step: Step) -> Value:
        made, *others = _together(step)
        for number, value in enumerate(others, start=1):
            part = "" if number == len(others) else f"part_{number}"
            made = step.add(op, [made, value], value.rank, part, value.first)
        return made

    return write


def _concatenated(step: Step) -> Value:
    values = _together(step)
    axis = values[0].axis(step.layer.axis)
    return step.add("Concat", values, values[0].rank, first=values[0].first, axis=axis)


LAYERS: Mapping[str, Callable[[Step], Value]] = {
    "Add": _in_turn("Add"),
    "Subtract": _in_turn("Sub"),
    "Multiply": _in_turn("Mul"),
    "Average": _merged("Mean"),
    "Maximum": _merged("Max"),
    "Minimum": _merged("Min"),
    "Concatenate": _concatenated,
}
