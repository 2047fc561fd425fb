"""Encoded images to pixels, by Pillow; its decoders release the GIL, so that threads decode at once."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from registry.errors import ZooError
from transfer.data.images.colours import MODES, Pixels, pixels

# No EPS or WMF, which are programs for others to run, and nothing that has no signature at its beginning.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
DECODING = 1  # counted up when the same bytes become other pixels
MOST_PIXELS = 64_000_000
LARGE_PIXELS = 8_000_000
SKIP = "--skip-broken leaves such files out and lists them"

# TIFF 6.0, section 20 and EXIF 2.32, tag 274: what was done to the picture, undone.
ORIENTATION = 274
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)

# Several threads that decode large images at once would need gigabytes.
_one_large = threading.Lock()
# They name no file. What is too large is our error, at a lower limit; broken EXIF data do no harm.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(file: BinaryIO, channels: int, where: str) -> Pixels:
    """Decode an image, of an animation the first frame, upright as its EXIF data say.

    Args:
        file: open at its beginning.
        channels: 1 for grey, 3 for RGB; what the file holds is turned into it.
        where: what it is called in an error.

    Returns:
        `(h, w, channels) uint8`.

    Raises:
        ZooError: it is no image of the known formats, is damaged or cut short, or has too many pixels.
    """
    if channels not in MODES:
        raise ZooError(f"{where} cannot be read with {channels} channels: images have 1 (grey) or 3 (RGB)")
    with _opened(file, where) as image:
        large = image.width * image.height > LARGE_PIXELS
        with _one_large if large else nullcontext():
            image.load()
            turn = UPRIGHT.get(_orientation(image))
            return pixels(image if turn is None else image.transpose(turn), channels)


def size_of(file: BinaryIO, where: str) -> tuple[int, int]:
    """Return an image's height and width, upright, from its header; nothing is decoded.

    Raises:
        ZooError: it is no image of the known formats, or has too many pixels.
    """
    with _opened(file, where) as image:
        # Pillow has turned a TIFF's size already; and looks for a PNG's EXIF data behind its pixels, which it decodes.
        lying = image.format not in ("PNG", "TIFF") or (image.format == "PNG" and "exif" in image.info)
        sideways = lying and _orientation(image) in SIDEWAYS
        return (image.width, image.height) if sideways else (image.height, image.width)


@contextmanager
def _opened(file: BinaryIO, where: str) -> Iterator[Image.Image]:
    """Open an image; its header is read, and its size checked before anything is decoded."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _too_large(where, f"{image.width}x{image.height} pixels")
            yield image
    except ZooError:
        raise
    except UnidentifiedImageError as error:
        raise ZooError(f"{where} {_unknown(file)}", SKIP) from error
    except Image.DecompressionBombError as error:
        raise _too_large(where, str(error).partition("(")[2].partition(")")[0]) from error
    except Exception as error:  # on damaged files Pillow's plug-ins raise whatever their parsing runs into
        raise ZooError(f"{where} is a broken image: {str(error) or type(error).__name__}", SKIP) from error


def _too_large(where: str, size: str) -> ZooError:
    return ZooError(
        f"{where} declares {size}; an image has at most {MOST_PIXELS // 10**6} million",
        f"make it smaller, or {SKIP}",
    )


def _unknown(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(8)
    if not start:
        return "is empty; expected an image"
    return f"is no image, or a broken one: it begins with {start!r}; expected one of {', '.join(FORMATS)}"


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken EXIF data, of which Pillow's parser raises anything, say nothing about the picture
        return 1
