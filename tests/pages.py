"""Pages whose commands are run, and whose output is compared with what they show.

The lines that begin with `$ ` are the commands; those below one are its output, compared with spaces folded. There `…`
stands for any text, alone on a line for any lines, and a hash, size, day or figure for any other. An output that begins
with `error:` belongs to exit code 1. A block with a title is a file of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK = re.compile(r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<content>.*?)^```$", re.S | re.M)
LIKE = {
    "text": ("…", ".*"),
    "hash": (r"\b[0-9a-f]{12,64}\b", "[0-9a-f]{LENGTH}"),
    "size": (r"\b\d+(?:\.\d)? [kMGT]?B\b", r"\d+(\.\d)? [kMGT]?B"),
    "day": (r"\d{4}-\d\d-\d\d", r"\d{4}-\d\d-\d\d"),
    "figure": (r"[+-]?\b\d\.\d{4}\b", r"[+-]?\d\.\d{4}"),
    # A difference of rounding, printed with two digits: 7.9e-05 here may be 0.00015 on another machine.
    "rounding": (r"\b(?:\d(?:\.\d)?e-\d\d|0\.000\d+)\b", r"(\d(\.\d)?(e-\d\d)?|0\.\d+)"),
}
VARIES = re.compile("|".join(f"(?P<{name}>{shown})" for name, (shown, _) in LIKE.items()))


@dataclass(frozen=True)
class Step:
    """A command and what it shows, or, with a title, a file and what is in it; at a line of the page."""

    line: int
    command: str
    shown: tuple[str, ...]
    title: str = ""


def steps(text: str, above: int = 0) -> Iterator[Step]:
    """Read a page, or a part of one that has so many lines above it."""
    for block in BLOCK.finditer(text):
        if block["language"] != "console" and not block["title"]:
            continue
        first = above + text.count("\n", 0, block.start()) + 2
        lines = block["content"].splitlines()
        if block["title"]:
            yield Step(first, "", tuple(lines), block["title"])
            continue
        starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
        for at, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            yield Step(first + at, lines[at][2:], tuple(filter(None, lines[at + 1 : end])))


def pattern(shown: tuple[str, ...]) -> str:
    """Return the regex that an output must match."""
    return "".join(r"(.*\n)*" if line == "…" else _line(" ".join(line.split())) + r"\n" for line in shown)


def _line(line: str) -> str:
    parts, end = [], 0
    for found in VARIES.finditer(line):
        like = LIKE[found.lastgroup or ""][1]
        parts += [re.escape(line[end : found.start()]), like.replace("LENGTH", str(len(found[0])))]
        end = found.end()
    return "".join([*parts, re.escape(line[end:])])


def folded(text: str) -> str:
    """Fold spaces, and leave empty lines out."""
    return "".join(" ".join(line.split()) + "\n" for line in text.splitlines() if line.strip())
