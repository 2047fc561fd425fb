"""Data sets of hubs: Keras's, TensorFlow Datasets' and Hugging Face's, each by its own package and its offline door."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub_server import HubServer

from registry.errors import ZooError
from transfer.data.hubs.parts import parts_of
from transfer.data.reading import Reading
from transfer.data.records import Found, Records

NOBODY = "http://127.0.0.1:9"
OFFLINE = {"http_proxy": NOBODY, "https_proxy": NOBODY, "no_proxy": ""}
# What a process of its own reads, since the packages look at their environment when they are imported.
READER = """
import json, sys
from importlib import import_module
from registry.errors import ZooError
from transfer.data.reading import Reading
module = import_module("transfer.data.hubs." + sys.argv[1])
for name, how in json.loads(sys.argv[2]):
    try:
        found = module.read(name, Reading(**how))
        told = {"ref": found.ref, "kind": found.kind, "parts": {}}
        for part, records in found.parts.items():
            samples, labels = records.samples, records.labels
            told["parts"][part] = {
                "n": len(records), "labels": labels.tolist(), "kind": labels.dtype.kind, "names": records.names,
                "where": samples.where(len(records) - 1), "digests": len({bytes(one) for one in samples.digests}),
                "groups": None if records.groups is None else records.groups.tolist(),
                "samples": type(samples).__name__,
                "first": samples.open(0).read().hex() if hasattr(samples, "open") else None,
                "columns": samples.names if hasattr(samples, "names") else None,
            }
    except ZooError as error:
        told = {"error": error.message, "hint": error.hint}
    print(json.dumps(told))
"""


def read_apart(module: str, *asked: tuple[str, dict[str, Any]], **environment: str) -> list[dict[str, Any]]:
    """Read data sets in a process of its own; return what it says of each; packages say nothing themselves."""
    command = [sys.executable, "-c", READER, module, json.dumps(asked)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "ownload" in line or "ataset" in line]
    return [json.loads(line) for line in done.stdout.splitlines()]


# Keras


def write_clothes(folder: Path, cut: bool = False) -> None:
    """Write Fashion MNIST's four files in their format (IDX), with 20 and 10 samples; Keras checks no hash of these."""
    folder.mkdir(parents=True)
    for name, n in {"train": 20, "t10k": 10}.items():
        images = (np.arange(n * 784) % 251).astype(np.uint8)
        pixels = struct.pack(">4i", 2051, n, 28, 28) + (images[:-5] if cut else images).tobytes()
        labels = struct.pack(">2i", 2049, n) + (np.arange(n) % 10).astype(np.uint8).tobytes()
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pixels))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


def test_keras_data_sets_come_from_its_cache(tmp_path: Path) -> None:
    write_clothes(tmp_path / "datasets" / "fashion-mnist")
    found, dashed = read_apart(
        "keras_datasets", ("fashion_mnist", {}), ("Fashion-MNIST", {}), KERAS_HOME=str(tmp_path), **OFFLINE
    )
    assert (found["ref"], found["kind"]) == ("keras:fashion_mnist", "arrays")
    assert {part: records["n"] for part, records in found["parts"].items()} == {"train": 20, "test": 10}
    train = found["parts"]["train"]
    assert train["labels"][:3] == [0, 1, 2] and train["names"][9] == "Ankle boot"
    assert train["where"] == "keras:fashion_mnist: train, row 19"
    assert dashed == found


def test_keras_data_sets_that_cannot_be_had(tmp_path: Path) -> None:
    write_clothes(tmp_path / "datasets" / "fashion-mnist", cut=True)
    for name in ("mnist.npz", "boston_housing.npz"):
        np.savez(tmp_path / "datasets" / name, x=np.zeros(3), y=np.zeros(3))
    (tmp_path / "datasets" / "boston_housing.npz").unlink()
    clothes, digits, houses = read_apart(
        "keras_datasets",
        ("fashion_mnist", {}),
        ("mnist", {}),
        ("boston_housing", {}),
        KERAS_HOME=str(tmp_path),
        **OFFLINE,
    )
    assert "keras:fashion_mnist: the files in Keras's cache are damaged: cannot reshape array" in clothes["error"]
    assert clothes["hint"] == f"remove them from {tmp_path}/datasets"
    assert "keras:mnist cannot be downloaded: URL fetch failure on https://storage" in digits["error"]
    assert digits["error"].endswith("; the file in the cache had another content than Keras's, which has removed it")
    assert "keras:boston_housing cannot be downloaded: URL fetch failure" in houses["error"]
    assert houses["hint"].startswith(f"check the connection, or put the files into {tmp_path}/datasets")


