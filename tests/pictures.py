"""Small images, made of a seed, and files that only look like images."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

BOMB = (10_000, 10_000)  # 100 megapixels


def picture(seed: int = 0, height: int = 8, width: int = 6) -> np.ndarray:
    """Draw `(height, width, 3) uint8`."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(pixels: np.ndarray | Image.Image, format: str = "PNG", **options: object) -> bytes:
    """Encode an image."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def write(path: Path, seed: int = 0, height: int = 8, width: int = 6) -> Path:
    """Write a PNG, whatever the suffix, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(picture(seed, height, width)))
    return path


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """Write a PNG of 8-bit grey by hand, whose header need not tell the truth."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def tree(root: Path, names: list[str]) -> Path:
    """Write a PNG for each name, each another picture."""
    for seed, name in enumerate(names):
        write(root / name, seed)
    return root
