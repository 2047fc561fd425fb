"""The one error that users meet: what went wrong, and what to type next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """Something a user can put right.

    Args:
        message: what, where, expected and got; one or two sentences.
        hint: the next thing to do or to type, or an empty string.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ChoiceError(ZooError):
    """Options that suit no model and no data: a value out of range, or two that contradict each other."""


class DamagedError(ZooError):
    """Stored bytes that are gone, or are not what they were."""


def near(word: str, names: Iterable[str], most: int = 3) -> str:
    """Say which of `names` look like `word`, as the end of a sentence.

    >>> near("mnist-dn", ["mnist-dnn", "resnet"])
    'did you mean mnist-dnn?'
    >>> near("zzz", ["b", "a"])
    'there are: a, b'
    >>> near("zzz", [])
    'there are none'
    """
    known = sorted(set(names))
    close = difflib.get_close_matches(word, known, n=most, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not known:
        return "there are none"
    return f"there are: {first_few(known, 12)}"


def first_few(names: Iterable[str], most: int = 5) -> str:
    """List names, of many the first few, and say how many more there are.

    >>> first_few("abc"), first_few("abcdefg")
    ('a, b, c', 'a, b, c, d, e and 2 more')
    """
    known = list(names)
    return ", ".join(known[:most]) + (f" and {len(known) - most} more" if len(known) > most else "")
