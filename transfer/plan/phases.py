"""What trains in each phase of a plan, decided from what the phases before it gained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transfer.plan.levels import groups
from transfer.plan.plan import AUTO, GRADUAL, Plan
from transfer.plan.selection import Selection
from transfer.result import PhaseResult
from transfer.scope import select


@dataclass(frozen=True)
class Phase:
    """What is fixed and what trains for one stretch of training.

    Attributes:
        number: from 1; 0 is training from scratch.
        reused: scopes of the layers that have, or began with, the source's weights.
        frozen: scopes of those of them that do not train.
        lr: the learning rate.
        fresh: whether the model is made anew before it; otherwise it goes on from the phase before.
    """

    number: int
    reused: tuple[str, ...]
    frozen: tuple[str, ...]
    lr: float
    fresh: bool = False


def next_phase(plan: Plan, selection: Selection, held: Sequence[str], done: Sequence[PhaseResult]) -> Phase | None:
    """Say what comes after the phases that are done; None where nothing does.

    `auto` is the procedure of Géron (2017), chapter 11: freeze all that is reused and train; unfreeze from the top
    down while validation improves; then drop the topmost reused layer, make it anew, and begin again; stop when that
    gains nothing over the best so far.

    Args:
        plan: the choices.
        selection: what the plan selects of the source.
        held: the scopes of the layers with parameters of the model that trains.
        done: what the phases so far came to, in order.
    """
    if not done:
        return Phase(1, selection.reused, selection.frozen, plan.training.lr, fresh=True)
    if plan.unfreeze == AUTO:
        return _unfrozen(plan, selection, done) if done[-1].gained else _dropped(plan, selection, done)
    later = frozen_sets(plan, selection, held)[len(done) :]
    return _later(plan, done, later[0]) if later else None


def frozen_sets(plan: Plan, selection: Selection, held: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what is frozen in each phase that goes on from the first, in order: of `auto` as far as it could go."""
    frozen = selection.frozen
    found = [frozen]
    if plan.unfreeze in (AUTO, GRADUAL):
        for group in reversed(groups(selection.layers, frozen)):
            frozen = frozen[: frozen.index(group[0])]
            found.append(frozen)
        return found
    for pattern in plan.unfreeze:
        freed = select(pattern, held)
        frozen = tuple(scope for scope in frozen if scope not in freed)
        found.append(frozen)
    return found


def _unfrozen(plan: Plan, selection: Selection, done: Sequence[PhaseResult]) -> Phase | None:
    frozen = done[-1].frozen
    below = groups(selection.layers, frozen)
    return _later(plan, done, frozen[: frozen.index(below[-1][0])]) if below else _dropped(plan, selection, done)


def _dropped(plan: Plan, selection: Selection, done: Sequence[PhaseResult]) -> Phase | None:
    """Begin again with one group of layers less; not where the last beginning gained nothing, or nothing is left."""
    reused = done[-1].reused
    here = groups(selection.layers, reused)
    if len(here) < 2 or not any(phase.kept for phase in done if phase.reused == reused):
        return None
    reused = reused[: reused.index(here[-1][0])]
    frozen = tuple(scope for scope in selection.frozen if scope in reused)
    return Phase(len(done) + 1, reused, frozen, plan.training.lr, fresh=True) if frozen else None


def _later(plan: Plan, done: Sequence[PhaseResult], frozen: tuple[str, ...]) -> Phase:
    return Phase(len(done) + 1, done[-1].reused, frozen, plan.training.lr * plan.training.unfreeze_lr)
