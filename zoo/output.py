"""What reaches the terminal: tables, one JSON document, or names."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import typer

from registry.errors import ZooError

LONG = 1e5  # a figure that is written with its power of ten


class OutputError(ZooError):
    """What was to be printed could not be written."""


def json_document(value: Any) -> None:
    """Print one JSON document on stdout; raises `OutputError` where that cannot be written."""
    _print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def finish() -> None:
    """Write what still waits to be written; raises `OutputError` where that cannot be."""
    with _written():
        if sys.stdout is not None:  # None where the process was given no stdout
            sys.stdout.flush()


def _print(text: str) -> None:
    with _written():
        typer.echo(text)


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _give_up()
        if isinstance(error, BrokenPipeError):  # who was to read it has read enough
            raise
        raise OutputError(
            f"the output cannot be written: {error.strerror}", "free some space, or let it go somewhere else"
        ) from error


def _give_up() -> None:
    """Let what could not be written go nowhere, or the end of the process would try once more."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """Lay out a table: headers in upper case, columns two spaces apart, those named in `right` flush right.

    >>> print(table(["name", "size"], [["a", "1"], ["bb", "20"]], right=["size"]))
    NAME  SIZE
    a        1
    bb      20
    """
    lines = [[header.upper() for header in headers], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    flush = [header in right for header in headers]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, flush, strict=True)
        ).rstrip()
        for line in lines
    )


def names(lines: Sequence[str]) -> None:
    """Print names, a line each; nothing where there are none."""
    for line in lines:
        _print(plain(line))


def say(text: str = "") -> None:
    """Print text for people on stdout; what others wrote on a card must not steer the terminal.

    Raises:
        OutputError: it cannot be written.
    """
    _print(plain(text))


def say_plot(path: Path | None) -> None:
    """Say where a plot lies, where there is one."""
    if path is not None:
        say(f"\nplot    {path}")


def plain(text: str) -> str:
    """Take out what steers a terminal.

    >>> plain("a\\x1b[2Jb\\n")
    'a[2Jb\\n'
    """
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")


def size(count: int) -> str:
    """Write a number of bytes as people read it.

    >>> size(999), size(1_250_000)
    ('999 B', '1.2 MB')
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def count(number: int, thing: str) -> str:
    """Write how many there are of something.

    >>> count(1, "file"), count(2_000, "file")
    ('1 file', '2,000 files')
    """
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def day(seconds: float) -> str:
    """Write the day of a time in Unix seconds (UTC); empty for 0, which stands for a time that is not known.

    >>> day(1_795_000_000), day(0)
    ('2026-11-18', '')
    """
    return time.strftime("%Y-%m-%d", time.gmtime(seconds)) if seconds else ""


def percent_interval(interval: Sequence[float] | None) -> str:
    """Write an interval of accuracies.

    >>> percent_interval((0.9123, 0.9321))
    '0.9123 to 0.9321'
    """
    return "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def figure(value: float | Sequence[float]) -> str:
    """Write a figure: a number, or the ends of an interval; with a power of ten where it is beyond all measure.

    >>> figure(0.5), figure([0.25, 0.75]), figure(1.92e16)
    ('0.5000', '0.2500 to 0.7500', '1.92e+16')
    """
    if isinstance(value, int | float):
        return f"{value:.4f}" if abs(value) < LONG else f"{value:.4g}"
    return " to ".join(map(figure, value))
