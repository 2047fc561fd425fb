"""How the samples of a pass are parted among workers. Pure.

A piece becomes a file a cut. It begins at a multiple of a block's samples, which batches divide, so that a worker's
batches are those of a single process, and their numbers the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer.cache_files import BLOCK
from transfer.data.records import Rows

MOST_SAMPLES = 8192
MOST_BYTES = 64 * 2**20  # of features
SHARE = 3  # a piece is at most one in so many of what a worker would still have to do


@dataclass(frozen=True)
class Piece:
    """Samples that one worker extracts into files of their own.

    Attributes:
        work: the number of the pass that they are of.
        rows: which of its feed's, in ascending order.
    """

    work: int
    rows: Rows


def pieces(work: int, rows: Rows, rests: Sequence[Rows], workers: int, width: int) -> list[Piece]:
    """Part the rows of a pass: those that finish a file that was left first, then fresh ones, larger pieces first.

    Args:
        work: the number of the pass.
        rows: all that are missing, in ascending order.
        rests: of unfinished files, the rows that each lacks, in the file's order.
        workers: how many work at once.
        width: bytes of a sample's features, of all cuts.
    """
    most, begun, left = _most(width), list[Rows](), rows
    for rest in sorted(rests, key=len, reverse=True):
        ascending = bool((np.diff(rest) > 0).all())
        if 0 < len(rest) <= most and ascending and np.isin(rest, left, assume_unique=True).all():
            begun.append(rest)
            left = np.setdiff1d(left, rest, assume_unique=True)
    ends = np.cumsum(lengths(len(left), workers, width))
    fresh = np.split(left, ends[:-1]) if len(left) else []
    return [Piece(work, part) for part in (*begun, *fresh)]


def lengths(count: int, workers: int, width: int) -> list[int]:
    """Say into pieces of how many samples to part some.

    The pieces get smaller towards the end, so that all workers end together, and no smaller than a block.

    >>> lengths(5000, workers=2, width=5120)
    [768, 512, 512, 512, 256, 256, 256, 256, 256, 256, 256, 256, 256, 256, 136]
    >>> lengths(100, workers=64, width=4)
    [100]
    """
    most, found = _most(width), list[int]()
    while count > 0:
        fair = count // (SHARE * workers) // BLOCK * BLOCK
        found.append(min(count, most, max(BLOCK, fair)))
        count -= found[-1]
    return found


def _most(width: int) -> int:
    return max(BLOCK, min(MOST_SAMPLES, MOST_BYTES // max(1, width)) // BLOCK * BLOCK)
