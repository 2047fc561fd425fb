"""A plan and the arrays of a caffemodel become a functional Keras model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError, first_few
from registry.watch import Watch, silent
from transfer.importers.caffe.blob import SAME_NET, Blob
from transfer.importers.caffe.layers import BUILDERS, HOLDING
from transfer.importers.caffe.part import Part
from transfer.importers.caffe.plan import Plan, Step, blob_name
from transfer.importers.native import CHANNELS_LAST, Net, Tensor

Blobs = Mapping[str, tuple[Blob, ...]]
MOST_NUMBERS = 1 << 28  # in one tensor of one sample
SHOWN = 20
_ODD = re.compile(r"[^\w./-]", re.ASCII)


@dataclass(frozen=True)
class Built:
    """The model and how its ends lie.

    Attributes:
        model: the functional model.
        net: the account of its layers.
        inputs: its inputs by blob.
        outputs: its outputs, in order.
    """

    model: Any
    net: Net
    inputs: dict[str, Tensor]
    outputs: tuple[Tensor, ...]


def build(plan: Plan, blobs: Blobs, watch: Watch = silent) -> Built:
    """Build the layers of a plan.

    Raises:
        ZooError: a layer is of no type that is known, does not fit its inputs, or its arrays are missing or misshapen.
    """
    _known(plan)
    arrays = shared(plan.layers, blobs)
    _complete(plan.layers, arrays)
    net = Net("caffe")
    inputs = {blob_name(value): _input(net, value, shape) for value, shape in plan.inputs.items()}
    tensors = {value: inputs[blob_name(value)] for value in plan.inputs}
    batch = next(iter(plan.inputs.values()))[0] if plan.inputs else 1
    for place, step in enumerate(plan.steps, 1):
        tops = BUILDERS[step.layer.type](_part(net, step, tensors, arrays, batch))
        tensors.update(zip(step.makes, tops, strict=False))
        _bound(step, tops)
        watch("layers", place, len(plan.steps))
    absent = [blob_name(value) for value in plan.outputs if value not in tensors]
    if absent:
        raise ZooError(f"no layer makes the outputs {', '.join(absent)}")
    outputs = tuple(tensors[value] for value in plan.outputs)
    return Built(net.model(list(inputs.values()), outputs), net, inputs, outputs)


def shared(layers: Sequence[Any], blobs: Blobs) -> dict[str, tuple[Blob, ...]]:
    """Give layers without arrays those of the layers that they share them with, by the names of their `param`s."""
    owners = {
        spec.name: blob
        for layer in layers
        for spec, blob in zip(layer.param, blobs.get(layer.name, ()), strict=False)
        if spec.name
    }
    found = dict(blobs)
    for layer in layers:
        names = [spec.name for spec in layer.param]
        if layer.name not in blobs and names and all(name in owners for name in names):
            found[layer.name] = tuple(owners[name] for name in names)
    return found


def tied(layers: Sequence[Any]) -> list[str]:
    """Return a note for each array that several layers share: in the model each has its own copy."""
    users: dict[str, list[str]] = {}
    for layer in layers:
        for spec in layer.param:
            if spec.name:
                users.setdefault(spec.name, []).append(layer.name)
    return [
        f"the layers {', '.join(names)} share the array {name!r}; in the model each has its own copy"
        for name, names in users.items()
        if len(names) > 1
    ]


def holds(layer: Any) -> bool:
    """Tell whether a layer needs arrays."""
    second = layer.type in ("Scale", "Bias") and len(layer.bottom) == 2
    return layer.type in HOLDING and not second


def _known(plan: Plan) -> None:
    for layer in plan.layers:
        if layer.type == "Python":
            code = f"{layer.python_param.module}.{layer.python_param.layer}"
            raise ZooError(
                f"the layer {layer.name} (Python) would run the code {code}, which is in none of the files",
                "end the model before it with --output BLOB",
            )
        if layer.type not in BUILDERS:
            raise ZooError(
                f"the layer {layer.name} is of the type {layer.type!r}, which cannot be imported",
                f"end the model before it with --output BLOB; these types can be: {', '.join(BUILDERS)}",
            )


def _complete(layers: Sequence[Any], blobs: Blobs) -> None:
    missing = [layer.name for layer in layers if holds(layer) and layer.name not in blobs]
    if missing:
        known = {layer.name for layer in layers}
        others = [name for name in blobs if name not in known]
        lacking, beside = (first_few(names, SHOWN) or "none" for names in (missing, others))
        raise ZooError(
            f"the caffemodel has no arrays for {len(missing)} layers of the prototxt: {lacking}; "
            f"it has arrays for {len(others)} that the prototxt lacks: {beside}",
            SAME_NET,
        )


def _input(net: Net, value: str, shape: tuple[int, ...]) -> Tensor:
    if math.prod(shape[1:]) > MOST_NUMBERS:
        raise ZooError(f"the input {blob_name(value)} is {list(shape)}; expected at most {MOST_NUMBERS:,} numbers")
    order = CHANNELS_LAST[4] if len(shape) == 4 else None
    return net.input(scope_of(blob_name(value)), (None, *shape[1:]), order)


def _part(net: Net, step: Step, tensors: Mapping[str, Tensor], blobs: Blobs, batch: int) -> Part:
    layer = step.layer
    scale = None if step.scale is None else (step.scale, blobs.get(step.scale.name, ()))
    inputs = tuple(tensors[value] for value in step.reads)
    return Part(net, layer, scope_of(layer.name or layer.type), inputs, blobs.get(layer.name, ()), batch, scale)


def scope_of(name: str) -> str:
    """Return a layer's name with the characters that TensorFlow does not accept in names replaced.

    >>> scope_of("inception_3a/3x3"), scope_of("my conv")
    ('inception_3a/3x3', 'my_conv')
    """
    plain = _ODD.sub("_", name).lstrip("/-")
    return plain if plain[:1].isalnum() else f"layer{plain}"


def _bound(step: Step, tops: Sequence[Tensor]) -> None:
    for top in tops:
        if math.prod(size or 1 for size in top.shape[1:]) > MOST_NUMBERS:
            raise ZooError(
                f"the layer {step.layer.name} ({step.layer.type}) returns {Part.shown(top)}; "
                f"expected at most {MOST_NUMBERS:,} numbers for a sample"
            )
