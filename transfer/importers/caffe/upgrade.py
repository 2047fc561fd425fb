"""Bring old forms of a network to today's, as Caffe's `src/caffe/util/upgrade_proto.cpp` does. Pure."""

from __future__ import annotations

from typing import Any

from registry.errors import ZooError
from transfer.importers.caffe.schema import LayerParameter, NetParameter

_SPELT = {
    "ABSVAL": "AbsVal",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "IM2COL": "Im2col",
    "LRN": "LRN",
    "MVN": "MVN",
    "RELU": "ReLU",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "TANH": "TanH",
}
_SAME = ("name", "bottom", "top", "include", "exclude")


def upgraded(net: Any) -> Any:
    """Return a network with `layer` entries only, its inputs among them as `Input` layers.

    Raises:
        ZooError: it is of version 0, or mixes both forms.
    """
    if net.layer and net.layers:
        raise ZooError("the net has both `layer` and `layers` entries; expected one form")
    result = NetParameter(name=net.name, state=net.state if net.HasField("state") else None)
    result.layer.extend(_inputs(net))
    result.layer.extend(net.layer)
    result.layer.extend(_layer(old) for old in net.layers)
    for layer in result.layer:
        _transform(layer)
    return result


def type_name(old: str) -> str:
    """Return today's name of a version 1 type.

    >>> type_name("INNER_PRODUCT"), type_name("SOFTMAX_LOSS")
    ('InnerProduct', 'SoftmaxWithLoss')
    """
    return _SPELT.get(old) or "".join(word.capitalize() for word in old.split("_"))


def _layer(old: Any) -> Any:
    if old.HasField("layer"):
        raise ZooError(
            f"the net is of Caffe's version 0: its layer {old.layer.name!r} is nested in another",
            "convert it with Caffe's own upgrade_net_proto_text and upgrade_net_proto_binary first",
        )
    layer = LayerParameter(
        type=type_name(old.DESCRIPTOR.enum_types_by_name["LayerType"].values_by_number[old.type].name)
    )
    for descriptor, value in old.ListFields():
        name = descriptor.name
        if name.endswith("_param"):
            getattr(layer, name).CopyFrom(value)
        elif name == "name":
            layer.name = value
        elif name in _SAME:
            getattr(layer, name).extend(value)
    for shared in old.param:
        layer.param.add(name=shared)
    return layer


def _inputs(net: Any) -> list[Any]:
    """Turn `input` with `input_shape` or `input_dim` into an `Input` layer for each."""
    shapes = [list(shape.dim) for shape in net.input_shape]
    sizes = list(net.input_dim)
    shapes = shapes or [sizes[at : at + 4] for at in range(0, len(sizes), 4)]
    if not net.input:
        return []
    if len(shapes) != len(net.input):
        raise ZooError(
            f"the net has {len(net.input)} inputs ({', '.join(net.input[:5])}) and {len(shapes)} shapes for them",
            "state `input_shape { dim: 1 dim: 3 dim: 224 dim: 224 }` for each input in the prototxt",
        )
    made = []
    for name, shape in zip(net.input, shapes, strict=True):
        made.append(LayerParameter(name=name, type="Input", top=[name]))
        made[-1].input_param.shape.add(dim=shape)
    return made


def _transform(layer: Any) -> None:
    """Move what old data layers state about their images to `transform_param`."""
    for field in ("data_param", "image_data_param"):
        if not layer.HasField(field):
            continue
        for name in ("scale", "mean_file", "crop_size"):
            if getattr(layer, field).HasField(name):
                setattr(layer.transform_param, name, getattr(getattr(layer, field), name))
