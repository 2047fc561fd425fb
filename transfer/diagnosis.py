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
from transfer.gradients import exploding, vanishing
from transfer.layer_figures import lasting, learning, medians, of, others

HALF = 0.5  # of a layer's units, or of its outputs
LARGE_UPDATE = 0.1  # a step's, of the weights: about 1e-3 is healthy (Karpathy, notes to CS231n, "Ratio of weights")
ERASING_UPDATE = 1.0  # the first epoch's: what the weights held, reused ones too, is gone after it
SMALL_UPDATE = 1e-6  # a thousand times below that: a thousand steps change a weight by a thousandth
SPIKE = 3.0  # of the training loss by the median of the five epochs before
JUMP = 0.25  # and by how much at least, of the first epoch's loss

# Trouble that is only the effect of another.
EXPLAINED = {
    "vanishing": {"dead", "exploding", "large_update"},
    "small_update": {"dead", "vanishing", "exploding"},
    "saturated": {"exploding"},
}


def findings(epochs: Sequence[Figures]) -> tuple[Finding, ...]:
    """Say what is wrong with a phase: at most one finding a kind."""
    kinds = (exploding, vanishing, _dead, _saturated, _large_updates, _small_updates, _spikes)
    found = [finding for look in kinds if epochs and (finding := look(epochs)) is not None]
    seen = {finding.kind for finding in found}
    return tuple(finding for finding in found if not seen & EXPLAINED.get(finding.kind, set()))


def _dead(epochs: Sequence[Figures]) -> Finding | None:
    shares = lasting(epochs, "dead")
    dead = [scope for scope, share in shares.items() if share >= HALF]
    if not dead:
        return None
    return Finding(
        "dead", dead[0], _since(epochs, "dead", dead[0]), shares[dead[0]],
        f"{shares[dead[0]]:.0%} of the units of {dead[0]}{others(dead)} are dead: they give 0 for every sample",
        "--activation elu or leaky_relu, --init he, a lower --lr, or --batch-norm",
    )  # fmt: skip


def _saturated(epochs: Sequence[Figures]) -> Finding | None:
    shares = lasting(epochs, "saturated")
    full = [scope for scope, share in shares.items() if share >= HALF]
    if not full or not learning(epochs[-1:]):
        return None
    worst = max(full, key=lambda scope: shares[scope])
    return Finding(
        "saturated", worst, _since(epochs, "saturated", worst), shares[worst],
        f"{shares[worst]:.0%} of the outputs of {worst}{others(full)} lie at the ends of the activation's range",
        "--activation elu, --init xavier, or --batch-norm",
    )  # fmt: skip


def _large_updates(epochs: Sequence[Figures]) -> Finding | None:
    first, usual = of(epochs[0], "update"), medians(epochs, "update")
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
    ratios = medians(learning(epochs), "update")
    still = [scope for scope, ratio in ratios.items() if ratio < SMALL_UPDATE]
    if not still:
        return None
    least = min(still, key=lambda scope: ratios[scope])
    return Finding(
        "small_update", least, 1, ratios[least],
        f"a step changes the weights of {least}{others(still)} by {_percent(ratios[least])}, where about 0.1 % is "
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


def _since(epochs: Sequence[Figures], statistic: str, scope: str) -> int:
    """Return from which epoch on a share has been half or more."""
    below = [number for number, epoch in enumerate(epochs, start=1) if of(epoch, statistic)[scope] < HALF]
    return max(below, default=0) + 1


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 1 else f"{100 * share:,.0f} %"
