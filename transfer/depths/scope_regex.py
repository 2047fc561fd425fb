"""A short regex for a choice of scopes, as a user would type it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from transfer.scope import compiled, matches, prefixes

NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)")


def regex_for(wanted: Collection[str], allowed: Collection[str], scopes: Sequence[str]) -> str:
    """Return the shortest of some regexes that select all that is wanted, and nothing but what is allowed.

    >>> names = ["X", "hidden1", "hidden2", "hidden2/relu", "hidden3", "outputs"]
    >>> regex_for(["hidden1", "hidden2"], names[:4], names)
    'hidden[12]'

    Args:
        wanted: some of `scopes`.
        allowed: what may be selected beside; holds `wanted`.
        scopes: all that there are.
    """
    whole = _trees(wanted, [scope for scope in scopes if scope not in allowed])
    refused = _trees([scope for scope in scopes if scope not in allowed], wanted)
    plain = [scope for scope in scopes if scope in wanted]
    candidates = [_joined(plain), _joined(whole), _counted(plain), _counted(whole)]
    candidates += [f"(?!{form(refused)}).*" for form in (_joined, _counted) if refused]
    right = [one for one in candidates if _selects(one, wanted, allowed, scopes)]
    return min(right, key=len)


def _selects(pattern: str, wanted: Collection[str], allowed: Collection[str], scopes: Sequence[str]) -> bool:
    regex = compiled(pattern)
    chosen = {scope for scope in scopes if matches(regex, scope)}
    return chosen.issuperset(wanted) and chosen.issubset(allowed)


def _trees(wanted: Collection[str], others: Collection[str]) -> list[str]:
    """Return the shortest paths below which all that is wanted lies, and none of the others."""
    foreign = {path for scope in others for path in prefixes(scope)}
    return list(dict.fromkeys(next((p for p in prefixes(scope) if p not in foreign), scope) for scope in wanted))


def _joined(names: Sequence[str]) -> str:
    return "|".join(map(_escaped, names))


def _counted(names: Sequence[str]) -> str:
    """Write names that differ in their last number as one: `hidden[1-3]`, `block(2|10)`."""
    families: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = NUMBERED.fullmatch(name)
        key = (found[1], found[3]) if found else (name, "")
        families.setdefault(key, []).append(found[2] if found else "")
    return "|".join(
        f"{_escaped(head)}{_numbers(numbers)}{_escaped(tail)}" for (head, tail), numbers in families.items()
    )


def _numbers(numbers: Sequence[str]) -> str:
    """Write numbers as a class of digits, and those of several digits as choices.

    >>> _numbers(["1", "2"]), _numbers(["1", "2", "3", "4", "10"]), _numbers(["7"])
    ('[12]', '([1-4]|10)', '7')
    """
    digits, longer = sorted({one for one in numbers if len(one) == 1}), [one for one in numbers if len(one) != 1]
    run = "".join(digits)
    if len(digits) > 2 and run in "0123456789":
        run = f"{digits[0]}-{digits[-1]}"
    parts = ([f"[{run}]" if len(digits) > 1 else run] if digits else []) + longer
    return parts[0] if len(parts) == 1 else f"({'|'.join(parts)})"


def _escaped(name: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", name)
