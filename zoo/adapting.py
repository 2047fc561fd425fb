"""A plan as the data allow it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from transfer.data.arrays.samples import ArraySamples
from transfer.plan.feedable import feedable
from transfer.plan.unfreezing import check_unfreezing

if TYPE_CHECKING:
    from transfer.data.dataset import Dataset
    from transfer.plan.plan import Plan
    from transfer.plan.selection import Selection


def adapted(plan: Plan, selection: Selection, data: Dataset) -> tuple[Plan, tuple[str, ...]]:
    """Let a plan drop what reads inputs that the data do not have; return it, and what to tell of it.

    Raises:
        ZooError: the data have one array, and the reused layers read several inputs; or a phase unfreezes what is
            dropped.
    """
    samples = data.train.samples
    given = samples.names if isinstance(samples, ArraySamples) else ()
    top = feedable(plan.top, selection, given, data.ref)
    if top == plan.top:
        return plan, ()
    plan = replace(plan, top=top)
    check_unfreezing(plan, selection)
    return plan, (f"the data do not feed all inputs: what reads the others is left out, as by --drop {top.drop!r}",)
