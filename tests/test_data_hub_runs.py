"""Data sets of hubs, and TFRecords, go through the commands: scikit-learn's digits and iris as each hub keeps data."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
from hub_server import HubServer, hub  # noqa: F401
from made_tables import real
from pictures import encoded
from real_data import QUICK, digits
from test_data_hubs import parquet
from test_data_tfrecords import example, write

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")

CLOTHES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag"]
KINDS = ["setosa", "versicolor", "virginica"]
NAMES = ["nought", "one", "two"]
COUNTS = {"train": 20, "test": 5}  # images a class
NO_IMAGE = b"\x89PNG and no more"


def drawn(split: str, classes: int = 3) -> list[tuple[np.ndarray, int]]:
    """Draw a split's digits `(16, 16) uint8`, and say what each is; no digit is in two splits."""
    skip = {"train": 0, "test": 20, "extra": 25}[split]
    x, y = digits(COUNTS.get(split, 1), classes, skip)
    return list(zip(x, map(int, y), strict=True))


def flowers(split: str) -> list[tuple[np.ndarray, int]]:
    """Return a split's rows of iris `(4,) float32`, and the kind of each: every third row is one of the test."""
    table = real("iris")
    x = np.stack([table.column(place).to_numpy() for place in range(4)], axis=1).astype(np.float32)
    y = [KINDS.index(kind) for kind in table.column("kind").to_pylist()]
    return [(x[row], y[row]) for row in range(len(y)) if (row % 3 == 0) == (split == "test")]


def trained(zoo_command: Zoo, data: object, net: str, *words: object) -> Any:
    """Make the model `mine` of a net; return what was recorded."""
    reuse = "block.*" if net == "net" else "hidden1"
    options = ("--reuse", reuse, *QUICK, *words, "--publish-as", "mine", "--update", "--json")
    return zoo_command("transfer", net, "--data", data, *options)


def goes_through(zoo_command: Zoo, data: object, net: str, counts: tuple[int, int], classes: list[str]) -> list[Any]:
    """Train, score and predict on a data set of so many samples in train and test; return the predictions.

    Of every kind the same is asserted: the first run extracts all that trains and the second nothing, the score is the
    run's own on its own test split, and there is a prediction for each sample.
    """
    train, test = counts
    contents = train - 1 if classes is KINDS else train  # two flowers of iris are alike
    done = trained(zoo_command, data, net)
    assert (done["data"], done["classes"], done["test"]["n"]) == (str(data), classes, test)
    assert (done["cache"]["extracted"], done["cache"]["hit"]) == (contents, False)
    assert done["test_accuracy"] > 0.6
    again = trained(zoo_command, data, net)
    assert (again["cache"]["extracted"], again["cache"]["hit"]) == (0, True)
    assert (again["fingerprint"], again["test_accuracy"]) == (done["fingerprint"], done["test_accuracy"])
    scored = zoo_command("evaluate", "mine", "--data", data, "--json")
    assert (scored["data"], scored["n"], scored["accuracy"]) == (str(data), test, done["test_accuracy"])
    assert list(scored["per_class"]) == classes
    lines = zoo_command("predict", "mine", "--input", data, "--format", "jsonl").splitlines()
    found = [json.loads(line) for line in lines]
    assert len(found) == len({one["sample"] for one in found}) == train + test
    assert {one["class"] for one in found} <= {*classes}
    return found


def right(found: list[Any], classes: list[str], *true: list[tuple[np.ndarray, int]]) -> float:
    """Say how many predictions are what the splits, in their order, say."""
    expected = [classes[label] for split in true for _, label in split]
    return float(np.mean([one["class"] == name for one, name in zip(found, expected, strict=True)]))


# Keras


