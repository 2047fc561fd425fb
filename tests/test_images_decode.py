"""Encoded images to pixels: every mode, orientation and format, and what is no image."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from pictures import BOMB, encoded, picture, png
from PIL import Image

from registry.errors import ZooError
from transfer.data.images.decode import FORMATS, ORIENTATION, UPRIGHT, decode, size_of


def decoded(content: bytes, channels: int = 3) -> np.ndarray:
    return decode(io.BytesIO(content), channels, "cat/1.png")


def refusal(content: bytes) -> str:
    """What is said of a broken image, the same by header and by decoding."""
    with pytest.raises(ZooError) as info:
        decoded(content)
    assert "--skip-broken" in info.value.hint
    return info.value.message


LUMA = np.array(Image.fromarray(picture()).convert("L"))
ALPHA = np.dstack([picture(), np.full((8, 6), 255, np.uint8)])
CLEAR = np.dstack([picture(), np.zeros((8, 6), np.uint8)])


@pytest.mark.parametrize(
    ("image", "format", "channels", "expected"),
    [
        (picture(), "PNG", 3, picture()),
        (picture(), "BMP", 3, picture()),
        (picture(), "PPM", 3, picture()),
        (picture(), "TIFF", 3, picture()),
        (picture(), "PNG", 1, LUMA[..., np.newaxis]),
        (LUMA, "PNG", 1, LUMA[..., np.newaxis]),
        (LUMA, "PNG", 3, np.dstack([LUMA] * 3)),
        (ALPHA, "PNG", 3, picture()),
        (CLEAR, "PNG", 3, np.full((8, 6, 3), 255, np.uint8)),
        (CLEAR, "PNG", 1, np.full((8, 6, 1), 255, np.uint8)),
        (np.uint16([[0, 65535], [257, 385]]), "PNG", 1, np.uint8([[[0], [255]], [[1], [1]]])),
        (np.uint16([[0, 65535], [257, 386]]), "TIFF", 3, np.uint8([[[0] * 3, [255] * 3], [[1] * 3, [2] * 3]])),
        (np.int32([[0, 65535]]), "TIFF", 1, np.uint8([[[0], [255]]])),
        (np.array([[True, False]]), "PNG", 1, np.uint8([[[255], [0]]])),
    ],
)
def test_pixels_of_every_mode(image: np.ndarray, format: str, channels: int, expected: np.ndarray) -> None:
    found = decoded(encoded(image, format), channels)
    assert found.dtype == np.uint8 and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def test_half_transparent_pixels_stand_before_white() -> None:
    half = np.zeros((1, 1, 4), np.uint8)
    half[..., 3] = 128
    assert decoded(encoded(half)).tolist() == [[[127, 127, 127]]]


def test_a_palette_with_a_transparent_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert decoded(encoded(image)).tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert decoded(encoded(image, transparency=1)).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decoded(encoded(image, transparency=b"\xff\x00")).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_print_colours() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert np.abs(decoded(encoded(cyan, "JPEG")).astype(int) - [0, 255, 255]).max() < 8
    assert np.abs(decoded(encoded(cyan, "TIFF")).astype(int) - [0, 255, 255]).max() == 0


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for format in ("GIF", "PNG", "WEBP"):
        options = {"lossless": True} if format == "WEBP" else {}
        moving = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
        assert (decoded(moving) == [255, 0, 0]).all(), format


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_and_its_size_is_that_of_its_pixels(format: str) -> None:
    content = encoded(Image.new("RGB", (24, 16), (200, 100, 50)), format)
    found = decoded(content)
    assert found.shape == (16, 24, 3)
    assert np.abs(found.astype(int) - [200, 100, 50]).max() < 40  # GIF's palette is the coarsest
    assert size_of(io.BytesIO(content), "x") == (16, 24)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, *UPRIGHT])
def test_pictures_stand_upright(format: str, orientation: int) -> None:
    """What Pillow's own function makes of it, which rewrites the EXIF data as well."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = encoded(picture(), format, exif=exif)
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(decoded(content), expected)
    assert size_of(io.BytesIO(content), "x") == expected.shape[:2]


def test_broken_exif_data_turn_nothing() -> None:
    content = encoded(picture(), "JPEG", exif=b"Exif\x00\x00XX\x00\x2a\x00\x00\x00\x08\xff\xff")
    assert decoded(content).shape == (8, 6, 3)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_cut_short(format: str) -> None:
    content = encoded(picture(0, 64, 64), format)
    for length in (len(content) // 2, len(content) * 9 // 10):
        message = refusal(content[:length])
        assert message.startswith(("cat/1.png is a broken image: ", "cat/1.png is no image, or a broken one: "))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cat/1.png is empty; expected an image"),
        (
            b"class,file\n",
            "cat/1.png is no image, or a broken one: it begins with b'class,fi'; expected one of JPEG, PNG, GIF, "
            "WEBP, BMP, TIFF, PPM, JPEG2000, AVIF",
        ),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cat/1.png is no image, or a broken one: it begins"),
        (png(0, 5), "cat/1.png is no image, or a broken one: it begins with b'\\x89PNG"),
        (png(*BOMB), "cat/1.png declares 10000x10000 pixels; an image has at most 64 million"),
        (png(8001, 8000), "cat/1.png declares 8001x8000 pixels; an image has at most 64 million"),
        (png(100_000, 100_000), "cat/1.png declares 10000000000 pixels; an image has at most 64 million"),
        (png(40, 40, b"\0"), "cat/1.png is a broken image: "),
        (
            encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"),
            "cat/1.png is a broken image: its pixels are floating-point numbers; expected whole numbers of 8 or 16 "
            "bits",
        ),
        (
            encoded(np.int32([[-1, 70000]]), "TIFF"),
            "cat/1.png is a broken image: its pixels go from -1 to 70000; expected whole numbers of 8 or 16 bits",
        ),
    ],
)
def test_what_cannot_be_decoded_is_named(content: bytes, message: str) -> None:
    assert refusal(content).startswith(message)


@pytest.mark.parametrize("content", [b"", b"text", png(*BOMB), png(100_000, 100_000)])
def test_headers_alone_are_refused_alike(content: bytes) -> None:
    with pytest.raises(ZooError) as info:
        size_of(io.BytesIO(content), "cat/1.png")
    assert info.value.message == refusal(content)


def test_a_bomb_is_refused_before_memory_is_taken_and_without_a_warning() -> None:
    program = (
        "import io, resource, sys; from pictures import BOMB, png; from registry.errors import ZooError\n"
        "from transfer.data.images.decode import decode\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: decode(io.BytesIO(png(*BOMB)), 3, 'bomb.png')\n"
        "except ZooError as error: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 20_000  # kB; its pixels take 100 MB


def test_channels_are_one_or_three() -> None:
    with pytest.raises(ZooError) as info:
        decoded(encoded(picture()), 4)
    assert info.value.message == "cat/1.png cannot be read with 4 channels: images have 1 (grey) or 3 (RGB)"


@pytest.mark.parametrize("format", FORMATS)
def test_damage_ends_in_pixels_or_in_an_error_that_names_the_file(format: str) -> None:
    content = encoded(Image.fromarray(picture(0, 16, 16)), format)
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(0, 256)
        try:
            found = decoded(bytes(damaged))
            assert found.dtype == np.uint8 and found.ndim == 3
        except ZooError as error:
            refused += 1
            assert error.message.startswith("cat/1.png ")
    assert refused or format in ("BMP", "PPM", "JPEG")
