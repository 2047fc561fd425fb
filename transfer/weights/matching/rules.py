"""Rules that say where a file's arrays go: ordered lines `regex = replacement`, the first that matches wins.

    # a file of rules
    features\\.(\\d+)\\.weight = conv\\1/kernel
    classifier\\.(weight|bias) = top/\\1
    .*\\.num_batches_tracked =

The left side is a Python regex that has to match a whole name of the file. The right side is a weight of the model,
`scope/weight`, where `\\1` stands for what the first group matched; nothing there drops the name. Several weights that
are cut from one array are joined by ` + `. Names that no rule matches keep their name. Blank lines and lines that
begin with `#` say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.errors import ZooError
from transfer.weights.matching.deadline import deadline

LONGEST = 500  # characters of a line, and of a name that regexes are tried on
MOST = 5_000  # rules
SECONDS = 5.0  # for all matches together: some regexes take exponential time
EXPECTED = r"expected 'regex = scope/weight', such as 'fc\.weight = top/kernel', or 'regex =' to drop names"


@dataclass(frozen=True)
class Rule:
    """One line: the regex, what it makes of a name (empty to drop it), and its number in the file."""

    regex: str
    replacement: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.regex} = {self.replacement}".rstrip()


@dataclass(frozen=True)
class Renamed:
    """What rules make of names.

    Attributes:
        targets: for each name that is kept, the weights that it goes to, in the order of the names.
        dropped: the names that a rule drops, each with the rule.
    """

    targets: dict[str, tuple[str, ...]]
    dropped: dict[str, str]


@dataclass(frozen=True)
class Rules:
    """An ordered list of rules; `parse(str(rules))` are the same rules."""

    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        return "".join(f"{rule}\n" for rule in self.rules)

    def renamed(self, names: Sequence[str]) -> Renamed:
        """Say where each name goes.

        Raises:
            ZooError: a rule matched nothing, or the regexes take too long.
        """
        patterns = [re.compile(rule.regex) for rule in self.rules]
        used: set[int] = set()
        targets: dict[str, tuple[str, ...]] = {}
        dropped: dict[str, str] = {}
        with deadline(SECONDS, "the rules' regexes take too long on the file's names", "nest no repeats: '(a+)+'"):
            for name in names:
                number, result = _first(patterns, self.rules, name)
                used.add(number)
                if result:
                    targets[name] = _split(result)
                else:
                    dropped[name] = str(self.rules[number])
        _refuse_unused([rule for number, rule in enumerate(self.rules) if number not in used], names)
        return Renamed(targets, dropped)


def parse(text: str, where: str = "the file of rules") -> Rules:
    r"""Parse the text of a file of rules.

    >>> str(parse("# top\nfc\\.(.*) = top/\\1"))
    'fc\\.(.*) = top/\\1\n'

    Args:
        text: the file's content.
        where: the file's name, for messages.

    Raises:
        ZooError: a line is no rule; the message says which and what was expected.
    """
    found = tuple(
        _rule(line.strip(), number, where)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    )
    if not found:
        raise ZooError(f"{where} holds no rule", EXPECTED)
    if len(found) > MOST:
        raise ZooError(f"{where} has {len(found):,} rules; expected at most {MOST:,}")
    return Rules(found)


def _rule(line: str, number: int, where: str) -> Rule:
    place = f"line {number} of {where}"
    if len(line) > LONGEST:
        raise ZooError(f"{place} has {len(line):,} characters; expected at most {LONGEST}: {line[:60]}...")
    regex, equals, replacement = _halves(line)
    if not equals or not regex:
        raise ZooError(f"{place} is no rule: {_quoted(line)}", EXPECTED)
    try:
        pattern = re.compile(regex)
    except (re.error, RecursionError, OverflowError) as error:
        raise ZooError(f"{place}: the regex {_quoted(regex)} is invalid: {error}", EXPECTED) from error
    _check(pattern, replacement, place)
    return Rule(regex, replacement, number)


def _halves(line: str) -> tuple[str, str, str]:
    """Split at the last ` = `, since a regex may hold `=` (`(?=x)`), or at a final ` =`."""
    if line.endswith(" ="):
        return line[:-2].rstrip(), "=", ""
    regex, equals, replacement = line.rpartition(" = ")
    return regex.strip(), equals.strip(), replacement.strip()


def _check(pattern: re.Pattern[str], replacement: str, place: str) -> None:
    groups = {int(number) for number in re.findall(r"(?<!\\)\\(\d+)", replacement)}
    unknown = sorted(group for group in groups if not 1 <= group <= pattern.groups)
    if unknown:
        raise ZooError(
            f"{place}: {_quoted(replacement)} uses the group \\{unknown[0]}; the regex {_quoted(pattern.pattern)} has "
            f"{pattern.groups} group{'' if pattern.groups == 1 else 's'}",
            "groups are counted from 1 by their opening brackets",
        )
    if re.search(r"\\(?!\d)", replacement) or any("/" not in part for part in _split(replacement)):
        raise ZooError(f"{place}: {_quoted(replacement)} is no weight of a model", EXPECTED)


def _quoted(text: str) -> str:
    """Quote a text as `repr` does, which shows what cannot be printed, but leave its backslashes single."""
    return repr(text).replace("\\\\", "\\")


def _split(replacement: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in replacement.split(" + ")) if replacement else ()


def _first(patterns: Sequence[re.Pattern[str]], rules: Sequence[Rule], name: str) -> tuple[int, str]:
    """Return the number of the first rule that matches and what it makes of the name; -1 and the name if none."""
    for number, pattern in enumerate(patterns if len(name) <= LONGEST else ()):
        match = pattern.fullmatch(name)
        if match:
            put = rules[number].replacement
            return number, re.sub(r"\\(\d+)", lambda group, match=match: match[int(group[1])] or "", put)  # type: ignore[misc]
    return -1, name


def _refuse_unused(unused: Sequence[Rule], names: Iterable[str]) -> None:
    if unused:
        lines = "; ".join(f"line {rule.line}: {rule}" for rule in unused[:20])
        more = f"; and {len(unused) - 20} more" if len(unused) > 20 else ""
        known = list(names)
        raise ZooError(
            f"{len(unused)} of the rules matched no name: {lines}{more}",
            "a rule has to match a whole name, and earlier rules go first; the file has "
            + ", ".join(known[:5])
            + (f" and {len(known) - 5} more" if len(known) > 5 else ""),
        )
