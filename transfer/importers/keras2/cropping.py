"""Slices of a tensor that a cropping layer makes: `x[:, 1:-1, 2:, :]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Crops = tuple[tuple[int, int], ...]


def cropped(spec: Any, shape: Sequence[int | None]) -> Crops | None:
    """Return what is cut off each axis between batch and channels; None where a cropping does not do it.

    Args:
        spec: a list of slices as configs have them, `{"start": 1, "stop": None, "step": None}`; Keras 3 wraps them.
        shape: of the tensor, with the batch.

    >>> cropped([{"start": None, "stop": None, "step": None}, {"start": 1, "stop": -1, "step": None}], (None, 8, 3))
    ((1, 1),)
    """
    if not isinstance(spec, list) or len(spec) > len(shape):
        return None
    slices = [_slice(item) for item in spec]
    cuts = [_cut(piece, size) for piece, size in zip(slices, shape, strict=False)]
    cuts += [(0, 0)] * (len(shape) - len(cuts))
    if len(cuts) < 3 or cuts[0] != (0, 0) or cuts[-1] != (0, 0) or None in cuts:
        return None
    return tuple(cut for cut in cuts[1:-1] if cut is not None)


def _slice(item: Any) -> Mapping[str, Any] | None:
    if isinstance(item, Mapping) and item.get("class_name") == "__slice__":
        item = item.get("config")
    return item if isinstance(item, Mapping) else None


def _cut(piece: Mapping[str, Any] | None, size: int | None) -> tuple[int, int] | None:
    if piece is None or piece.get("step") not in (None, 1):
        return None
    start, stop = piece.get("start"), piece.get("stop")
    if start is None and stop is None:
        return (0, 0)
    if size is None or not all(value is None or isinstance(value, int) for value in (start, stop)):
        return None
    begin, end, _ = slice(start, stop).indices(size)
    return (begin, size - end) if begin < end else None
