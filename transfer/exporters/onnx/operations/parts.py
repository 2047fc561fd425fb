"""Operations that take parts of tensors, put them together, or add an edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.layers.windows import FAR
from transfer.exporters.onnx.use import Given, Use


def _item(use: Use) -> list[Value]:
    """Slices, then what a single position leaves behind, then new axes."""
    value, key = use.tensor("x"), use.constant("key")
    listed = list(key) if isinstance(key, tuple | list) else [key]
    full = _spread(use, listed, value.rank)
    kept = [one for one in full if one is not None]
    cuts = {axis: _cut(one) for axis, one in enumerate(kept) if one != slice(None)}
    gone = [axis for axis, one in enumerate(kept) if isinstance(one, int)]
    new = [place for place, one in enumerate([one for one in full if not isinstance(one, int)]) if one is None]
    if cuts:
        value = _sliced(use, value, cuts, "" if not gone and not new else "slice")
    if gone:
        value = use.step.add(
            "Squeeze", [value, use.whole("gone", gone)], value.rank - len(gone), "" if not new else "one"
        )
    return [use.add("Unsqueeze", [value, use.whole("new", new)]) if new else value]


def _spread(use: Use, listed: list[Any], rank: int) -> list[Any]:
    """Return a key with an entry for each axis, and None for each new one."""
    if not all(one is None or one is Ellipsis or isinstance(one, int | slice | np.integer) for one in listed):
        use.step.refuse("it takes positions that are computed")
    listed = [int(one) if isinstance(one, np.integer) else one for one in listed]
    named = sum(one is not None and one is not Ellipsis for one in listed)
    rest = [slice(None)] * (rank - named)
    if Ellipsis not in listed:
        return [*listed, *rest]
    at = listed.index(Ellipsis)
    return [*listed[:at], *rest, *listed[at + 1 :]]


def _cut(one: int | slice) -> tuple[int, int, int]:
    """Return start, end and step."""
    if isinstance(one, int):
        return one, one + 1 if one != -1 else FAR, 1
    step = 1 if one.step is None else int(one.step)
    start = (0 if step > 0 else FAR) if one.start is None else int(one.start)
    return start, (FAR if step > 0 else -FAR) if one.stop is None else int(one.stop), step


def _sliced(use: Use, value: Value, cuts: Mapping[int, tuple[int, int, int]], part: str) -> Value:
    starts, ends, steps = zip(*cuts.values(), strict=True)
    lists = {"starts": starts, "ends": ends, "axes": list(cuts), "steps": steps}
    given = [use.whole(name, numbers) for name, numbers in lists.items()]
    return use.step.add("Slice", [value, *given], value.rank, part)


def _taken(use: Use) -> list[Value]:
    value, axis = use.tensor("x"), use.option.axis
    if axis is None:
        use.step.refuse("it takes from all numbers at once")
    where = use.arguments["indices"]
    if isinstance(where, Given):
        return [use.add("Gather", [value, use.operand("indices", "int64")], axis=int(axis) % value.rank)]
    places = use.step.writer.weight(f"{use.step.scope}/indices", np.asarray(where, np.int64))
    return [use.add("Gather", [value, places], axis=int(axis) % value.rank)]


def _flipped(use: Use) -> list[Value]:
    value, axis = use.tensor("x"), use.option.axis
    axes = range(value.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return [_sliced(use, value, {int(one) % value.rank: (-1, -FAR, -1) for one in axes}, "")]


def _split(use: Use) -> list[Value]:
    value, given = use.tensor("x"), use.option.indices_or_sections
    axis = int(use.option.axis) % value.rank
    size = use.shape()[axis]
    if size is None:
        use.step.refuse("it divides an axis of open size")
    cuts = [size // given * number for number in range(1, given)] if isinstance(given, int) else list(given)
    sizes = np.diff([0, *(min(int(cut), size) for cut in cuts), size])
    parts = use.whole("sizes", sizes)
    return use.step.writer.nodes("Split", use.step.scope, [value, parts], len(sizes), value.rank, axis=axis)


def _joined(use: Use) -> list[Value]:
    """Concatenate, or stack along a new axis."""
    values = [use.cast(one, use.dtype, f"part_{number}") for number, one in enumerate(use.arguments[_first(use)])]
    axis = int(use.option.axis) % use.rank
    if type(use.option).__name__ == "Stack":
        wide = use.whole("axis", [axis])
        values = [use.add("Unsqueeze", [one, wide], f"wide_{number}") for number, one in enumerate(values)]
    return [use.add("Concat", values, axis=axis)]


def _first(use: Use) -> str:
    return next(iter(use.arguments))


def _padded(use: Use) -> list[Value]:
    value, option = use.tensor("x"), use.option
    if option.mode not in ("constant", "reflect", "edge"):
        use.step.refuse(f"its mode is {option.mode}")
    pairs = [(int(pair[0]), int(pair[1])) for pair in option._process_pad_width(option.pad_width)]
    pairs = pairs * value.rank if len(pairs) == 1 else pairs
    pads = use.whole("pads", [before for before, _ in pairs] + [after for _, after in pairs])
    number = use.constant("constant_values")
    edge = [] if number is None else [use.step.writer.weight(f"{use.step.scope}/value", np.asarray(number, use.dtype))]
    return [use.add("Pad", [value, pads, *edge], mode=str(option.mode))]


def _tiled(use: Use) -> list[Value]:
    value, repeats = use.tensor("x"), use.option.repeats
    times = [repeats] if isinstance(repeats, int) else list(repeats)
    if len(times) > value.rank:
        use.step.refuse("it makes new axes")
    times = [1] * (value.rank - len(times)) + [int(number) for number in times]
    if all(count == 1 or size == 1 for count, size in zip(times, use.shape(), strict=True)):
        return [use.add("Expand", [value, use.whole("times", times)])]
    axes = [axis for axis, count in enumerate(times) if count != 1]
    for axis in axes:
        part = "" if axis == axes[-1] else f"part_{axis}"
        value = use.add("Concat", [value] * times[axis], part, axis=axis)
    return [value]


OPERATIONS: Mapping[str, Callable[[Use], list[Value]]] = {
    "Concatenate": _joined, "Flip": _flipped, "GetItem": _item, "Pad": _padded, "Split": _split, "Stack": _joined,
    "Take": _taken, "Tile": _tiled,
}  # fmt: skip