def test_keras_data_sets_that_are_none() -> None:
    from transfer.data.hubs.keras_datasets import read

    with pytest.raises(ZooError, match="Keras has no data set of images or numbers called 'fashion'") as caught:
        read("fashion", Reading())
    assert caught.value.hint == "did you mean fashion_mnist?"
    with pytest.raises(ZooError, match="Keras has no data set of images or numbers called 'imdb'"):
        read("imdb", Reading())
    with pytest.raises(ZooError, match="keras:mnist has samples and labels only"):
        read("mnist", Reading(target="label"))


# Splits


def test_splits_by_their_usual_names() -> None:
    assert parts_of(["train", "validation", "test", "extra"], "x") == {
        "train": "train", "valid": "validation", "test": "test",
    }  # fmt: skip
    with pytest.raises(ZooError, match="x has two splits for valid: dev and validation"):
        parts_of(["train", "dev", "validation"], "x")
    with pytest.raises(ZooError, match="x has the splits a, b; expected train, validation, test"):
        parts_of(["a", "b"], "x")


# TensorFlow Datasets


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of TensorFlow Datasets with small data sets of each kind."""
    import tensorflow_datasets as tfds

    folder = tmp_path_factory.mktemp("tfds")
    digit = tfds.features.ClassLabel(names=["zero", "one", "two"])
    image = {"image": tfds.features.Image(shape=(None, None, 3)), "label": digit, "taken": tfds.features.Text()}
    small = {"image": tfds.features.Image(shape=(4, 4, 1)), "label": digit}
    cells = {"age": np.float32, "fare": np.int64, "sex": digit, "name": tfds.features.Text(), "survived": np.int64}
    kinds = {
        "photos": (image, lambda n: {"image": picture(n), "label": n % 3, "taken": f"day {n // 2}"}),
        "digits": (small, lambda n: {"image": picture(n)[:4, :4, :1], "label": n % 3}),
        "flowers": ({"features": tfds.features.Tensor(shape=(4,), dtype=np.float32), "label": digit},
                    lambda n: {"features": np.full(4, n, np.float32), "label": n % 3}),
        "titanic_like": (cells, lambda n: {"age": n + 0.5, "fare": n, "sex": n % 2, "name": f"n{n}",
                                           "survived": n % 2}),
        "tagged": ({"image": small["image"], "labels": tfds.features.Sequence(digit)},
                   lambda n: {"image": picture(n)[:4, :4, :1], "labels": [0, 2] if n % 2 else [1]}),
        "sounds": ({"noise": tfds.features.Audio(shape=(None,)), "label": digit},
                   lambda n: {"noise": np.zeros(n + 1, np.int64), "label": n % 3}),
    }  # fmt: skip
    for name, (features, example) in kinds.items():
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version="1.2.0",
            features=tfds.features.FeaturesDict(features),
            split_datasets={"train": [(n, example(n)) for n in range(9)], "test": [(n, example(n)) for n in range(3)]},
            data_dir=folder,
            disable_shuffling=True,
        )
    return folder


def picture(n: int) -> Any:
    return np.full((5 + n, 6, 3), 20 * n, np.uint8)


def tfds_read(prepared: Path, name: str, monkeypatch: pytest.MonkeyPatch, **how: Any) -> Found:
    from transfer.data.hubs.tfds import read

    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    return read(name, Reading(**how))


def labels(records: Records) -> Any:
    assert records.labels is not None
    return records.labels.tolist()


def test_images_of_many_sizes_stay_encoded(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transfer.data.images.decode import decode
    from transfer.data.images.samples import EncodedImages

    found = tfds_read(prepared, "photos:1.2.0", monkeypatch, group_column="taken")
    assert (found.ref, found.kind) == ("tfds:photos:1.2.0", "images")
    train, test = found.parts["train"], found.parts["test"]
    assert (len(train), len(test), labels(train), train.names) == (9, 3, [0, 1, 2] * 3, ("zero", "one", "two"))
    assert train.groups is not None and train.groups.tolist()[:3] == ["day 0", "day 0", "day 1"]
    assert isinstance(train.samples, EncodedImages)
    for row in (7, 0, 3):
        assert np.array_equal(decode(train.samples.open(row), 3, "x"), picture(row))
    assert train.samples.where(4) == "tfds:photos:1.2.0: train, row 4"


def test_images_of_one_size_are_arrays(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transfer.data.arrays.samples import ArraySamples

    found = tfds_read(prepared, "digits", monkeypatch)
    samples = found.parts["train"].samples
    assert found.kind == "arrays" and isinstance(samples, ArraySamples)
    assert np.array_equal(samples.take(np.arange(9)), np.stack([picture(n)[:4, :4, :1] for n in range(9)]))
    assert labels(found.parts["test"]) == [0, 1, 2] and samples.where(8) == "tfds:digits: train, row 8"


def test_numbers_are_arrays_and_single_values_a_table(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transfer.data.arrays.samples import ArraySamples
    from transfer.data.tables.samples import TableSamples

    flowers = tfds_read(prepared, "flowers", monkeypatch).parts["train"].samples
    assert isinstance(flowers, ArraySamples) and flowers.take(np.array([2]))[0].tolist() == [2, 2, 2, 2]
    found = tfds_read(prepared, "titanic_like", monkeypatch, target="survived", group_column="name")
    train = found.parts["train"]
    assert found.kind == "table" and isinstance(train.samples, TableSamples)
    assert labels(train) == [0, 1] * 4 + [0] and train.groups is not None and train.groups[3] == "n3"
    assert train.samples.take(np.array([1])).to_pydict() == {"age": [1.5], "fare": [1], "sex": ["one"]}


def test_lists_of_labels(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = tfds_read(prepared, "tagged", monkeypatch).parts["train"]
    assert labels(train)[:2] == [[0, 1, 0], [1, 0, 1]] and train.names == ("zero", "one", "two")


@pytest.mark.parametrize(
    ("name", "how", "message", "hint"),
    [
        ("hugging:face", {}, "'hugging:face' is no name of TensorFlow Datasets: expected NAME[/CONFIG]", "tfds:mnist"),
        ("a,b=3", {}, "'a,b=3' is no name of TensorFlow Datasets", "tfds:mnist"),
        ("mnits", {}, "TensorFlow Datasets has no data set 'mnits'", "mnist"),
        ("photos:9.9.9", {}, "TensorFlow Datasets has no data set 'photos:9.9.9'", ""),
        ("mnist/none", {}, "tfds:mnist/none cannot be opened: ", "tfds:mnist"),
        ("photos", {"target": "colour"}, "tfds:photos has no feature 'colour'", "label"),
        ("photos", {"target": "label,taken"}, "tfds:photos takes one feature as --target, got 2", ""),
        ("photos", {"group_column": "who"}, "tfds:photos has no feature 'who'; it has ", ""),
        ("titanic_like", {}, "tfds:titanic_like does not say which feature is the label", "say it: --target"),
        ("sounds", {}, "tfds:sounds has no feature that a model takes: expected an image, numbers of one shape, or "
         "single values; beside the label it has noise (Audio (None,))", "--image-column"),
    ],
)  # fmt: skip
def test_what_tensorflow_datasets_lack(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(ZooError) as caught:
        tfds_read(prepared, name, monkeypatch, **how)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_what_is_not_prepared_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow_datasets as tfds

    class ZooMade(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc]
        VERSION = tfds.core.Version("1.0.0")
        address = ""

        def _info(self) -> Any:
            features = {"x": tfds.features.Tensor(shape=(2,), dtype=np.float32), "y": np.float32}
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(features), supervised_keys=("x", "y")
            )

        def _split_generators(self, dl_manager: Any) -> Any:
            if self.address:
                dl_manager.download(self.address)
            return {"train": self._generate_examples()}

        def _generate_examples(self) -> Any:
            for n in range(4):
                yield n, {"x": np.full(2, n, np.float32), "y": n / 2}

    with HubServer() as server:  # it has no such page; where nobody answers, the package tries for minutes
        monkeypatch.setattr(ZooMade, "address", f"{server.url}/data.zip")
        with pytest.raises(ZooError, match=r"tfds:zoo_made cannot be prepared: .*404") as caught:
            tfds_read(tmp_path, "zoo_made", monkeypatch)
    assert caught.value.hint == "check the connection, or prepare it where there is one: tfds build zoo_made/1.0.0"
    monkeypatch.setattr(ZooMade, "address", "")
    records = tfds_read(tmp_path, "zoo_made", monkeypatch).parts["all"]
    assert sorted(labels(records)) == [0, 0.5, 1, 1.5]


def test_tensorflow_datasets_say_nothing_themselves(prepared: Path) -> None:
    (found,) = read_apart("tfds", ("digits", {}), TFDS_DATA_DIR=str(prepared), **OFFLINE)
    assert found["parts"]["train"]["n"] == 9


@pytest.mark.parametrize(("module", "extra"), [("tfds", "tfds"), ("hf_datasets", "datasets")])
def test_a_package_that_is_missing(module: str, extra: str) -> None:
    blocked = f"""
