"""Images as a model takes them: right pixels in the right rows, whatever is asked for, and bounded memory."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded, picture, tree, write
from PIL import Image

from registry.errors import ZooError
from transfer.data.images import decode as decoding
from transfer.data.images import feed as feeding
from transfer.data.images.colours import pixels
from transfer.data.images.feed import ImageFeed
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.feeding import Feed

COUNT = 100
HELD = EncodedImages([encoded(picture(seed)) for seed in range(COUNT)], lambda row: f"t.parquet, row {row + 1}")
PIXELS = np.stack([picture(seed) for seed in range(COUNT)])


def scaled(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / np.float32(255)


def first_column(image: np.ndarray) -> np.ndarray:
    """Crop one image `(h, w, c)`, or several, to `(4, 4, c)`."""
    return image[..., :4, :4, :].astype(np.float32)


def feed_of(samples: ImageSamples | EncodedImages, shape: tuple[int, ...] = (8, 6, 3), **options: object) -> ImageFeed:
    made: ImageFeed = ImageFeed(
        samples,
        scaled,
        scaled,
        **{"channels": shape[-1], "shape": shape, **options},  # type: ignore[arg-type]
    )
    return made


def test_it_is_a_feed() -> None:
    feed: Feed = feed_of(HELD)
    assert (feed.shapes, feed.dtypes, len(feed)) == (((8, 6, 3),), ("float32",), COUNT)
    assert (feed.digests == HELD.digests).all()


@given(rows=st.lists(st.integers(0, COUNT - 1), max_size=150), size=st.integers(1, 160))
@settings(max_examples=30, deadline=None)
def test_rows_come_as_they_were_asked_for(rows: list[int], size: int) -> None:
    wanted = np.array(rows, np.int64)
    feed = feed_of(HELD)
    got = list(feed.blocks(wanted, size))
    assert [len(part) for part, _ in got] == [len(wanted[at : at + size]) for at in range(0, len(wanted), size)]
    assert np.concatenate([part for part, _ in got] or [wanted]).tolist() == rows
    for part, (block,) in got:
        assert block.dtype == np.float32
        np.testing.assert_array_equal(block, scaled(PIXELS[part]))
    np.testing.assert_array_equal(feed.read(wanted)[0], scaled(PIXELS[wanted]))


def test_grey_and_other_types() -> None:
    feed = ImageFeed(HELD, lambda x: x, lambda x: x, channels=1, shape=(8, 6, 1), dtype="uint8")
    (block,) = feed.read(np.arange(3))
    assert block.shape == (3, 8, 6, 1) and block.dtype == np.uint8


def mixed(root: Path) -> ImageSamples:
    """Images of three sizes, in runs."""
    for row in range(60):
        write(root / f"{row}.png", row, 4 + row // 7 % 3, 5)
    return ImageSamples(root, [f"{row}.png" for row in range(60)])


def test_equally_large_images_are_prepared_together(tmp_path: Path) -> None:
    samples, seen, lock = mixed(tmp_path), [], threading.Lock()

    def together(images: np.ndarray) -> np.ndarray:
        with lock:
            seen.append(len(images))
        return first_column(images)

    feed = ImageFeed(samples, first_column, together, channels=3, shape=(4, 4, 3))
    (block,) = feed.read(np.arange(60))
    expected = [picture(row, 4 + row // 7 % 3, 5)[:4, :4].astype(np.float32) for row in range(60)]
    np.testing.assert_array_equal(block, np.stack(expected))
    # Runs of 7, where work is handed out by 32.
    assert sorted(seen) == [3, 4, 4, 7, 7, 7, 7, 7, 7, 7]


def test_large_images_are_prepared_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "TOGETHER_BYTES", 8 * 6 * 3)
    alone: list[tuple[int, ...]] = []

    def one(image: np.ndarray) -> np.ndarray:
        alone.append(image.shape)
        return scaled(image)

    feed = ImageFeed(HELD, one, lambda images: pytest.fail("prepared together"), channels=3, shape=(8, 6, 3))
    feed.read(np.arange(5))
    assert alone == [(8, 6, 3)] * 5


def test_large_images_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGE_PIXELS", 8 * 6 - 1)
    running, most, lock = 0, 0, threading.Lock()

    def slow(image: Image.Image, channels: int) -> np.ndarray:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        running -= 1
        return pixels(image, channels)

    monkeypatch.setattr(decoding, "pixels", slow)
    np.testing.assert_array_equal(feed_of(HELD).read(np.arange(COUNT))[0], scaled(PIXELS))
    assert most == 1


def test_a_broken_image_is_named_and_ends_the_work(tmp_path: Path) -> None:
    names = [f"{row}.png" for row in range(200)]
    root = tree(tmp_path, names)
    (root / "70.png").write_bytes(encoded(picture(0, 64, 64))[:-400])
    feed = feed_of(ImageSamples(root, names))
    before = threading.active_count()
    got = 0
    with pytest.raises(ZooError) as info:
        for _, (block,) in feed.blocks(np.arange(200), 40):
            got += len(block)
    assert got == 40
    assert info.value.message.startswith(f"{root}/70.png is a broken image: ")
    assert threading.active_count() == before
    with pytest.raises(ZooError, match=r"70\.png is a broken image"):
        feed.read(np.arange(200))


def test_an_image_of_another_size_than_the_models(tmp_path: Path) -> None:
    tree(tmp_path, ["1.png", "2.png"])
    write(tmp_path / "3.png", 0, 9, 9)
    feed = feed_of(ImageSamples(tmp_path, ["1.png", "2.png", "3.png"]))
    with pytest.raises(ZooError) as info:
        feed.read(np.arange(3))
    assert info.value.message == f"{tmp_path}/3.png is 9x9x3 and becomes 9x9x3; the model takes 8x6x3"


def test_who_stops_early_leaves_no_threads() -> None:
    before = threading.active_count()
    blocks = feed_of(HELD).blocks(np.arange(COUNT), 10)
    next(blocks)
    blocks.close()
    assert threading.active_count() == before


def test_at_most_three_blocks_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Block]] = []
    most = 0

    class Block(np.ndarray):
        pass

    def counted(shape: tuple[int, ...], dtype: str) -> np.ndarray:
        nonlocal most
        block = np.ndarray.__new__(Block, shape, dtype)
        made.append(weakref.ref(block))
        gc.collect()
        most = max(most, sum(known() is not None for known in made))
        return block

    monkeypatch.setattr(feeding.np, "empty", counted)
    taken = 0
    for _, (block,) in feed_of(HELD).blocks(np.arange(COUNT), 10):
        taken += len(block)
    assert (taken, most) == (COUNT, 3)


def test_it_reads_ahead() -> None:
    started = threading.Semaphore(0)

    def noted(images: np.ndarray) -> np.ndarray:
        started.release()
        return scaled(images)

    feed = ImageFeed(HELD, noted, noted, channels=3, shape=(8, 6, 3))
    blocks = feed.blocks(np.arange(COUNT), 10)
    next(blocks)
    # The second block is decoded while nobody asks for it.
    assert started.acquire(timeout=10) and started.acquire(timeout=10)
    blocks.close()
