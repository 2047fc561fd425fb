"""How each layer fares, measured inside the compiled loop: gradients, updates, weights, dead and saturated units.

Gradients, updates and weights are those of an epoch's first step: so where training diverges in an epoch, what is
recorded of it is still from before. All other steps pay for one branch that is not taken. Activations are looked at in
the validation that runs anyway. On small data most of the cost is in tracing, so the loop holds sums of squares, and
what they say is worked out afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from transfer.backbone import joined, nodes
from transfer.fitting.alike import alike
from transfer.fitting.range_ends import Ends, ends_of
from transfer.layer_health import LayerHealth, bounded
from transfer.scope import scope_of

T = TypeVar("T")
MOST = 64  # layers that are looked at, spread over the depth
SAMPLES = 256  # validation samples whose activations are looked at


@dataclass(frozen=True)
class Kernel:
    """A kernel that trains: its layer's scope, its place among the model's trainable variables, what a unit reads."""

    scope: str
    place: int
    variable: Any
    fan_in: int

    def health(self, gradient: float, change: float, before: float) -> dict[str, float]:
        """Return what the sums of squares of its gradient, its change and its weights before that say."""
        size = math.prod(self.variable.shape)
        return {
            "gradient": math.sqrt(gradient / size), "update": math.sqrt(change / before) if before else 0.0,
            "gain": math.sqrt(before / size * self.fan_in),
        }  # fmt: skip


@dataclass(frozen=True)
class Activation:
    """A layer's outputs, and where their range ends."""

    scope: str
    tensor: Any
    ends: Ends


class Health:
    """What is measured of a tail: three sums of squares of each kernel, and shares of dead and saturated units.

    Attributes:
        model: the tail with the tensors that are looked at as further outputs.
    """

    def __init__(self, tail: Any, *, on: bool = True) -> None:
        self._kernels = spread(list(_kernels(tail))) if on else []
        self._activations = spread(list(_activations(tail))) if on else []
        watched = [one.tensor for one in self._activations]
        self.model = joined(tail.inputs, [*tail.outputs, *watched]) if watched else tail
        dying = [(one.scope, "dead") for one in self._activations if one.ends.dies]
        ending = [(one.scope, "saturated") for one in self._activations if one.ends.bounded]
        self._shares = (*dying, *ending)
        self._order = [scope_of(layer.name) for layer, _, _ in nodes(tail)]

    @property
    def steps(self) -> int:
        """How many numbers `step` gives."""
        return 3 * len(self._kernels)

    @property
    def shares(self) -> int:
        """How many numbers `activations` gives."""
        return len(self._shares)

    def weights(self) -> list[Any]:
        """Return the kernels as they are now."""
        return [kernel.variable.value.read_value() for kernel in self._kernels]

    def step(self, first: Any, gradients: Sequence[Any], before: Sequence[Any]) -> Any:
        """Measure a step that has been taken, if it is an epoch's first; otherwise all is 0.

        Args:
            first: whether it is.
            gradients: of all trainable variables.
            before: what `weights` gave before the step.
        """
        if not self._kernels:
            return tf.zeros(0)
        mine = [_dense(gradients[kernel.place], kernel.variable) for kernel in self._kernels]
        return _where(first, lambda: self._measured(mine, before), self.steps)

    def activations(self, first: Any, tensors: Sequence[Any]) -> Any:
        """Measure the tensors that `model` gives beside the outputs, if they are of the first batch; otherwise 0."""
        if not self._activations:
            return tf.zeros(0)
        return _where(first, lambda: self._counted(tensors), self.shares)

    def layers(self, row: Sequence[float]) -> tuple[LayerHealth, ...]:
        """Return an epoch's numbers, those of the step and then the shares, as what they say of each layer."""
        many = len(self._kernels)
        found: dict[str, dict[str, float]] = {}
        for place, kernel in enumerate(self._kernels):
            found[kernel.scope] = kernel.health(*row[place : 3 * many : many])
        for (scope, name), value in zip(self._shares, row[3 * many :], strict=True):
            found.setdefault(scope, {})[name] = value
        held = {scope: {name: bounded(value) for name, value in each.items()} for scope, each in found.items()}
        return tuple(LayerHealth(scope, **held[scope]) for scope in dict.fromkeys(self._order) if scope in held)

    def _measured(self, gradients: Sequence[Any], before: Sequence[Any]) -> Any:
        after, shapes = self.weights(), [tuple(kernel.variable.shape) for kernel in self._kernels]
        sums: list[Any] = [None] * (3 * len(shapes))
        for places in alike(shapes, [math.prod(shape) for shape in shapes]):
            parts = [[arrays[place] for place in places] for arrays in (gradients, after, before)]
            for row, found in enumerate(_squares(*parts)):
                for place, one in zip(places, found, strict=True):
                    sums[row * len(shapes) + place] = one
        return 2 * tf.stack(sums)

    def _counted(self, tensors: Sequence[Any]) -> Any:
        looked = [_some(tensor) for tensor in tensors]
        kinds = [(one.ends, tuple(tensor.shape)) for one, tensor in zip(self._activations, looked, strict=True)]
        sizes = [math.prod(size or SAMPLES for size in shape) for _, shape in kinds]
        dead, saturated = dict[int, Any](), dict[int, Any]()
        for places in alike(kinds, sizes):
            ends, stacked = kinds[places[0]][0], len(places) > 1
            tensor = tf.stack([looked[place] for place in places]) if stacked else looked[places[0]]
            for wanted, of, found in ((ends.dies, ends.dead, dead), (ends.bounded, ends.saturated, saturated)):
                if wanted:
                    shares = of(tensor, stacked=stacked)
                    found.update(zip(places, tf.unstack(shares) if stacked else [shares], strict=True))
        return tf.stack([found[place] for found in (dead, saturated) for place in sorted(found)])