import sys
sys.modules["tensorflow_datasets"] = sys.modules["datasets"] = None
{READER}"""
    done = subprocess.run(
        [sys.executable, "-c", blocked, module, '[["a/b", {}]]'],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    told = json.loads(done.stdout)
    assert "which is not installed" in told["error"] and told["hint"] == f"pip install 'zoo[{extra}]'"


# Hugging Face


def png(n: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.fromarray(picture(n)).save(file, "PNG")
    return file.getvalue()


def parquet(rows: dict[str, Any], features: Any = None) -> bytes:
    from io import BytesIO

    import datasets

    file = BytesIO()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(file)
    return file.getvalue()


def hub_data() -> dict[str, dict[str, bytes]]:
    """Return the files of data sets of each kind, by name."""
    import datasets

    animals = datasets.ClassLabel(names=["cat", "dog"])
    pictured = datasets.Features({"image": datasets.Image(), "label": animals, "who": datasets.Value("string")})
    tagged = datasets.Features({"image": datasets.Image(), "label": datasets.List(animals)})
    cells = datasets.Features({"age": datasets.Value("float32"), "sex": animals, "label": animals})

    def images(n: int) -> list[dict[str, Any]]:
        return [{"bytes": png(row), "path": None} for row in range(n)]

    def rows(n: int) -> dict[str, Any]:
        return {"image": images(n), "label": [row % 2 for row in range(n)], "who": [f"w{row // 2}" for row in range(n)]}

    return {
        "org/pictures": {
            "data/train-00000-of-00001.parquet": parquet(rows(6), pictured),
            "data/test-00000-of-00001.parquet": parquet(rows(2), pictured),
        },
        "org/tagged": {"data/train.parquet": parquet({"image": images(2), "label": [[0, 1], []]}, tagged)},
        "org/cells": {
            "train.parquet": parquet({"age": [1.0, 2.0, 3.0], "sex": [0, 1, 0], "label": [1, 0, 1]}, cells),
        },
        "org/texts": {"train.csv": b"age,sex,label\n1.5,f,yes\n2.5,m,no\n", "test.csv": b"age,sex,label\n1,f,no\n"},
        "org/folder": {f"{part}/{animal}/{n}.png": png(n) for part, count in {"train": 3, "test": 1}.items()
                       for animal in ("cat", "dog") for n in range(count)},
        "org/lines": {"train.jsonl": b'{"a": 1, "label": 0}\n'},
        "org/script": {"script.py": b"raise SystemExit('run')\n"},
        "org/outside": {
            "train.parquet": parquet({"image": [{"bytes": None, "path": "/etc/passwd"}], "label": [0], "who": ["w"]},
                                     pictured),
        },
        "org/broken": {"train.parquet": b"PAR1 and no more" * 100},
    }  # fmt: skip


@pytest.fixture(scope="module")
def hugging(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process of its own reads from a hub on loopback: by name and options, what it found."""
    home = str(tmp_path_factory.mktemp("hf"))
    with HubServer() as hub:
        for name, files in hub_data().items():
            hub.add(name, files)
        hub.tag("org/texts", "v1")
        hub.add("org/texts", {"train.csv": b"age,sex,label\n1.5,f,yes\n2.5,m,no\n3.5,m,no\n"})
        names = [*hub_data(), "org/texts@v1", "org/none", "a b"]
        options = [("org/pictures", {"group_column": "who"}), ("org/pictures", {"image_column": "label"}),
                   ("org/folder", {"group_column": "x"}),
                   ("org/texts", {"target": "sex", "group_column": "label"})]  # fmt: skip
        asked: list[tuple[str, dict[str, Any]]] = [*((name, {}) for name in names), *options]
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": home, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_TOKEN": ""}
        told = read_apart("hf_datasets", *asked, **environment)
        found = {(name, *how): one for (name, how), one in zip(asked, told, strict=True)}
        found["url"] = hub.url  # type: ignore[assignment, index]
        offline = read_apart("hf_datasets", ("org/never", {}), **{**environment, "HF_HUB_OFFLINE": "1"})
        found["offline"] = offline[0]  # type: ignore[index]
    nobody = read_apart("hf_datasets", ("org/never", {}), **{**environment, "HF_ENDPOINT": NOBODY})
    return {**found, "nobody": nobody[0]}


