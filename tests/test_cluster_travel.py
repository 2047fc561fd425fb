"""Samples of every kind as a worker gets them: unpacked in another process, they are the same to the last bit."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from found_data import data_set
from pictures import encoded, picture, write

import transfer.data.arrays.h5
import transfer.data.arrays.npz
from registry.card import Preprocessing
from registry.errors import ZooError
from transfer.augment import parse_augment
from transfer.augmenter import Augmenter
from transfer.backbone import Backbone
from transfer.cluster.travel import packed
from transfer.data.hubs.spool import Spool
from transfer.data.images.samples import EncodedImages
from transfer.features import Inputs
from transfer.feeding import Feed
from transfer.plan.imaging import Imaging
from transfer.presented import feed_of, to_train
from transfer.viewed import viewed

FOREIGN = """
import pickle, sys
import numpy as np
for folder in sys.argv[1:]:
    feed = pickle.load(open(f"{folder}/sent", "rb")).unpacked()
    blocks = [arrays for _, arrays in feed.blocks(np.arange(len(feed)), 16)]
    np.savez(f"{folder}/got.npz", digests=feed.digests, *[np.concatenate(arrays) for arrays in zip(*blocks)])
"""
HOW = Preprocessing(shape=(8, 8, 3), dtype="uint8", scale=1 / 127.5, offset=-1.0, resize="stretch")
COUNT = 40


def image_net() -> Backbone:
    import keras

    x = keras.Input((8, 8, 3), name="X")
    tensor = keras.layers.GlobalAveragePooling2D(name="pool")(keras.layers.Conv2D(2, 3, name="conv")(x))
    return Backbone(keras.Model(x, tensor), HOW)


def dense_net(width: int) -> Backbone:
    import keras

    x = keras.Input((width,), name="X")
    return Backbone(keras.Model(x, keras.layers.Dense(2, name="hidden")(x)))


def fed(path: Path, net: Backbone, **how: Any) -> Feed:
    samples = data_set(path, **how).train.samples
    source = to_train(net, samples, Imaging())
    return feed_of(source, source.inputs, samples, "the data")


def labels(count: int = COUNT) -> np.ndarray:
    return np.arange(count) % 2


def numbers(folder: Path) -> Feed:
    np.savez(folder / "n.npz", x=np.random.default_rng(0).random((COUNT, 5), np.float32), y=labels())
    return fed(folder / "n.npz", dense_net(5))


def mapped(folder: Path) -> Feed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer.data.arrays.npz, "MAPPED", 0)
        return numbers(folder)


def unpacked_npz(folder: Path) -> Feed:
    x = np.random.default_rng(0).random((COUNT, 5), np.float32)
    np.savez_compressed(folder / "n.npz", x=x, y=labels())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer.data.arrays.npz, "MAPPED", 0)
        return fed(folder / "n.npz", dense_net(5))


def hdf5(folder: Path, **layout: Any) -> Feed:
    with h5py.File(folder / "n.h5", "w") as file:
        file.create_dataset("x", data=np.random.default_rng(0).random((COUNT, 5), np.float32), **layout)
        file["y"] = labels()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer.data.arrays.h5, "HELD", 0)
        return fed(folder / "n.h5", dense_net(5))


def packed_hdf5(folder: Path) -> Feed:
    return hdf5(folder, compression="gzip", chunks=(7, 5))


def pictures_in_arrays(folder: Path) -> Feed:
    x = np.stack([picture(row, 11, 9) for row in range(COUNT)])
    np.savez(folder / "p.npz", x=x, y=labels())
    source = replace(image_net())
    samples = data_set(folder / "p.npz").train.samples
    return feed_of(source, source.inputs, samples, "the data")


def photos(folder: Path) -> Feed:
    for row in range(COUNT):
        write(folder / "photos" / "ab"[row % 2] / f"{row}.png", row, 9 + row % 3)
    return fed(folder / "photos", image_net())


def views(folder: Path) -> Feed:
    plain = Inputs(photos(folder), np.zeros(1))
    augmenter = Augmenter(parse_augment("flip,crop,color"), (8, 8, 3), HOW, seed=4)
    return viewed(Inputs(plain.feed, np.zeros(len(plain.feed))), augmenter, 3).feed


def table(folder: Path) -> Feed:
    lines = [f"{row % 7},{'red' if row % 3 else 'blue'},{row % 2}" for row in range(COUNT)]
    (folder / "t.csv").write_text("\n".join(["size,colour,kind", *lines]))
    samples = data_set(folder / "t.csv", target="kind").train.samples
    source = to_train(dense_net(3), samples, Imaging())
    return feed_of(source, dense_net(sum(column.width for column in source.columns)).inputs, samples, "the data")


def image_column(folder: Path) -> Feed:
    images = [encoded(picture(row)) for row in range(COUNT)]
    pq.write_table(pa.table({"image": images, "kind": labels()}), folder / "i.parquet")
    return fed(folder / "i.parquet", image_net(), target="kind", image_column="image")


def spooled(folder: Path) -> Feed:
    spool = Spool()
    for row in range(COUNT):
        spool.add(encoded(picture(row)))
    samples = EncodedImages(spool.done(), lambda row: f"a hub, row {row}")
    return feed_of(image_net(), image_net().inputs, samples, "the data")


def spooled_arrays(folder: Path) -> Feed:
    from transfer.data.arrays.samples import ArraySamples

    spool = Spool()
    for row in range(COUNT):
        spool.add(np.random.default_rng(row).random(5, np.float32).tobytes())
    samples = ArraySamples.of(spool.done().rows((5,), np.dtype(np.float32)), "a hub")
    return feed_of(dense_net(5), dense_net(5).inputs, samples, "the data")


KINDS = [
    numbers, mapped, unpacked_npz, hdf5, packed_hdf5, pictures_in_arrays, photos, views, table, image_column, spooled,
    spooled_arrays,
]  # fmt: skip
IN_FILES = (mapped, hdf5, packed_hdf5, photos)


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, tuple[Feed, Any, Path]]:
    """Each kind's feed, what was sent, and the folder with what another process read of it."""
    made = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind.__name__)
        feed = kind(folder)
        assert len(feed.digests)  # known, as they are when features are asked for
        made[kind] = feed, packed(feed), folder
        (folder / "sent").write_bytes(pickle.dumps(made[kind][1]))
    folders = [folder for *_, folder in made.values()]
    subprocess.run([sys.executable, "-c", FOREIGN, *folders], check=True, cwd=Path(__file__).parents[1])
    return made


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_feed_arrives_as_it_is(kind: Callable[[Path], Feed], arrived: dict[Any, Any]) -> None:
    feed, sent, folder = arrived[kind]
    digests, expected = feed.digests, feed.read(np.arange(len(feed)))
    with np.load(folder / "got.npz") as found:
        assert np.array_equal(found["digests"], digests)
        assert all(found[f"arr_{place}"].tobytes() == array.tobytes() for place, array in enumerate(expected))
    if kind in IN_FILES:
        assert len(sent.pickled) + sum(part.nbytes for part in sent.buffers) < 40 * len(feed) + 8000


