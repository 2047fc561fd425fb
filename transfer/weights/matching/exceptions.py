"""Which names may be left without a partner: the regexes of `--allow-partial`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.errors import ZooError, near
from transfer.scope import compiled
from transfer.weights.matching.deadline import deadline

SECONDS = 5.0


@dataclass(frozen=True)
class Exceptions:
    """Names that a regex matches whole, or up to a `/` or a `.`: `fc` stands for `fc.weight` and `fc/kernel`."""

    names: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.names


def exceptions(regexes: Sequence[str], names: Iterable[str]) -> Exceptions:
    """Choose the names that are excepted.

    Raises:
        ZooError: a regex is invalid, selects nothing, or takes too long.
    """
    known = list(dict.fromkeys(names))
    chosen: set[str] = set()
    with deadline(SECONDS, "the regexes of --allow-partial take too long", "nest no repeats: '(a+)+'"):
        for regex in regexes:
            pattern = compiled(regex)
            found = {name for name in known if any(pattern.fullmatch(start) for start in _starts(name))}
            if not found:
                raise ZooError(f"--allow-partial {regex!r} names nothing in the file or the model", near(regex, known))
            chosen |= found
    return Exceptions(frozenset(chosen))


def _starts(name: str) -> list[str]:
    return [name, *(name[: cut.start()] for cut in re.finditer(r"[./]", name))]
