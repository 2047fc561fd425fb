"""Convolutions, channels last: two-dimensional, depthwise, separable, and one-dimensional written as two."""

from __future__ import annotations

from dataclasses import replace

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.patterns.follow import Followed, follow
from transfer.importers.metagraph.view import Piece, Pieces, Setting, View, Weight

PADDINGS = frozenset({"SAME", "VALID"})


def conv2d(view: View, node: Node) -> Pieces | None:
    """Match `Conv2D` with a variable, then bias and activation."""
    kernel = kernel_of(view, node, grouped=True)
    shape = view.shape(node.inputs[0])
    if kernel is None or not shape:
        return None
    groups = (shape[-1] or kernel.shape[2]) // kernel.shape[2]
    config = {"filters": kernel.shape[3], "kernel_size": kernel.shape[:2], "groups": groups, **geometry(node)}
    followed = follow(view, (node.name,), node.output, kernel.shape[3])
    return (piece("Conv2D", node.inputs[0], config, (kernel,), followed),)


def kernel_of(view: View, node: Node, grouped: bool = False) -> Weight | None:
    """Return the kernel (height, width, in, out) of a convolution that Keras has too; None for any other.

    Args:
        view: the graph.
        node: the operation.
        grouped: take a kernel whose channels are those of one group of the input's.
    """
    kernel = view.weight(node.inputs[1]) if view.is_data(node.inputs[0]) else None
    if kernel is None or len(kernel.shape) != 4 or not is_plain(node):
        return None
    shape = view.shape(node.inputs[0])
    channels = shape[-1] if shape else None
    if node.op != "Conv2D" or channels == kernel.shape[2]:
        return kernel
    if not grouped or not channels or not kernel.shape[2] or channels % kernel.shape[2]:
        return None
    return kernel if kernel.shape[3] % (channels // kernel.shape[2]) == 0 else None


def is_plain(node: Node) -> bool:
    """Tell whether a convolution or pooling is channels last, with strides or dilation but not both."""
    strides, dilations = node.ints("strides"), node.ints("dilations") or (1, 1, 1, 1)
    last = node.text("data_format", "NHWC") == "NHWC" and node.text("padding") in PADDINGS
    inner = len(strides) == 4 and strides[0] == strides[3] == dilations[0] == dilations[3] == 1
    return last and inner and 1 in (max(strides), max(dilations))


def geometry(node: Node) -> dict[str, Setting]:
    """Return strides, padding and dilation as Keras takes them."""
    dilations = node.ints("dilations") or (1, 1, 1, 1)
    return {
        "strides": node.ints("strides")[1:3],
        "padding": node.text("padding").lower(),
        "dilation_rate": dilations[1:3],
    }


def piece(kind: str, source: str, config: dict[str, Setting], kernels: tuple[Weight, ...], followed: Followed) -> Piece:
    """Return a layer with kernels and with what follows them."""
    own: dict[str, Setting] = {"use_bias": followed.bias is not None, "activation": followed.activation}
    weights = (*kernels, *followed.weights)
    return Piece(kind, (source,), (followed.output,), followed.nodes, {**config, **own}, weights)


def depthwise(view: View, node: Node) -> Pieces | None:
    """Match `DepthwiseConv2dNative`, or a separable convolution where a 1x1 convolution of its scope follows."""
    kernel = kernel_of(view, node)
    if kernel is None or len(set(node.ints("strides")[1:3])) > 1:
        return None
    config: dict[str, Setting] = {
        "kernel_size": kernel.shape[:2],
        "depth_multiplier": kernel.shape[3],
        **geometry(node),
    }
    separable = _separable(view, node, kernel, config)
    if separable is not None:
        return (separable,)
    followed = follow(view, (node.name,), node.output, kernel.shape[2] * kernel.shape[3])
    return (piece("DepthwiseConv2D", node.inputs[0], config, (kernel,), followed),)


def _separable(view: View, node: Node, kernel: Weight, config: dict[str, Setting]) -> Piece | None:
    top = view.next(node.output)
    if top is None or top.op != "Conv2D":
        return None
    point = kernel_of(view, top)
    folder = kernel.sources[0].rpartition("/")[0]
    if point is None or point.shape[:2] != (1, 1) or point.sources[0].rpartition("/")[0] != folder:
        return None
    if set(top.ints("strides")) != {1}:
        return None
    followed = follow(view, (node.name, top.name), top.output, point.shape[3])
    whole = {"filters": point.shape[3], **config}
    return piece("SeparableConv2D", node.inputs[0], whole, (kernel, point), followed)


def conv1d(view: View, node: Node) -> Pieces | None:
    """Match a convolution of (n, steps, channels) as `tf.nn.conv1d` wrote it: with an axis of size 1 put in."""
    axis = view.whole(node.inputs[1])
    top = view.next(node.output)
    if view.rank(node.inputs[0]) != 3 or axis not in ((1,), (-3,)) or top is None or top.op != "Conv2D":
        return None
    kernel = kernel_of(view, top)
    back = view.next(top.output)
    if kernel is None or kernel.shape[0] != 1 or back is None or back.op != "Squeeze":
        return None
    if back.ints("squeeze_dims") not in ((1,), (-3,)):
        return None
    flat = replace(kernel, shape=kernel.shape[1:])
    shared = geometry(top)
    config: dict[str, Setting] = {
        "filters": flat.shape[2],
        "kernel_size": flat.shape[:1],
        "strides": top.ints("strides")[2],
        "padding": shared["padding"],
        "dilation_rate": (top.ints("dilations") or (1, 1, 1, 1))[2],
    }
    followed = follow(view, (top.name, node.name, back.name), back.output, flat.shape[2])
    return (piece("Conv1D", node.inputs[0], config, (flat,), followed),)


def dilated(view: View, node: Node) -> Pieces | None:
    """Match a dilated convolution as `tf.nn.convolution` wrote it: between `SpaceToBatchND` and `BatchToSpaceND`."""
    rates, padded = view.whole(node.inputs[1]), view.whole(node.inputs[2])
    top = view.next(node.output)
    if rates is None or len(rates) != 2 or padded is None or top is None or top.op != "Conv2D":
        return None
    kernel = kernel_of(view, top)
    back = view.next(top.output)
    if kernel is None or back is None or back.op != "BatchToSpaceND" or view.whole(back.inputs[1]) != rates:
        return None
    if top.text("padding") != "VALID" or max(top.ints("strides")) > 1:
        return None
    padding = "same" if max(padded[0], padded[2]) > 0 else "valid"
    config: dict[str, Setting] = {
        "filters": kernel.shape[3],
        "kernel_size": kernel.shape[:2],
        "padding": padding,
        "dilation_rate": rates,
    }
    followed = follow(view, (top.name, node.name, back.name), back.output, kernel.shape[3])
    return (piece("Conv2D", node.inputs[0], config, (kernel,), followed),)


MATCHERS = {
    "Conv2D": (conv2d,),
    "DepthwiseConv2dNative": (depthwise,),
    "ExpandDims": (conv1d,),
    "SpaceToBatchND": (dilated,),
}