def test_images_of_a_hub(hugging: Any) -> None:
    found = hugging["org/pictures",]
    train, test = found["parts"]["train"], found["parts"]["test"]
    assert (found["ref"], found["kind"], train["samples"]) == ("hf://datasets/org/pictures", "images", "EncodedImages")
    assert (train["n"], test["n"], train["labels"], train["names"]) == (6, 2, [0, 1] * 3, ["cat", "dog"])
    assert bytes.fromhex(train["first"]) == png(0) and train["digests"] == 6
    assert train["where"] == "hf://datasets/org/pictures: train, row 5" and train["groups"] is None
    assert hugging["org/pictures", "group_column"]["parts"]["train"]["groups"] == ["w0", "w0", "w1", "w1", "w2", "w2"]


def test_a_folder_of_images_on_a_hub(hugging: Any) -> None:
    found = hugging["org/folder",]
    train = found["parts"]["train"]
    assert (found["kind"], train["n"], train["names"], train["labels"]) == (
        "images",
        6,
        ["cat", "dog"],
        [0] * 3 + [1] * 3,
    )
    assert bytes.fromhex(train["first"]) == png(0) and train["digests"] == 3


def test_tables_of_a_hub(hugging: Any) -> None:
    cells = hugging["org/cells",]
    assert (cells["kind"], cells["parts"]["all"]["labels"]) == ("table", ["dog", "cat", "dog"])
    assert cells["parts"]["all"]["columns"] == ["age", "sex"]
    texts = hugging["org/texts",]["parts"]
    assert texts["train"]["labels"] == ["yes", "no", "no"] and texts["test"]["labels"] == ["no"]
    assert texts["train"]["where"] == "org/texts: train, row 3"
    assert hugging["org/texts@v1",]["parts"]["train"]["n"] == 2
    other = hugging["org/texts", "target", "group_column"]["parts"]["train"]
    assert (other["labels"], other["groups"], other["columns"]) == (["f", "m", "m"], ["yes", "no", "no"], ["age"])


