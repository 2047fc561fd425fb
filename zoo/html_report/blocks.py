"""What a page is made of, as values: sections of figures, tables, facts and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Figure:
    """A drawing (SVG) with what it is called; a wide one takes the page's whole width."""

    kind: ClassVar[str] = "figure"
    svg: str
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of texts; `words` are the columns, by position, that are no numbers. A narrow one has a neighbour."""

    kind: ClassVar[str] = "table"
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: tuple[int, ...] = (0,)
    narrow: bool = False


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is `good`, `bad` or empty."""

    kind: ClassVar[str] = "text"
    text: str
    tone: str = ""


@dataclass(frozen=True)
class Code:
    """What is typed."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Shown:
    """A sample: what is wrong with it, where it lies, its row, and its picture as a `data:` address or nothing."""

    title: str
    detail: str
    where: str
    text: str = ""
    picture: str = ""


@dataclass(frozen=True)
class Gallery:
    """Samples side by side."""

    kind: ClassVar[str] = "gallery"
    samples: Sequence[Shown]


Block = Figure | Table | Facts | Text | Code | Gallery


@dataclass(frozen=True)
class Section:
    """A heading, a sentence on how to read what follows, and what follows."""

    title: str
    blocks: Sequence[Block]
    lead: str = ""

    @property
    def anchor(self) -> str:
        """What links to it.

        >>> Section("What trained when", ()).anchor
        'what-trained-when'
        """
        return self.title.lower().replace(" ", "-")
