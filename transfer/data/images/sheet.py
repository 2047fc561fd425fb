"""A contact sheet: some images of each class on one PNG, to be looked at."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from registry.errors import ZooError
from transfer.data.images.colours import Pixels
from transfer.data.images.decode import decode
from transfer.data.images.samples import Images
from transfer.data.records import Rows

MOST_CLASSES = 40
MARGIN, TEXT = 6, 14
PAPER, INK = "white", "black"


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels: a row a class, its name above its images.

    Attributes:
        each: images a class.
        side: the longer side of each, at most.
    """

    each: int = 8
    side: int = 96

    @property
    def row(self) -> int:
        """How high a class's row is."""
        return self.side + TEXT + 3 * MARGIN

    @property
    def width(self) -> int:
        """How wide the sheet is."""
        return MARGIN + self.each * (self.side + MARGIN)


def contact_sheet(
    images: Images,
    labels: NDArray[np.str_],
    path: Path,
    *,
    classes: Sequence[str] = (),
    as_seen: Callable[[Pixels], Pixels] | None = None,
    layout: Layout | None = None,
    seed: int = 0,
) -> None:
    """Write a PNG with some images of each class; which ones, the seed decides.

    Args:
        images: encoded images.
        labels: the class of each, `(n,)` texts.
        path: where to write; what is there is replaced.
        classes: their order; sorted where empty. From the 41st on they are only counted, at the bottom.
        as_seen: turns an image `(h, w, 3) uint8` into what is shown, such as what a model sees of it.
        layout: sizes.
        seed: of the choice.

    Raises:
        ZooError: a chosen image is broken, or the file cannot be written.
    """
    layout, names = layout or Layout(), list(classes) or sorted(set(labels.tolist()))
    shown, left = names[:MOST_CLASSES], len(names[MOST_CLASSES:])
    sheet = Image.new("RGB", (layout.width, len(shown) * layout.row + (TEXT + 2 * MARGIN if left else 0)), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    for number, name in enumerate(shown):
        rows, top = np.flatnonzero(labels == name), number * layout.row + MARGIN
        title = _fitting(f"{drawable(name)}  ({len(rows):,})", layout.width - 2 * MARGIN, font)
        pen.text((MARGIN, top), title, INK, font)
        for place, row in enumerate(_chosen(rows, layout.each, [seed, number])):
            left_edge = MARGIN + place * (layout.side + MARGIN)
            sheet.paste(_thumbnail(images, int(row), as_seen, layout.side), (left_edge, top + TEXT + MARGIN))
    if left:
        pen.text((MARGIN, len(shown) * layout.row + MARGIN), f"and {left:,} more classes", INK, font)
    _write(sheet, path)


def _write(sheet: Image.Image, path: Path) -> None:
    file = BytesIO()
    sheet.save(file, "PNG")
    try:
        path.write_bytes(file.getvalue())
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}") from error


def _chosen(rows: Rows, most: int, seed: Sequence[int]) -> Rows:
    some = np.random.default_rng(seed).permutation(rows)[:most]
    return np.sort(some)


def _thumbnail(images: Images, row: int, as_seen: Callable[[Pixels], Pixels] | None, side: int) -> Image.Image:
    with images.open(row) as file:
        image = decode(file, 3, images.where(row))
    if as_seen is not None:
        image = as_seen(image)
    thumbnail = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    thumbnail.thumbnail((side, side))
    return thumbnail


def drawable(name: str) -> str:
    """Write a name in ASCII, since Pillow's own font has no more; accents are dropped.

    >>> drawable("été"), drawable("猫")
    ('ete', '\\\\u732b')
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    printable = "".join(letter if letter.isprintable() else "?" for letter in plain)
    return printable.encode("ascii", "backslashreplace").decode()


def _fitting(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Take out of a text's middle what is too long for a width; its end, a count, stays."""
    for kept in range(len(text), 1, -1):
        short = text if kept == len(text) else f"{text[: kept // 2]}...{text[-(kept - kept // 2) :]}"
        if font.getlength(short) <= width:
            return short
    return ""