def _squares(gradients: Sequence[Any], after: Sequence[Any], before: Sequence[Any]) -> list[list[Any]]:
    """Return half the sum of squares of each gradient, of each change, and of each kernel before it, scalars."""
    if len(gradients) == 1:
        return [[tf.nn.l2_loss(array)] for array in (gradients[0], after[0] - before[0], before[0])]
    given, new, old = (tf.stack(arrays) for arrays in (gradients, after, before))
    stacked = tf.stack([given, new - old, old])
    sums = tf.reduce_sum(tf.square(stacked), axis=list(range(2, len(stacked.shape)))) / 2
    return [tf.unstack(row) for row in tf.unstack(sums)]


def spread(items: Sequence[T], most: int = MOST) -> list[T]:
    """Choose some of a sequence, evenly, its ends among them."""
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int)]


def _kernels(tail: Any) -> Iterator[Kernel]:
    places = {id(variable): place for place, variable in enumerate(tail.trainable_variables)}
    for layer in {id(layer): layer for layer, _, _ in nodes(tail)}.values():
        held = [one for one in getattr(layer, "trainable_weights", ()) if len(one.shape) > 1 and id(one) in places]
        if held and not isinstance(layer, keras.layers.PReLU):
            kernel = max(held, key=lambda one: math.prod(one.shape))
            yield Kernel(scope_of(layer.name), places.pop(id(kernel)), kernel, _fan_in(layer, tuple(kernel.shape)))


def _fan_in(layer: Any, shape: tuple[int, ...]) -> int:
    """Return how many numbers a unit of a layer adds up."""
    if isinstance(layer, keras.layers.Embedding):
        return 1
    if isinstance(layer, (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)):
        return math.prod(shape[:-2])
    if isinstance(layer, (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)):
        return math.prod(shape[:-2]) * shape[-1]
    return math.prod(shape[:-1])


def _activations(tail: Any) -> Iterator[Activation]:
    last = {id(layer): (layer, outputs[0]) for layer, _, outputs in nodes(tail)}
    for layer, tensor in last.values():
        ends = ends_of(layer)
        fixed = getattr(layer, "weights", ()) and not layer.trainable_weights
        if ends is not None and not fixed:
            yield Activation(scope_of(layer.name), tensor, ends)


def _where(first: Any, measured: Callable[[], Any], width: int) -> Any:
    """Return what is measured if it is the first, known or in the graph; otherwise 0."""
    return measured() if first is True else tf.cond(first, measured, lambda: tf.zeros(width))


def _dense(gradient: Any, variable: Any) -> Any:
    """Return a gradient as a tensor; of what the loss does not depend on, 0."""
    return tf.zeros(variable.shape) if gradient is None else tf.convert_to_tensor(gradient)


def _some(tensor: Any) -> Any:
    return tensor if (tensor.shape[0] or math.inf) <= SAMPLES else tensor[:SAMPLES]