@pytest.fixture
def clothes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Fashion MNIST's four files in their format (IDX) in Keras's cache; what they show are digits, of nine classes."""
    from keras.src.backend import config

    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))  # Keras reads KERAS_HOME when it is imported
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, split in {"train": "train", "t10k": "test"}.items():
        images = np.stack([np.pad(image, 6) for image, _ in drawn(split, 9)])
        labels = bytes(label for _, label in drawn(split, 9))
        pixels = struct.pack(">4i", 2051, *images.shape) + images.tobytes()
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pixels))
        head = struct.pack(">2i", 2049, len(labels))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head + labels))
    return "keras:fashion_mnist"


def test_a_data_set_of_keras(zoo_command: Zoo, clothes: str) -> None:
    found = goes_through(zoo_command, clothes, "net", (180, 45), CLOTHES)
    assert found[0]["sample"] == "keras:fashion_mnist: train, row 0"
    assert found[-1]["sample"] == "keras:fashion_mnist: test, row 44"
    assert right(found, CLOTHES, drawn("train", 9), drawn("test", 9)) > 0.6


# TensorFlow Datasets


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Prepare a data set in a folder of TensorFlow Datasets; it is called `tfds:made`."""
    import tensorflow_datasets as tfds

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))

    def made(kind: Any, names: list[str], splits: dict[str, list[tuple[Any, int]]]) -> str:
        label = tfds.features.ClassLabel(names=names)
        tfds.dataset_builders.store_as_tfds_dataset(
            name="made",
            version="1.0.0",
            features=tfds.features.FeaturesDict({"shown": kind, "label": label}),
            split_datasets={
                split: [(row, {"shown": sample, "label": one}) for row, (sample, one) in enumerate(samples)]
                for split, samples in splits.items()
            },
            data_dir=tmp_path / "tfds",
            disable_shuffling=True,
        )
        return "tfds:made"

    return made


@pytest.mark.parametrize("size", [None, 16], ids=["of many sizes", "of one size"])
def test_images_of_tensorflow_datasets(size: int | None, prepare: Callable[..., str], zoo_command: Zoo) -> None:
    import tensorflow_datasets as tfds

    splits = {split: [(image[..., None], label) for image, label in drawn(split)] for split in COUNTS}
    data = prepare(tfds.features.Image(shape=(size, size, 1)), NAMES, splits)
    found = goes_through(zoo_command, data, "net", (60, 15), NAMES)
    assert (found[0]["sample"], found[-1]["sample"]) == ("tfds:made: train, row 0", "tfds:made: test, row 14")
    assert right(found, NAMES, drawn("train"), drawn("test")) > 0.8


def test_numbers_of_tensorflow_datasets(prepare: Callable[..., str], zoo_command: Zoo) -> None:
    import tensorflow_datasets as tfds

    data = prepare(
        tfds.features.Tensor(shape=(4,), dtype=np.float32), KINDS, {split: flowers(split) for split in COUNTS}
    )
    found = goes_through(zoo_command, data, "rows-4", (100, 50), KINDS)
    assert right(found, KINDS, flowers("train"), flowers("test")) > 0.8


def test_a_split_that_is_not_used_is_told(prepare: Callable[..., str], zoo_command: Zoo) -> None:
    import tensorflow_datasets as tfds

    told = "tfds:made: the split extra is not used: it is neither training, validation nor test"
    splits = {split: [(image[..., None], label) for image, label in drawn(split)] for split in (*COUNTS, "extra")}
    data = prepare(tfds.features.Image(shape=(16, 16, 1)), NAMES, splits)
    shown = zoo_command("transfer", "net", "--data", data, "--reuse", "block.*", *QUICK, "--publish-as", "mine")
    assert told in shown.splitlines()
    report = Path(re.search(r"^report +(.+)$", shown, re.M)[1])  # type: ignore[index]
    assert f"Note: {told}." in report.read_text()
    assert told in zoo_command("data", "inspect", data).splitlines()
    assert len(zoo_command("predict", "mine", "--input", data, "--format", "jsonl").splitlines()) == 75
    assert told in zoo_command.err.splitlines()


# Hugging Face


@pytest.fixture
def shared(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubServer:  # noqa: F811
    """The hub on loopback as the package `datasets` knows it, which reads its environment when it is imported."""
    from datasets import config

    cache = tmp_path / "hf" / "datasets"
    monkeypatch.setattr(config, "HF_ENDPOINT", hub.url)
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", cache)
    monkeypatch.setattr(config, "HF_MODULES_CACHE", tmp_path / "hf" / "modules")
    monkeypatch.setattr(config, "DOWNLOADED_DATASETS_PATH", cache / "downloads")
    monkeypatch.setattr(config, "EXTRACTED_DATASETS_PATH", cache / "downloads" / "extracted")
    return hub


def pictured(images: list[tuple[bytes, int]]) -> bytes:
    """Return a Parquet file of encoded images and their labels, as the hub's own tools write it."""
    import datasets

    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})
    cells = [{"bytes": content, "path": None} for content, _ in images]
    return parquet({"image": cells, "label": [label for _, label in images]}, features)


def files(split: str) -> list[tuple[bytes, int]]:
    """Return a split's digits as PNG files."""
    return [(encoded(image), label) for image, label in drawn(split)]


def test_images_of_hugging_face(shared: HubServer, zoo_command: Zoo) -> None:
    shared.add("org/digits", {f"data/{split}-00000-of-00001.parquet": pictured(files(split)) for split in COUNTS})
    data = "hf://datasets/org/digits"
    found = goes_through(zoo_command, data, "net", (60, 15), NAMES)
    assert (found[0]["sample"], found[-1]["sample"]) == (f"{data}: train, row 0", f"{data}: test, row 14")
    assert right(found, NAMES, drawn("train"), drawn("test")) > 0.8


