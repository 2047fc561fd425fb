"""Gradients that explode, or vanish towards the input. Pure: no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from transfer.finding import Figures, Finding
from transfer.layer_figures import RECENT, learning, medians, of, others
from transfer.layer_health import LARGEST

EXPLODING = 100.0  # of a gradient's root mean square: of scaled inputs and a loss of a few nats it is below 1
GROWN = 100.0  # of a gradient by the median of the epochs before, while the loss rises above its first
OUTLYING = 10.0  # of a layer's gain, and of that by the median of the other layers'
LARGE_GAIN = 3.0  # of half the layers: He's initialisation has 1.4, weights of deviation 1 on 30 units have 5.5
VANISHING = 1e-4  # of a gradient by the largest: in a net of five layers a tenth is usual (Glorot and Bengio 2010)
FADING = 5e-3  # the same before the first step, where it falls layer by layer: four sigmoid layers have it, three not
STEADY = 2 / 3  # of the steps from layer to layer that have to go down
DEEP = 4  # layers, of which fewer show no trend


def exploding(epochs: Sequence[Figures]) -> Finding | None:
    """The loss is no number, or a gradient is beyond all measure or has grown by orders together with the loss."""
    for number, epoch in enumerate(epochs, start=1):
        lost = not math.isfinite(epoch.train_loss)
        largest = _largest(epochs[:number]) if lost else _beyond(epoch) or _grown(epochs[:number])
        if not lost and not largest:
            continue
        figure = max((of(one, "gradient").get(largest, 0.0) for one in epochs[:number]), default=0.0)
        what = "the loss is no number any more" if lost else "the gradient explodes"
        cause = _outlying(epochs[0])
        return Finding(
            "exploding", cause or largest, number, figure,
            f"in epoch {number} {what}{_where(epochs[0], cause, largest, figure)}",
            "--clip-norm 1.0, a lower --lr, --batch-norm, or a smaller initialisation (--init)",
        )  # fmt: skip
    return None


def vanishing(epochs: Sequence[Figures]) -> Finding | None:
    """The lowest trained layer gets hardly any of the gradient that the strongest gets, at first or in most epochs."""
    ratios: dict[str, list[float]] = {}
    for epoch in learning(epochs):
        for scope, share in _shares(epoch).items():
            ratios.setdefault(scope, []).append(share)
    weak = [scope for scope, seen in ratios.items() if median(seen) < VANISHING]
    lasts = bool(weak) and weak[0] == next(iter(ratios))
    faded = _faded(epochs[0]) if learning(epochs[:1]) else []
    if not lasts and not faded:
        return None
    named = weak if lasts else faded
    figure = median(ratios[named[0]]) if lasts else ratios[named[0]][0]
    return Finding(
        "vanishing", named[0], 1, figure,
        f"the gradient vanishes towards the input: at {named[0]}{others(named)} it is {figure:.2g} of the largest"
        f"{'' if lasts else ' when training begins'}",
        "--activation elu, --init he (xavier for tanh and sigmoid), or --batch-norm",
    )  # fmt: skip


def _shares(epoch: Figures) -> dict[str, float]:
    """Return each layer's gradient by the largest; nothing where all are 0."""
    sizes = of(epoch, "gradient")
    most = max(sizes.values(), default=0.0)
    return {scope: size / most for scope, size in sizes.items()} if most > 0 else {}


def _faded(epoch: Figures) -> list[str]:
    """Return the layers whose gradient is far below the largest, where it falls towards the input step by step."""
    shares = _shares(epoch)
    sizes = list(shares.values())
    below = sizes[: sizes.index(1.0) + 1] if 1.0 in sizes else []
    downwards = [lower < upper for lower, upper in pairwise(below)]
    steady = len(below) >= DEEP and sum(downwards) >= STEADY * len(downwards)
    return [scope for scope, share in shares.items() if share < FADING] if steady and below[0] < FADING else []


def _where(first: Figures, cause: str, largest: str, figure: float) -> str:
    gains = of(first, "gain")
    at = f"{largest}, {figure:.3g} (root mean square)"
    if cause:
        peak = f"; the gradient is largest at {at}" if largest else ""
        return f": the weights of {cause} are too large, they make what it reads {gains[cause]:.3g} times larger{peak}"
    gain = median(gains.values()) if gains else 0.0
    large = f"; weights are large, a layer makes what it reads {gain:.2g} times larger" if gain >= LARGE_GAIN else ""
    return f", at or near the layer with the largest gradient: {at}{large}" if largest else large


def _outlying(first: Figures) -> str:
    """Return the layer that has far larger weights than all others before the first step.

    It need not have the largest gradient: large weights enlarge those of the layers below and above, not their own.
    """
    gains = {scope: gain for scope, gain in of(first, "gain").items() if gain < LARGEST}
    layer = max(gains, key=lambda scope: gains[scope], default="")
    rest = [gain for scope, gain in gains.items() if scope != layer]
    return layer if rest and gains[layer] >= OUTLYING * max(1.0, median(rest)) else ""


def _beyond(epoch: Figures) -> str:
    sizes = of(epoch, "gradient")
    layer = max(sizes, key=lambda scope: sizes[scope], default="")
    return layer if layer and sizes[layer] >= EXPLODING else ""


def _grown(epochs: Sequence[Figures]) -> str:
    """Return the layer whose gradient in the last epoch is far above what it was, where the loss is too."""
    *earlier, last = epochs
    if len(earlier) < RECENT or last.train_loss <= earlier[0].train_loss:
        return ""
    usual, sizes = medians(earlier, "gradient"), of(last, "gradient")
    growth = {scope: size / usual[scope] for scope, size in sizes.items() if usual[scope] > 0}
    layer = max(growth, key=lambda scope: growth[scope], default="")
    return layer if layer and growth[layer] >= GROWN else ""


def _largest(epochs: Sequence[Figures]) -> str:
    """Return the layer with the largest gradient in the last epoch in which gradients were numbers."""
    for epoch in reversed(epochs):
        sizes = {scope: size for scope, size in of(epoch, "gradient").items() if size < LARGEST}
        if sizes:
            return max(sizes, key=lambda scope: sizes[scope])
    return ""