def test_lists_of_labels_of_a_hub(hugging: Any) -> None:
    assert hugging["org/tagged",]["parts"]["all"]["labels"] == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        (("org/lines",), "hf://datasets/org/lines is in a format that is not read (json); expected parquet, csv, image",
         "download it, and give its files as --data"),
        (("org/script",), "hf://datasets/org/script", ""),
        (("org/outside",), "hf://datasets/org/outside: all, row 0 holds no image", "--skip-broken"),
        (("org/broken",), "hf://datasets/org/broken cannot be read: Parquet magic bytes not found", "look at {url}/"),
        (("org/none",), "{url} has no data set org/none, or it is private: ", "check the name, or hf auth login"),
        (("a b",), "'a b' is no data set's name: expected ORG/NAME[/CONFIG][@REVISION]", "hf://datasets/ylecun/mnist"),
        (("org/pictures", "image_column"), "has no images in a column 'label'; it has image, label, who", ""),
        (("org/folder", "group_column"), "hf://datasets/org/folder has no column 'x'; it has image, label", ""),
        ("offline", "hf://datasets/org/never needs the network, and Hugging Face is set offline", "HF_HUB_OFFLINE"),
        ("nobody", "http://127.0.0.1:9 cannot be reached: ", "check the connection and HF_ENDPOINT, and try again"),
    ],
)  # fmt: skip
def test_what_a_hub_does_not_give(hugging: Any, key: Any, message: str, hint: str) -> None:
    told = hugging[key]
    assert message.format(url=hugging["url"]) in told.get("error", "")
    assert hint.format(url=hugging["url"]) in told.get("hint", "")
