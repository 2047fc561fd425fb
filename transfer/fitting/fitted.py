"""What a phase of training came to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from registry.errors import ZooError
from transfer.diagnosis import findings
from transfer.layer_health import LayerHealth


@dataclass(frozen=True)
class Epoch:
    """One epoch's figures.

    Attributes:
        train_loss, valid_loss: means over samples.
        valid_accuracy: what `transfer.evaluate.Score.accuracy` is.
        layers: how each layer fared, from the input on; empty where that was not asked for.
    """

    train_loss: float
    valid_loss: float
    valid_accuracy: float
    layers: tuple[LayerHealth, ...] = ()

    def __str__(self) -> str:
        return f"loss {self.train_loss:.4f}, valid {self.valid_loss:.4f}, accuracy {self.valid_accuracy:.3f}"


@dataclass(frozen=True)
class Fitted:
    """What a phase came to.

    Attributes:
        epochs: the figures of each epoch that ran.
        improved: whether any of them was better than where the phase began; if not, the weights are as they were.
        seconds: for compiling and training; of a phase that was resumed, since then.
        diverged: whether the last epoch's loss is not a number, which ended the phase.
    """

    epochs: tuple[Epoch, ...]
    improved: bool
    seconds: float
    diverged: bool = False

    @property
    def best(self) -> int:
        """The position of the epoch with the lowest validation loss; its weights were kept if it improved."""
        losses = [epoch.valid_loss if math.isfinite(epoch.valid_loss) else math.inf for epoch in self.epochs]
        return losses.index(min(losses))


class DivergenceError(ZooError):
    """No epoch of a phase was good; the weights are those that it began with.

    Args:
        why: what was wrong before it began; empty where nothing was, and the steps were too large.

    Attributes:
        fitted: the epochs that ran, for those to whom it is a result and no error.
    """

    def __init__(self, fitted: Fitted, why: str, hint: str) -> None:
        layer = "" if why else _steepest(fitted)
        where = f"; {why}" if why else f", at or near {layer}" if layer else ""
        super().__init__(
            f"training diverged in its first epoch: the loss is not a number{where}",
            hint,
        )
        self.fitted = fitted


def _steepest(fitted: Fitted) -> str:
    """Name the layer where it began, or whose gradient was the largest; empty where none was measured."""
    named = next((one.layer for one in findings(fitted.epochs) if one.kind == "exploding"), "")
    sizes = {one.scope: one.gradient for one in fitted.epochs[-1].layers if one.gradient is not None}
    return named or max(sizes, key=lambda scope: sizes[scope], default="")
