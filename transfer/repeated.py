"""Whether a run that was done again came out the same. Pure of Keras."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from transfer.result import PhaseResult, Result
from transfer.runs import WEIGHTS, RunFolder
from transfer.safetensors_file import read


def differences(first: RunFolder, second: RunFolder) -> tuple[str, ...]:
    """Compare two finished runs of one plan: their phases, their figures and, bit by bit, their weights.

    Returns:
        One text a difference; none where they are the same.

    Raises:
        ZooError: one of them has no result, or a file cannot be read.
    """
    return (*_figures(first.result, second.result), *_weights(first, second))


def _figures(first: Result, second: Result) -> Iterator[str]:
    if first.fingerprint != second.fingerprint:
        yield "the data are others: their content or their splits have changed"
    if len(first.phases) != len(second.phases):
        yield f"{len(first.phases)} phases, now {len(second.phases)}"
    for number, (old, new) in enumerate(zip(first.phases, second.phases, strict=False), start=1):
        if _outcome(old) != _outcome(new):
            yield f"phase {number}: validation loss {old.valid_loss:.9g} after {old.epochs} epochs, now " + (
                f"{new.valid_loss:.9g} after {new.epochs}"
            )
    if first.test_accuracy != second.test_accuracy:
        yield f"test {first.measure} {first.test_accuracy}, now {second.test_accuracy}"
    if first.kept != second.kept:
        yield f"kept is the model that is {_how(first)}, now that which is {_how(second)}"


def _how(result: Result) -> str:
    return "trained from scratch" if result.kept == "scratch" else "reused"


def _outcome(phase: PhaseResult) -> tuple[object, ...]:
    return phase.train, phase.epochs, phase.best_epoch, phase.train_loss, phase.valid_loss


def _weights(first: RunFolder, second: RunFolder) -> Iterator[str]:
    old, new = (read(folder.path / WEIGHTS) for folder in (first, second))
    if old.keys() != new.keys():
        yield f"other layers: {', '.join(sorted(old.keys() ^ new.keys()))}"
    changed = [name for name in old.keys() & new.keys() if not np.array_equal(old[name], new[name])]
    if changed:
        most = max(float(np.abs(old[name].astype(float) - new[name]).max()) for name in changed)
        yield f"{len(changed)} of {len(old)} weights differ, by at most {most:.3g}"
