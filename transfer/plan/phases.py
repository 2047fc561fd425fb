"""What trains in each phase of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry.card import LayerInfo
from transfer.graph import weighted
from transfer.plan.plan import AUTO, Plan
from transfer.plan.selection import Selection
from transfer.scope import select


@dataclass(frozen=True)
class Phase:
    """What is fixed and what trains for one stretch of training.

    Attributes:
        number: from 1.
        frozen: scopes of the reused layers that do not train.
        train: scopes of the layers with parameters that do.
        lr: Adam's learning rate.
    """

    number: int
    frozen: tuple[str, ...]
    train: tuple[str, ...]
    lr: float


def phases(plan: Plan, selection: Selection, student: Sequence[LayerInfo]) -> Iterator[Phase]:
    """Yield a plan's phases in order; `auto` yields one more each time it is asked, down to the input.

    Args:
        plan: the choices.
        selection: what the plan selects of the source.
        student: the layers of the model that trains.
    """
    trainable = weighted(student)
    frozen = tuple(scope for scope in selection.frozen if scope in {layer.name for layer in student})
    for number, fixed in enumerate(_frozen_sets(plan.unfreeze, frozen, trainable), start=1):
        lr = plan.training.lr * (1.0 if number == 1 else plan.training.unfreeze_lr)
        yield Phase(number, fixed, tuple(scope for scope in trainable if scope not in fixed), lr)


def _frozen_sets(
    unfreeze: tuple[str, ...], frozen: tuple[str, ...], trainable: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    yield frozen
    if unfreeze == AUTO:
        for scope in reversed([scope for scope in frozen if scope in trainable]):
            frozen = frozen[: frozen.index(scope)]
            yield frozen
        return
    for pattern in unfreeze:
        freed = select(pattern, trainable)
        frozen = tuple(scope for scope in frozen if scope not in freed)
        yield frozen
