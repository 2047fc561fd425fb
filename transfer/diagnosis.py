"""What is wrong with a phase of training, told from its epochs. Pure: no TensorFlow.

Each kind of trouble is looked for by a function of its own. A net counts as healthy unless a figure is off by orders of
magnitude. Once the training loss is nearly 0 (`LEARNT`), gradients are small and noisy in any net, so for most kinds
only the epochs before that count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from transfer.finding import Figures, Finding
from transfer.layer_health import LARGEST

LEARNT = 0.01  # of a training loss: nats, or shares of the labels' variance
VANISHING = 1e-4  # of a gradient by the largest: in a net of five layers a tenth is usual (Glorot and Bengio 2010)
EXPLODING = 100.0  # of a gradient's root mean square: of scaled inputs and a loss of a few nats it is below 1
GROWN = 100.0  # of a gradient by the median of the epochs before, while the loss rises above its first
HALF = 0.5  # of a layer's units, or of its outputs
RECENT = 3  # epochs in which they have to be dead or saturated, all the time
LARGE_UPDATE = 0.1  # a step's, of the weights: about 1e-3 is healthy (Karpathy, notes to CS231n, "Ratio of weights")
ERASING_UPDATE = 1.0  # the first epoch's: what the weights held, reused ones too, is gone after it
SMALL_UPDATE = 1e-6  # a thousand times below that: a thousand steps change a weight by a thousandth
SPIKE = 3.0  # of the training loss by the median of the five epochs before
JUMP = 0.25  # and by how much at least, of the first epoch's loss

# Trouble that is only the effect of another.
EXPLAINED = {
    "vanishing": {"dead", "exploding", "large_update"},
    "small_update": {"dead", "vanishing"},
    "saturated": {"exploding"},
}


def findings(epochs: Sequence[Figures]) -> tuple[Finding, ...]:
    """Say what is wrong with a phase: at most one finding a kind."""
    kinds = (_exploding, _vanishing, _dead, _saturated, _large_updates, _small_updates, _spikes)
    found = [finding for look in kinds if epochs and (finding := look(epochs)) is not None]
    seen = {finding.kind for finding in found}
    return tuple(finding for finding in found if not seen & EXPLAINED.get(finding.kind, set()))


def _exploding(epochs: Sequence[Figures]) -> Finding | None:
    """The loss is no number, or a gradient is beyond all measure or has grown by orders together with the loss."""
    for number, epoch in enumerate(epochs, start=1):
        lost = not math.isfinite(epoch.train_loss)
        layer = _largest(epochs[:number]) if lost else _beyond(epoch) or _grown(epochs[:number])
        if not lost and not layer:
            continue
        figure = max((_of(one, "gradient").get(layer, 0.0) for one in epochs[:number]), default=0.0)
        where = f"the gradient of {layer} is the largest, {figure:.3g} (root mean square)" if layer else ""
        what = "the loss is no number any more" if lost else "the gradient explodes"
        return Finding(
            "exploding", layer, number, figure, f"in epoch {number} {what}{': ' if where else ''}{where}",
            "--clip-norm 1.0, a lower --lr, --batch-norm, or a smaller initialisation (--init)",
        )  # fmt: skip
    return None


def _vanishing(epochs: Sequence[Figures]) -> Finding | None:
    """The lowest trained layer gets hardly any of the gradient that the strongest gets, in most epochs."""
    ratios: dict[str, list[float]] = {}
    for epoch in _learning(epochs):
        sizes = _of(epoch, "gradient")
        for scope, size in sizes.items() if max(sizes.values(), default=0.0) > 0 else ():
            ratios.setdefault(scope, []).append(size / max(sizes.values()))
    weak = [scope for scope, seen in ratios.items() if median(seen) < VANISHING]
    if not weak or weak[0] != next(iter(ratios)):
        return None
    figure = median(ratios[weak[0]])
    return Finding(
        "vanishing", weak[0], 1, figure,
        f"the gradient vanishes towards the input: at {weak[0]}{_others(weak)} it is {figure:.2g} of the largest",
        "--activation elu, --init he (xavier for tanh and sigmoid), or --batch-norm",
    )  # fmt: skip


def _dead(epochs: Sequence[Figures]) -> Finding | None:
    shares = _lasting(epochs, "dead")
    dead = [scope for scope, share in shares.items() if share >= HALF]
    if not dead:
        return None
    return Finding(
        "dead", dead[0], _since(epochs, "dead", dead[0]), shares[dead[0]],
        f"{shares[dead[0]]:.0%} of the units of {dead[0]}{_others(dead)} are dead: they give 0 for every sample",
        "--activation elu or leaky_relu, --init he, a lower --lr, or --batch-norm",
    )  # fmt: skip


def _saturated(epochs: Sequence[Figures]) -> Finding | None:
    shares = _lasting(epochs, "saturated")
    full = [scope for scope, share in shares.items() if share >= HALF]
    if not full or not _learning(epochs[-1:]):
        return None
    worst = max(full, key=lambda scope: shares[scope])
    return Finding(
        "saturated", worst, _since(epochs, "saturated", worst), shares[worst],
        f"{shares[worst]:.0%} of the outputs of {worst}{_others(full)} lie at the ends of the activation's range",
        "--activation elu, --init xavier, or --batch-norm",
    )  # fmt: skip


def _large_updates(epochs: Sequence[Figures]) -> Finding | None:
    first, usual = _of(epochs[0], "update"), _medians(epochs, "update")
    erasing = {scope: ratio for scope, ratio in first.items() if ratio > ERASING_UPDATE}
    ratios = erasing or {scope: ratio for scope, ratio in usual.items() if ratio > LARGE_UPDATE}
    if not ratios:
        return None
    worst = max(ratios, key=lambda scope: ratios[scope])
    return Finding(
        "large_update", worst, 1, ratios[worst],
        f"a step changes the weights of {worst} by {_percent(ratios[worst])}, where about 0.1 % is healthy",
        "a lower --lr",
    )  # fmt: skip


def _small_updates(epochs: Sequence[Figures]) -> Finding | None:
    ratios = _medians(_learning(epochs), "update")
    still = [scope for scope, ratio in ratios.items() if ratio < SMALL_UPDATE]
    if not still:
        return None
    least = min(still, key=lambda scope: ratios[scope])
    return Finding(
        "small_update", least, 1, ratios[least],
        f"a step changes the weights of {least}{_others(still)} by {_percent(ratios[least])}, where about 0.1 % is "
        "healthy", "a higher --lr",
    )  # fmt: skip


def _spikes(epochs: Sequence[Figures]) -> Finding | None:
    losses = [epoch.train_loss for epoch in epochs]
    before = [median(losses[max(0, place - 5) : place]) for place in range(1, len(losses))]
    high = [
        place for place, usual in enumerate(before, start=1)
        if math.isfinite(losses[place]) and losses[place] > max(SPIKE * usual, usual + JUMP * losses[0])
    ]  # fmt: skip
    if not high:
        return None
    first = high[0]
    return Finding(
        "spike", "", first + 1, losses[first] / before[first - 1],
        f"the training loss jumps {'once' if len(high) == 1 else f'{len(high)} times'}, first in epoch {first + 1}, "
        f"from about {before[first - 1]:.3g} to {losses[first]:.3g}", "--clip-norm 1.0, or a lower --lr",
    )  # fmt: skip


def _of(epoch: Figures, statistic: str) -> dict[str, float]:
    """Return one statistic by scope, of the layers that have it."""
    return {one.scope: value for one in epoch.layers if (value := getattr(one, statistic)) is not None}


def _learning(epochs: Sequence[Figures]) -> list[Figures]:
    return [epoch for epoch in epochs if math.isfinite(epoch.train_loss) and epoch.train_loss >= LEARNT]


def _medians(epochs: Sequence[Figures], statistic: str) -> dict[str, float]:
    rows = [_of(epoch, statistic) for epoch in epochs]
    return {scope: median(row[scope] for row in rows) for scope in (rows[0] if rows else ())}


def _lasting(epochs: Sequence[Figures], statistic: str) -> dict[str, float]:
    """Return by layer the share that was reached in each of the last epochs."""
    rows = [_of(epoch, statistic) for epoch in epochs[-RECENT:] if math.isfinite(epoch.train_loss)]
    return {scope: min(row[scope] for row in rows) for scope in (rows[0] if rows else ())}


def _since(epochs: Sequence[Figures], statistic: str, scope: str) -> int:
    """Return from which epoch on a share has been half or more."""
    below = [number for number, epoch in enumerate(epochs, start=1) if _of(epoch, statistic)[scope] < HALF]
    return max(below, default=0) + 1


def _beyond(epoch: Figures) -> str:
    sizes = _of(epoch, "gradient")
    layer = max(sizes, key=lambda scope: sizes[scope], default="")
    return layer if layer and sizes[layer] >= EXPLODING else ""


def _grown(epochs: Sequence[Figures]) -> str:
    """Return the layer whose gradient in the last epoch is far above what it was, where the loss is too."""
    *earlier, last = epochs
    if len(earlier) < RECENT or last.train_loss <= earlier[0].train_loss:
        return ""
    usual, sizes = _medians(earlier, "gradient"), _of(last, "gradient")
    growth = {scope: size / usual[scope] for scope, size in sizes.items() if usual[scope] > 0}
    layer = max(growth, key=lambda scope: growth[scope], default="")
    return layer if layer and growth[layer] >= GROWN else ""


def _largest(epochs: Sequence[Figures]) -> str:
    """Return the layer with the largest gradient in the last epoch in which gradients were numbers."""
    for epoch in reversed(epochs):
        sizes = {scope: size for scope, size in _of(epoch, "gradient").items() if size < LARGEST}
        if sizes:
            return max(sizes, key=lambda scope: sizes[scope])
    return ""


def _others(scopes: Sequence[str]) -> str:
    return f" (and {len(scopes) - 1} more)" if len(scopes) > 1 else ""


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