def test_part_of_a_mapped_array_goes_as_its_place(tmp_path: Path) -> None:
    x = np.arange(9000, dtype=np.float32).reshape(-1, 10)
    x.tofile(tmp_path / "x")
    whole = np.memmap(tmp_path / "x", "<f4", "r", 400, (890, 10))
    for part in (whole, whole[3:], whole[800:820], whole[4]):
        sent = packed(part)
        assert not sent.buffers
        assert np.array_equal(sent.unpacked(), part)
    assert np.array_equal(packed(whole[::7]).unpacked(), whole[::7])


def test_another_file_under_the_same_path(tmp_path: Path) -> None:
    np.zeros(1000).tofile(tmp_path / "x")
    sent = packed(np.memmap(tmp_path / "x", "<f8", "r"))
    np.zeros(999).tofile(tmp_path / "x")
    with pytest.raises(ZooError) as caught:
        sent.unpacked()
    told = f"a worker cannot read {tmp_path}/x: it has 8,000 bytes on this machine, and"
    assert caught.value.message == f"{told} 7,992 there"
    np.zeros(1001).tofile(tmp_path / "x")
    with pytest.raises(ZooError) as caught:
        sent.unpacked()
    assert caught.value.message == f"{told} 8,008 there"
    assert caught.value.hint.startswith("data and $ZOO_HOME must lie on a disk that all machines of the cluster see")
    np.ones(1000).tofile(tmp_path / "x")
    with pytest.raises(ZooError) as caught:
        sent.unpacked()
    assert caught.value.message == f"a worker cannot read {tmp_path}/x: it is another file there"
    (tmp_path / "x").unlink()
    with pytest.raises(ZooError, match="No such file or directory"):
        sent.unpacked()