def test_a_table_of_hugging_face(shared: HubServer, zoo_command: Zoo) -> None:
    table = real("iris").rename_columns(["a", "b", "c", "d", "label"])
    rows = {"train": [row for row in range(150) if row % 3], "test": [*range(0, 150, 3)]}
    for split, chosen in rows.items():
        file = io.BytesIO()
        pyarrow.csv.write_csv(table.take(chosen), file)
        shared.add("org/iris", {f"{split}.csv": file.getvalue()})
    found = goes_through(zoo_command, "hf://datasets/org/iris", "rows-4", (100, 50), KINDS)
    assert (found[0]["sample"], found[-1]["sample"]) == ("org/iris: train, row 1", "org/iris: test, row 50")
    assert right(found, KINDS, flowers("train"), flowers("test")) > 0.8


# TFRecords


def test_images_in_records(zoo_command: Zoo, tmp_path: Path) -> None:
    data = recorded(tmp_path / "digits", {split: files(split) for split in COUNTS})
    found = goes_through(zoo_command, data, "net", (60, 15), NAMES)
    assert [one["sample"] for one in (found[0], found[-1])] == [
        f"{data}/train.tfrecord, record 0",
        f"{data}/test.tfrecord, record 14",
    ]
    assert right(found, NAMES, drawn("train"), drawn("test")) > 0.8


def recorded(folder: Path, splits: dict[str, list[tuple[bytes, int]]]) -> Path:
    """Write encoded images as TFRecord files with their schema."""
    folder.mkdir()
    schema = {"features": {"image": "image", "label": {"dtype": "int64"}}, "label": "label", "classes": NAMES}
    for split, images in splits.items():
        records = [example(image=content, label=label) for content, label in images]
        write(folder / f"{split}.tfrecord", records, schema)
    return folder


def test_numbers_in_records(zoo_command: Zoo, tmp_path: Path) -> None:
    schema = {
        "features": {"sizes": {"dtype": "float32", "shape": [4]}, "kind": {"dtype": "int64"}},
        "label": "kind",
        "classes": KINDS,
    }
    for split in COUNTS:
        records = [example(sizes=row.tolist(), kind=kind) for row, kind in flowers(split)]
        write(tmp_path / f"{split}.tfrecord", records, schema)
    found = goes_through(zoo_command, tmp_path, "rows-4", (100, 50), KINDS)
    assert right(found, KINDS, flowers("train"), flowers("test")) > 0.8


# Broken images


@pytest.mark.parametrize("kind", ["Hugging Face", "records"])
def test_a_broken_image_of_a_hub(kind: str, request: pytest.FixtureRequest, zoo_command: Zoo, tmp_path: Path) -> None:
    splits = {split: files(split) for split in COUNTS}
    splits["train"][7] = (NO_IMAGE, splits["train"][7][1])
    if kind == "records":
        data = str(recorded(tmp_path / "digits", splits))
        where = f"{data}/train.tfrecord, record 7"
    else:
        data, where = "hf://datasets/org/broken", "hf://datasets/org/broken: train, row 7"
        hub = request.getfixturevalue("shared")
        hub.add("org/broken", {f"{split}.parquet": pictured(images) for split, images in splits.items()})
    zoo_command("transfer", "net", "--data", data, "--reuse", "block.*", *QUICK, code=1)
    assert f"error: {where}" in zoo_command.err and "--skip-broken" in zoo_command.err
    done = trained(zoo_command, data, "net", "--skip-broken")
    assert [one["where"] for one in done["broken"]] == [where] and done["broken"][0]["why"]
    assert (done["cache"]["extracted"], done["test"]["n"]) == (59, 15)
    (report,) = (tmp_path / "home" / "runs").glob("*/report.md")
    said = report.read_text(encoding="utf-8")
    assert where in said and "1 sample cannot be read" in said
    scored = zoo_command("evaluate", "mine", "--data", data, "--skip-broken", "--json")
    assert ([one["where"] for one in scored["broken"]], scored["accuracy"]) == ([where], done["test_accuracy"])
    zoo_command("evaluate", "mine", "--data", data, "--skip-broken")
    assert f"left out: {where}: " in zoo_command.err
    lines = zoo_command("predict", "mine", "--input", data, "--skip-broken", "--format", "jsonl").splitlines()
    assert len(lines) == 74 and f"left out: {where}: " in zoo_command.err
