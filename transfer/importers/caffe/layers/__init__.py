"""Which builder makes the Keras layers of each Caffe layer. A builder takes a `Part` and returns the tops."""

from __future__ import annotations

from collections.abc import Callable

from transfer.importers.caffe.layers.convolution import convolution, deconvolution
from transfer.importers.caffe.layers.dense import inner_product
from transfer.importers.caffe.layers.joining import concat, crop, eltwise, slices, split
from transfer.importers.caffe.layers.normalising import batch_norm, bias, local_response, scale
from transfer.importers.caffe.layers.pointwise import (
    absolute,
    activation,
    dropout,
    elu,
    exponential,
    logarithm,
    power,
    prelu,
    relu,
    softmax,
)
from transfer.importers.caffe.layers.pooling import pooling
from transfer.importers.caffe.layers.shaping import flatten, permute, reshape
from transfer.importers.caffe.part import Part
from transfer.importers.native import Tensor

Builder = Callable[[Part], tuple[Tensor, ...]]

BUILDERS: dict[str, Builder] = {
    "AbsVal": absolute,
    "BNLL": activation("softplus"),
    "BatchNorm": batch_norm,
    "Bias": bias,
    "Concat": concat,
    "Convolution": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "Dropout": dropout,
    "ELU": elu,
    "Eltwise": eltwise,
    "Exp": exponential,
    "Flatten": flatten,
    "InnerProduct": inner_product,
    "LRN": local_response,
    "Log": logarithm,
    "PReLU": prelu,
    "Permute": permute,
    "Pooling": pooling,
    "Power": power,
    "ReLU": relu,
    "Reshape": reshape,
    "Scale": scale,
    "Sigmoid": activation("sigmoid"),
    "Slice": slices,
    "Softmax": softmax,
    "Split": split,
    "TanH": activation("tanh"),
}

# Layers of these types must have arrays in the caffemodel; the others have none.
HOLDING = frozenset({"BatchNorm", "Bias", "Convolution", "Deconvolution", "InnerProduct", "PReLU", "Scale"})
