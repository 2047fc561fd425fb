"""What is to be built of a network: its inputs, its layers with the values that they read, and its outputs. Pure.

A Caffe layer may write over its own input (`top == bottom`). So each blob is numbered by how often it has been
written, `conv1#2`, and every value is written once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from registry.errors import ZooError, near
from transfer.importers.caffe.ends import data_top, is_data, is_dropped, statement, without_loss

MOST_LAYERS = 1500
NOT_NEEDED = "no output of the model needs its layer"


@dataclass(frozen=True)
class Step:
    """One layer to build.

    Attributes:
        layer: its `LayerParameter`.
        reads: the values that it takes.
        makes: the values that it gives.
        scale: the `Scale` layer that is merged into a `BatchNorm`.
    """

    layer: Any
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    scale: Any = None


@dataclass(frozen=True)
class Plan:
    """What to build.

    Attributes:
        inputs: shape, with the batch, by value.
        steps: the layers, in order.
        layers: the same as they stand in the net, nothing merged.
        outputs: the values that the model returns.
        dropped: why a layer of the net is not built, by its name.
        notes: what the user should know.
    """

    inputs: dict[str, tuple[int, ...]]
    steps: tuple[Step, ...]
    layers: tuple[Any, ...]
    outputs: tuple[str, ...]
    dropped: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def blob_name(value: str) -> str:
    """Return the blob that a value is of.

    >>> blob_name("conv1#2")
    'conv1'
    """
    return value.rpartition("#")[0]


def planned(layers: Sequence[Any], shape_of: Callable[[Any, str], tuple[int, ...]], output: str | None = None) -> Plan:
    """Plan a network.

    Args:
        layers: its layers at test time, in order.
        shape_of: gives the shape of an input layer's blob.
        output: names of blobs or layers, separated by commas, that the model is to end in.

    Raises:
        ZooError: a layer reads what no layer above it makes, the outputs are not there, or there are too many layers.
    """
    if len(layers) > MOST_LAYERS:
        raise ZooError(f"the net has {len(layers):,} layers; expected at most {MOST_LAYERS:,}")
    traced = _Trace()
    for layer in layers:
        traced.add(layer)
    outputs = traced.outputs() if output is None else tuple(traced.named(name) for name in output.split(","))
    if not outputs:
        raise ZooError("the net has no output: nothing is left when data and losses are taken away")
    steps, needed = _needed(traced.steps, outputs)
    inputs = {value: shape_of(layer, name) for value, (layer, name) in traced.sources.items() if value in needed}
    unneeded = {step.layer.name: NOT_NEEDED for step in traced.steps if step not in steps}
    dropped = {**unneeded, **traced.dropped}
    kept = tuple(step.layer for step in steps)
    return Plan(inputs, merged(steps, outputs), kept, outputs, dropped, tuple(traced.notes))


class _Trace:
    """The net so far: which value each blob is at, and what reads it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.sources: dict[str, tuple[Any, str]] = {}
        self.dropped: dict[str, str] = {}
        self.notes: list[str] = []
        self._current: dict[str, str] = {}
        self._layer_ends: dict[str, str] = {}
        self._read: set[str] = set()
        self._missing: dict[str, str] = {}

    def add(self, layer: Any) -> None:
        if is_data(layer):
            for top in layer.top:
                value = self._write(top)
                if data_top(layer, top):
                    self.sources[value] = (layer, top)
                else:
                    self._read.add(value)  # labels are no outputs
            self.dropped[layer.name] = f"it is the net's input, a {layer.type} layer"
            return
        layer, note = without_loss(layer)
        self.notes += [note] if note else []
        if is_dropped(layer):
            self._drop(layer)
            return
        reads = tuple(self._reading(layer, bottom) for bottom in layer.bottom)
        self._read.update(reads)
        makes = tuple(self._write(top) for top in layer.top)
        if not reads or not makes:
            raise ZooError(f"the layer {layer.name} ({layer.type}) has {len(reads)} bottoms and {len(makes)} tops")
        self._layer_ends[layer.name] = makes[0]
        self.steps.append(Step(layer, reads, makes))

    def _drop(self, layer: Any) -> None:
        self.dropped[layer.name] = f"a {layer.type} layer is not part of the model"
        self.notes.append(f"the layer {layer.name} ({layer.type}) is left out: it only judges or stores outputs")
        for top in layer.top:
            self._current.pop(top, None)
            self._missing[top] = f"which {layer.name} ({layer.type}) makes, a layer that is left out"

    def _reading(self, layer: Any, bottom: str) -> str:
        if bottom not in self._current:
            why = self._missing.get(bottom, "which no layer above it makes")
            none = "" if self.sources else "the net has no input: "
            raise ZooError(
                f"{none}the layer {layer.name} ({layer.type}) reads the blob {bottom!r}, {why}",
                near(bottom, self._current) if self.sources else statement(bottom),
            )
        return self._current[bottom]

    def _write(self, top: str) -> str:
        number = int(self._current[top].rpartition("#")[2]) + 1 if top in self._current else 1
        self._current[top] = f"{top}#{number}"
        return self._current[top]

    def outputs(self) -> tuple[str, ...]:
        made = [value for step in self.steps for value in step.makes]
        return tuple(value for value in made if value not in self._read)

    def named(self, name: str) -> str:
        name = name.strip()
        made = {
            **self._layer_ends,
            **{blob: value for blob, value in self._current.items() if value not in self.sources},
        }
        if name not in made:
            raise ZooError(f"the net has no blob or layer {name!r} to end in", near(name, made))
        return made[name]


def _needed(steps: Sequence[Step], outputs: Sequence[str]) -> tuple[list[Step], set[str]]:
    """Return the steps that the outputs depend on, and every value that is used."""
    needed, kept = set(outputs), []
    for step in reversed(steps):
        if needed.intersection(step.makes):
            needed.update(step.reads)
            kept.append(step)
    return kept[::-1], needed


def merged(steps: Sequence[Step], outputs: Sequence[str]) -> tuple[Step, ...]:
    """Merge each `Scale` into the `BatchNorm` whose only reader it is: together they are one batch normalisation."""
    readers = Counter(value for step in steps for value in step.reads)
    made_by = {value: step for step in steps for value in step.makes if step.layer.type == "BatchNorm"}
    gone: dict[int, Step] = {}
    for step in steps:
        norm = made_by.get(step.reads[0])
        if (
            norm is not None
            and step.reads[0] not in outputs
            and readers[step.reads[0]] == 1
            and _by_channel(step.layer)
        ):
            gone[id(norm)] = replace(norm, makes=step.makes, scale=step.layer)
            gone[id(step)] = step
    out = [gone.get(id(step), step) for step in steps if not (id(step) in gone and gone[id(step)] is step)]
    return tuple(out)


def _by_channel(layer: Any) -> bool:
    scale: Any = layer.scale_param
    return layer.type == "Scale" and len(layer.bottom) == 1 and scale.axis == 1 and scale.num_axes == 1
