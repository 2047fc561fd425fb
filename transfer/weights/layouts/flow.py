"""In which order a tensor has its numbers, compared with a framework that has channels first. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from transfer.weights.target import Shape


class Order(Enum):
    """How the numbers of one sample lie."""

    SAME = "as in the other framework"
    MAP = "a map, which the other framework has with its channels first"
    ROWS = "flattened from maps"
    LOST = "made of a map whose axes are no longer known"
    DOUBT = "perhaps flattened from a map"
    RAISED = "a map made of a vector"


@dataclass(frozen=True)
class Flow:
    """What is known of the order of a tensor's numbers.

    Attributes:
        order: how they lie.
        axes: of a map (h, w, c): which of its axes 1, 2, 3 each axis of the tensor is.
        rows: of flattened maps: their shapes (h, w, c) one after the other, (n,) for what never was a map.
        why: what makes it unknown.
        made: positions of the modules whose outputs these numbers are, one for one.
    """

    order: Order
    axes: tuple[int, ...] = ()
    rows: tuple[Shape, ...] = ()
    why: str = ""
    made: frozenset[int] = frozenset()

    @property
    def is_plain(self) -> bool:
        """Whether its numbers lie in the same order in both frameworks."""
        return self.order is Order.SAME

    @property
    def merges(self) -> bool:
        """Whether it matters how its axes are merged."""
        return self.order in (Order.MAP, Order.LOST)


SAME = Flow(Order.SAME)


def made_by(flows: Iterable[Flow]) -> frozenset[int]:
    """Return the modules whose outputs these numbers are."""
    return frozenset().union(*(flow.made for flow in flows))


def map_of(rank: int, first: bool = False) -> Flow:
    """Return the flow of a map of so many axes without the batch, with its channels last or first.

    >>> map_of(3).axes, map_of(3, first=True).axes
    ((1, 2, 3), (3, 1, 2))
    """
    last = tuple(range(1, rank + 1))
    return Flow(Order.MAP, (rank, *last[:-1]) if first else last)


def permuted(flow: Flow, dims: Sequence[int], where: str) -> Flow:
    """Follow a permutation; `dims` counts axes from 1, as Keras's Permute does."""
    dims = tuple(dims)
    if flow.order is Order.RAISED:  # (c, h, w) -> (h, w, c): the architecture does as the other framework
        done = dims == (*range(2, len(dims) + 1), 1)
        return map_of(len(dims)) if done else Flow(Order.LOST, why=where)
    if flow.order is Order.MAP and sorted(dims) == list(range(1, len(flow.axes) + 1)):
        return Flow(Order.MAP, tuple(flow.axes[one - 1] for one in dims))
    return flow if flow.order in (Order.SAME, Order.DOUBT) else Flow(Order.LOST, why=flow.why or where)


def reshaped(flow: Flow, old: Sequence[int | None], new: Sequence[int | None], where: str) -> Flow:
    """Follow a Reshape or Flatten from one shape to another, both without the batch."""
    if tuple(old) == tuple(new) or (len(new) == 1 and len(old) == 1):
        return flow
    if flow.merges:
        return _merged(flow, old, new, where)
    if flow.order is Order.RAISED:
        return Flow(Order.SAME if len(new) == 1 else Order.LOST, why=where, made=flow.made)
    if flow.is_plain and len(old) == 1 and flow.made and _mixes(new):
        return Flow(Order.RAISED, why=where, made=flow.made)
    if len(new) < 3:
        return flow if flow.order is not Order.ROWS else Flow(Order.LOST, why=where)
    if flow.order is Order.ROWS:
        return map_of(len(new)) if flow.rows == (tuple(new),) else Flow(Order.LOST, why=where)
    return map_of(len(new)) if flow.is_plain else Flow(Order.LOST, why=flow.why or where)


def _mixes(shape: Sequence[int | None]) -> bool:
    """Tell whether (h, w, c) and (c, h, w) put the numbers into different orders."""
    return shape[-1] != 1 and any(size != 1 for size in shape[:-1])


def _merged(flow: Flow, old: Sequence[int | None], new: Sequence[int | None], where: str) -> Flow:
    why = flow.why or where
    if [size for size in old if size != 1] == [size for size in new if size != 1] and len(new) > 1:
        return map_of(len(new)) if flow.axes == map_of(len(old)).axes else Flow(Order.LOST, why=why)
    first = flow.axes == map_of(len(old), first=True).axes
    if first:  # the architecture has arranged it as the other framework does
        return SAME
    if len(new) == 1 and flow.axes == map_of(len(old)).axes and None not in old:
        return Flow(Order.ROWS, rows=(tuple(size or 0 for size in old),))
    if len(new) > 1 and new[-1] == old[-1]:
        return Flow(Order.LOST, why=why)
    return SAME if _is_foreign(flow, old, new[-1]) else Flow(Order.DOUBT, why=why)


def _is_foreign(flow: Flow, old: Sequence[int | None], last: int | None) -> bool:
    """Tell whether the axes that become the last one have the channels first, and the others in their order."""
    for start in range(len(flow.axes)):
        sizes = old[start:]
        if None not in sizes and math.prod(size or 0 for size in sizes) == last:
            axes, channel = flow.axes[start:], len(flow.axes)
            return axes[0] == channel and list(axes[1:]) == sorted(axes[1:])
    return False
