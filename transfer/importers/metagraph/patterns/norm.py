"""Batch normalisation in inference: the fused operation, and the arithmetic of `tf.nn.batch_normalization`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.patterns.follow import ADDED
from transfer.importers.metagraph.view import Piece, Pieces, Setting, View, Weight

MOMENTUM = 0.99  # what tf.layers and Keras take where nothing is said


def fused(view: View, node: Node) -> Pieces | None:
    """Match `FusedBatchNorm`, any version, with its moving statistics."""
    source, scale, offset, mean, variance = node.inputs
    if node.flag("is_training") or node.text("data_format", "NHWC") != "NHWC" or not view.is_data(source):
        return None
    statistics = [view.weight(tensor, trainable=False) for tensor in (mean, variance)]
    gamma, beta = view.weight(scale), view.weight(offset)
    if (gamma is None and not _all(view, scale, 1)) or (beta is None and not _all(view, offset, 0)):
        return None
    return _piece(view, source, (node,), node.real("epsilon", 1e-4), (gamma, beta, *statistics))


def _all(view: View, tensor: str, number: float) -> bool:
    """Tell whether a tensor is a constant of equal numbers."""
    value = view.constant(tensor)
    return value is not None and value.size > 0 and bool(np.all(value == number))


@dataclass(frozen=True)
class _Inverse:
    """`rsqrt(variance + epsilon)`, times `gamma` where there is one."""

    variance: Weight
    epsilon: float
    gamma: Weight | None


def unfused(view: View, node: Node) -> Pieces | None:
    """Match `x * inv + (beta - mean * inv)` with `inv = rsqrt(variance + epsilon) * gamma`.

    Source: `batch_normalization` in tensorflow/python/ops/nn_impl.py.
    """
    for source, factor in (node.inputs, node.inputs[::-1]):
        if not view.is_data(source) or view.is_data(factor):
            continue
        inverse, top = _inverse(view, factor), view.next(node.output)
        if inverse is None or top is None or top.op not in ADDED:
            continue
        shift = top.inputs[1 - top.inputs.index(node.output)]
        centre = None if view.is_data(shift) else _centre(view, shift, factor)
        if centre is not None:
            mean, beta = centre
            return _piece(view, source, (node, top), inverse.epsilon, (inverse.gamma, beta, mean, inverse.variance))
    return None


def _inverse(view: View, tensor: str) -> _Inverse | None:
    node = view.graph.maker(tensor)
    if node.op == "Rsqrt":
        return _root(view, node, None)
    if node.op == "Mul":
        for root, scale in (node.inputs, node.inputs[::-1]):
            maker, gamma = view.graph.maker(root), view.weight(scale)
            if maker.op == "Rsqrt" and gamma is not None:
                return _root(view, maker, gamma)
    return None


def _root(view: View, node: Node, gamma: Weight | None) -> _Inverse | None:
    total = view.graph.maker(node.inputs[0])
    if total.op not in ADDED:
        return None
    for tensor, constant in (total.inputs, total.inputs[::-1]):
        variance, epsilon = view.weight(tensor, trainable=False), view.scalar(constant)
        if variance is not None and epsilon is not None:
            return _Inverse(variance, epsilon, gamma)
    return None


def _centre(view: View, tensor: str, factor: str) -> tuple[Weight, Weight | None] | None:
    """Return mean and beta of `beta - mean * inv`, or of `-mean * inv`."""
    node = view.graph.maker(tensor)
    if node.op == "Sub":
        mean, beta = _scaled(view, node.inputs[1], factor), view.weight(node.inputs[0])
        return (mean, beta) if mean is not None and beta is not None else None
    negated = node.op == "Neg"
    mean = _scaled(view, node.inputs[0] if negated else tensor, factor, negative=not negated)
    return None if mean is None else (mean, None)


def _scaled(view: View, tensor: str, factor: str, negative: bool = False) -> Weight | None:
    """Return the mean of `mean * inv`, or of `-mean * inv`."""
    node = view.graph.maker(tensor)
    if node.op != "Mul" or factor not in node.inputs:
        return None
    other = node.inputs[1 - node.inputs.index(factor)]
    maker = view.graph.maker(other)
    if negative:
        return view.weight(maker.inputs[0], trainable=False) if maker.op == "Neg" else None
    return view.weight(other, trainable=False)


def _piece(
    view: View, source: str, nodes: tuple[Node, ...], epsilon: float, weights: tuple[Weight | None, ...]
) -> Pieces | None:
    """Return the layer of (gamma, beta, mean, variance), of which the first two may be absent."""
    gamma, beta, mean, variance = weights
    held = tuple(weight for weight in weights if weight is not None)
    shape = view.shape(source)
    if mean is None or variance is None or any(weight.shape != mean.shape for weight in held):
        return None
    if not shape or mean.shape != (shape[-1],):
        return None
    known = view.momentum(mean.sources[0])
    config: dict[str, Setting] = {
        "epsilon": round(epsilon, 10),
        "momentum": MOMENTUM if known is None else known,
        "scale": gamma is not None,
        "center": beta is not None,
    }
    names = tuple(node.name for node in nodes)
    return (Piece("BatchNormalization", (source,), (nodes[-1].output,), names, config, held),)


MATCHERS = {
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), (fused,)),
    "Mul": (unfused,),
}
