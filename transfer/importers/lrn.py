"""Local response normalisation across channels, in layers and operations that plain Keras has."""

from __future__ import annotations

import keras

from registry.errors import ZooError
from transfer.importers.native import Net, Tensor


def lrn(net: Net, scope: str, x: Tensor, *, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """Return `x / (bias + alpha / size * s) ** beta`, with s the sum of squares over `size` neighbouring channels.

    The window starts `(size - 1) // 2` channels below; what lies outside counts as zero. Channels become an axis of
    their own, so that a pooling layer averages over them: nothing in it has weights.
    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3; ONNX operator LRN; Caffe `lrn_layer.cpp`.

    Args:
        net: the net being built.
        scope: of the product; the parts are named below it.
        x: (n, c, h, w) as the original has it, channels last in Keras.

    Raises:
        ZooError: height or width are not known.
    """
    _, height, width, channels = x.keras.shape
    if None in (height, width, channels):
        raise ZooError(f"the layer {scope} (LRN) needs a known height and width, got {list(x.shape)}")
    order, below = x.order, (size - 1) // 2
    square = net.layer(f"{scope}/square", keras.layers.Multiply(), [x, x])
    apart = net.layer(f"{scope}/apart", keras.layers.Reshape((height * width, channels, 1)), square)
    edges = ((0, 0), (below, size - 1 - below))
    padded = net.layer(f"{scope}/pad", keras.layers.ZeroPadding2D(edges), apart)
    mean = net.layer(f"{scope}/mean", keras.layers.AveragePooling2D((1, size), strides=1), padded)
    together = net.layer(f"{scope}/together", keras.layers.Reshape((height, width, channels)), mean, order=order)
    base = net.layer(f"{scope}/base", keras.layers.Rescaling(alpha, bias), together)
    factor = net.operation(f"{scope}/power", lambda tensor: keras.ops.power(tensor, -beta), base)
    return net.layer(scope, keras.layers.Multiply(), [x, factor])
