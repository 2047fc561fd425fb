"""References: text that names a model.

Grammar::

    ref      = path | [ source "://" ] name [ "@" revision ]
    path     = text that starts with "/", "./", "../", "~" or "file:"
    source   = "hf" | "kaggle" | ...          (no source: the catalogue)
    name     = segment [ "/" segment ... ]    (a segment: letters, digits, ".", "_", "-"; at most 96)
    revision = a commit, at least its first 7 characters, or a tag
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import ZooError

SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
SOURCE = re.compile(r"[a-z][a-z0-9+.-]*")


@dataclass(frozen=True)
class Ref:
    """A parsed reference; `str()` gives text that parses to the same value.

    >>> Ref.parse("mnist-dnn@v2")
    Ref(name='mnist-dnn', revision='v2', source='')
    >>> str(Ref.parse("hf://org/name@main"))
    'hf://org/name@main'
    >>> Ref.parse("./model.keras").source
    'file'

    Attributes:
        name: the model's name, or the path where `source` is `file`.
        revision: a commit or a tag; None for the newest.
        source: where the name is looked up; empty for the catalogue.
    """

    name: str
    revision: str | None = None
    source: str = ""

    def __str__(self) -> str:
        if self.source == "file":
            return f"file:{self.name}"
        prefix = f"{self.source}://" if self.source else ""
        return prefix + self.name + (f"@{self.revision}" if self.revision else "")

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Parse a reference.

        Raises:
            ZooError: the text follows no line of the grammar.
        """
        if text.startswith("file:"):
            return cls(_not_empty(text.removeprefix("file:"), text), None, "file")
        if text.startswith(("/", "./", "../", "~")) or text in (".", ".."):
            return cls(text, None, "file")
        source, found, rest = text.rpartition("://")
        if found and not SOURCE.fullmatch(source):
            raise ZooError(f"{text!r} is no reference: {source!r} is no source's name")
        name, _, revision = rest.partition("@")
        if rest.endswith("@"):
            raise ZooError(f"{text!r} is no reference: nothing follows the @", f"try {name}")
        for segment in name.split("/"):
            check_segment(segment, text)
        return cls(name, revision or None, source)


def check_segment(segment: str, text: str) -> None:
    """Refuse a part of a name outside the alphabet that hubs share.

    Raises:
        ZooError: a character or the length is not allowed.
    """
    if not SEGMENT.fullmatch(segment):
        raise ZooError(
            f"{text!r} is no model name: expected 1 to 96 letters, digits, '.', '_' or '-', got {segment!r}",
            "a path begins with ./ or /",
        )


def check_name(name: str) -> str:
    """Return `name` if a new model in the catalogue may have it.

    Raises:
        ZooError: it holds a slash, a revision or a forbidden character.
    """
    check_segment(name, name)
    return name


def _not_empty(path: str, text: str) -> str:
    if not path:
        raise ZooError(f"{text!r} names no path", "file:./folder/model.keras")
    return path
