"""Shell patterns over names, as the two databases write them; what they mean is `fnmatch.fnmatchcase`."""

from __future__ import annotations

import fnmatch
import re
import string

ALPHABET = "-./" + string.digits + string.ascii_uppercase + "_" + string.ascii_lowercase
_PART = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def literal_beginning(pattern: str) -> str:
    """Return what every matching name begins with.

    >>> literal_beginning("mnist-*")
    'mnist-'
    """
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0]


def to_glob(pattern: str) -> str | None:
    """Write a pattern for SQLite's GLOB; None where no name can match.

    >>> to_glob("m[!a-y]?*")
    'm[-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_z]?*'
    """
    return _translate(pattern, any_text="*", any_letter="?")


def to_regex(pattern: str) -> str | None:
    """Write a pattern as a regex that PostgreSQL reads like Python; None where no name can match.

    >>> to_regex("m?.*")
    '^[m].[.].*$'
    """
    made = _translate(pattern, any_text=".*", any_letter=".", bracket_all=True)
    return None if made is None else f"^{made}$"


def _translate(pattern: str, any_text: str, any_letter: str, bracket_all: bool = False) -> str | None:
    made = []
    for part in _PART.findall(pattern):
        if part[0] == "*":
            made.append(any_text)
        elif part == "?":
            made.append(any_letter)
        else:
            # A set is written out letter by letter, so that `[!a-c]` and the like mean the same everywhere.
            letters = "".join(letter for letter in ALPHABET if fnmatch.fnmatchcase(letter, part))
            if not letters:
                return None
            made.append(letters if len(letters) == 1 and not bracket_all else f"[{letters}]")
    return "".join(made)
