"""Whether each phase of a plan frees something. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Sequence, Set

from registry.errors import ZooError
from transfer.graph import weighted
from transfer.plan.dropping import left_out
from transfer.plan.plan import AUTO, GRADUAL, Plan
from transfer.plan.selection import Selection, named
from transfer.scope import compiled, matches


def check_unfreezing(plan: Plan, selection: Selection) -> None:
    """Find a later phase that would free nothing, before anything is trained.

    Raises:
        ZooError: a regex is invalid, selects nothing, or only layers that are new, or free already.
    """
    frozen = [scope for scope in weighted(selection.layers) if scope in selection.frozen]
    left = frozen
    for number, pattern in enumerate(() if plan.unfreeze in (AUTO, GRADUAL) else plan.unfreeze, start=2):
        regex = compiled(pattern)
        still = [scope for scope in left if not matches(regex, scope)]
        if still == left:
            raise _refusal(pattern, number, selection, left_out(selection, plan.top), left)
        left = still


def _refusal(pattern: str, number: int, selection: Selection, gone: Set[str], left: Sequence[str]) -> ZooError:
    found = named("--unfreeze", pattern, [layer.name for layer in selection.layers])
    held = [scope for scope in found if scope in weighted(selection.layers)]
    names = ", ".join(held or found)
    if not held:
        why = f"{names} has no weights" if len(found) == 1 else f"{names} have no weights"
    elif gone >= set(held):
        why = f"the model that trains has no {names}: the new top stands there"
    elif set(held).intersection(selection.frozen):
        why = f"an earlier phase has freed {names}"
    else:
        why = f"{names} {'is' if len(held) == 1 else 'are'} not frozen, and trained from the first phase on"
    hint = f"frozen by then: {', '.join(left)}" if left else "nothing is frozen by then: leave it out"
    return ZooError(f"--unfreeze {pattern!r} frees nothing in phase {number}: {why}", hint)
