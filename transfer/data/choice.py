"""Which classes a user wants: `--classes 5-9`, `cat,dog`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from registry.errors import ZooError, near

RANGE = re.compile(r"(-?[0-9]{1,18})-(-?[0-9]{1,18})")
NUMBER = re.compile(r"-?[0-9]{1,18}")


def chosen_classes(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """Read a choice of classes: names, and ranges of whole numbers, with commas between; ends count.

    What is the name of a class is that class, even if it looks like a range or has a comma in it.

    Args:
        text: what the user typed.
        names: the classes there are, in their order.

    Returns:
        Those chosen, in the order of `names`.

    Raises:
        ZooError: one is unknown, is named twice, or nothing is chosen.

    >>> chosen_classes("7-8,5", ["5", "6", "7", "8"])
    ('5', '7', '8')
    """
    if text in names:
        return (text,)
    chosen: list[str] = []
    for item in (part.strip() for part in text.split(",")):
        if not item:
            raise ZooError(f"--classes {text!r} has an empty name in it", "such as --classes 5-9, or --classes cat,dog")
        chosen += [item] if item in names else _ranged(item, names)
    twice = next((name for place, name in enumerate(chosen) if name in chosen[:place]), None)
    if twice is not None:
        raise ZooError(f"--classes {text!r} names the class {twice!r} twice")
    return tuple(name for name in names if name in set(chosen))


def _ranged(item: str, names: Sequence[str]) -> list[str]:
    match = RANGE.fullmatch(item)
    if not match:
        raise ZooError(f"--classes: there is no class {item!r}", near(item, names))
    low, high = int(match[1]), int(match[2])
    if low > high:
        raise ZooError(f"--classes: the range {item} is upside down", f"such as --classes {high}-{low}")
    numbers = {name: int(name) for name in names if NUMBER.fullmatch(name)}
    found = [name for name, number in numbers.items() if low <= number <= high]
    held = {numbers[name] for name in found}
    if len(held) <= high - low:
        gap = next(number for number in range(low, high + 1) if number not in held)
        raise ZooError(f"--classes {item}: there is no class {str(gap)!r}", near(str(gap), names))
    return found
