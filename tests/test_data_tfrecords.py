"""TFRecord files with a schema beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from registry.errors import ZooError
from transfer.data.arrays.samples import ArraySamples
from transfer.data.hubs.tfrecord import claims, read
from transfer.data.images.samples import EncodedImages
from transfer.data.reading import Reading
from transfer.data.records import Found

PICTURES = {
    "features": {"image": "image", "label": {"dtype": "int64", "shape": []}, "who": {"dtype": "string"}},
    "label": "label",
    "classes": ["cat", "dog"],
    "group": "who",
}
NUMBERS = {"features": {"x": {"dtype": "float32", "shape": [2, 2]}, "y": {"dtype": "int64"}}, "label": "y"}


def png(n: int) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((3 + n, 4, 3), 9 * n, np.uint8)).save(file, "PNG")
    return file.getvalue()


def example(**features: Any) -> bytes:
    import tensorflow as tf

    made = {}
    for name, value in features.items():
        values = value if isinstance(value, list) else [value]
        if isinstance(values[0], bytes):
            made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        elif isinstance(values[0], int):
            made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        else:
            made[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return bytes(tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString())


def write(path: Path, records: list[bytes], schema: Any = None, compression: str = "") -> Path:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    if schema is not None:
        (path.parent / "schema.json").write_text(json.dumps(schema))
    return path


def pictures(n: int, first: int = 0) -> list[bytes]:
    return [
        example(image=png(row), label=row % 2, who=f"w{row // 2}".encode(), unused=1.5)
        for row in range(first, first + n)
    ]


def numbers(n: int) -> list[bytes]:
    return [example(x=[row + 0.5] * 4, y=row % 2) for row in range(n)]


def labels(found: Found, part: str = "all") -> Any:
    held = found.parts[part].labels
    assert held is not None
    return held.tolist()


def test_images_are_read_from_their_place(tmp_path: Path) -> None:
    path = write(tmp_path / "d.tfrecord", pictures(5), PICTURES)
    assert claims(path) and claims(tmp_path)
    found = read(path, "named", Reading())
    records = found.parts["all"]
    assert (found.ref, found.kind, records.names, labels(found)) == ("named", "images", ("cat", "dog"), [0, 1, 0, 1, 0])
    assert records.groups is not None and records.groups.tolist() == ["w0", "w0", "w1", "w1", "w2"]
    samples = records.samples
    assert isinstance(samples, EncodedImages)
    assert [samples.open(row).read() for row in (4, 0, 2)] == [png(4), png(0), png(2)]
    assert samples.where(3) == f"{path}, record 3"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ZooError, match=r"d\.tfrecord ends early: expected \d+ bytes at"):
        samples.open(4)


def test_a_folder_has_a_file_or_several_for_each_split(tmp_path: Path) -> None:
    write(tmp_path / "animals-train.tfrecord-00000-of-00002", pictures(3), PICTURES)
    write(tmp_path / "animals-train.tfrecord-00001-of-00002", pictures(2, 3))
    write(tmp_path / "animals-validation.tfrecord-00000-of-00001", pictures(2))
    write(tmp_path / "test.tfrecords", pictures(1))
    found = read(tmp_path, "", Reading())
    assert (found.ref, {part: len(records) for part, records in found.parts.items()}) == (
        str(tmp_path), {"train": 5, "valid": 2, "test": 1},
    )  # fmt: skip
    samples = found.parts["train"].samples
    assert isinstance(samples, EncodedImages) and samples.open(4).read() == png(4)
    assert samples.where(4) == f"{tmp_path}/animals-train.tfrecord-00001-of-00002, record 1"


def test_numbers_are_arrays(tmp_path: Path) -> None:
    found = read(write(tmp_path / "d.tfrecord", numbers(6), NUMBERS), "", Reading())
    samples = found.parts["all"].samples
    assert found.kind == "arrays" and isinstance(samples, ArraySamples) and labels(found) == [0, 1] * 3
    assert np.array_equal(samples.take(np.array([3])), np.full((1, 2, 2), 3.5, np.float32))


FORMS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "integers": ([1, 2, 3], {"dtype": "int32", "shape": [3]}, np.array([1, 2, 3], np.int32)),
    "integers as floats": ([1, 2, 3], {"dtype": "float32", "shape": [3]}, np.array([1, 2, 3], np.float32)),
    "raw bytes": (bytes([1, 2, 3, 4]), {"dtype": "uint8", "shape": [2, 2]}, np.array([[1, 2], [3, 4]], np.uint8)),
    "raw numbers": (b"\1\0\x2c\1", {"dtype": "uint16", "shape": [2]}, np.array([1, 300], np.uint16)),
    "one value": (4.5, {"dtype": "float64"}, np.array(4.5)),
    "truth": ([0, 1], {"dtype": "bool", "shape": [2]}, np.array([False, True])),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_numbers(tmp_path: Path, name: str) -> None:
    value, form, expected = FORMS[name]
    schema = {"features": {"x": form, "y": {"dtype": "string"}}, "label": "y"}
    found = read(write(tmp_path / "d.tfrecord", [example(x=value, y=b"caf\xc3\xa9")] * 2, schema), "", Reading())
    samples = found.parts["all"].samples
    assert isinstance(samples, ArraySamples) and labels(found) == ["café", "café"]
    taken = samples.take(np.array([1]))
    assert isinstance(taken, np.ndarray) and taken.dtype == expected.dtype and np.array_equal(taken[0], expected)


def test_several_inputs_and_no_labels(tmp_path: Path) -> None:
    schema = {"features": {"a": {"dtype": "float32", "shape": [2]}, "b": {"dtype": "int64"}}}
    found = read(write(tmp_path / "d.tfrecord", [example(a=[1.0, 2.0], b=3)], schema), "", Reading())
    samples = found.parts["all"].samples
    assert isinstance(samples, ArraySamples) and sorted(samples.arrays) == ["a", "b"]
    assert found.parts["all"].labels is None


BAD = example(x=[1.0] * 3, y=0)
RECORDS: dict[str, tuple[bytes, str]] = {
    "missing": (example(y=1), "feature 'x' is missing; the record has y"),
    "count": (BAD, "feature 'x' holds 3 floats; expected 4 of float32"),
    "kind": (example(x=b"abc", y=1), "feature 'x' holds 3 bytes; expected 4 of float32"),
    "float for a class": (example(x=[1.0] * 4, y=0.5), "feature 'y' holds 1 floats; expected 1 of int64"),
    "no example": (b"\xff\xff\xff", " is no tf.train.Example"),
    "empty": (example(x=[1.0] * 4), "feature 'y' is missing; the record has x"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_that_are_not_as_the_schema_says(tmp_path: Path, name: str) -> None:
    record, message = RECORDS[name]
    good = numbers(3)
    path = write(tmp_path / "d.tfrecord", [good[0], record, good[2]], NUMBERS)
    with pytest.raises(ZooError) as caught:
        read(path, "", Reading())
    assert f"{path}, record 1" in caught.value.message and message in caught.value.message
    found = read(path, "", Reading(skip_broken=True))
    assert [broken.where for broken in found.broken] == [f"{path}, record 1"] and message.strip() in found.broken[0].why
    assert labels(found) == [0, 0] and len(found.parts["all"].samples) == 2


def test_numbers_that_do_not_fit_and_images_that_are_none(tmp_path: Path) -> None:
    schema = {"features": {"x": {"dtype": "uint8", "shape": [2]}, "i": {"dtype": "string"}}, "label": "i"}
    path = write(tmp_path / "d.tfrecord", [example(x=[1, 256], i=b"a")], schema)
    with pytest.raises(ZooError, match=r"record 0: feature 'x' holds 256, which is no uint8"):
        read(path, "", Reading())
    write(path, [example(x=[1, 2], i=b"\xff")])
    with pytest.raises(ZooError, match=r"record 0: feature 'i' is no text in UTF-8"):
        read(path, "", Reading())
    write(path, [example(image=3, label=0, who=b"a")], PICTURES)
    with pytest.raises(ZooError, match=r"feature 'image' holds 1 values of integers; expected an image's bytes"):
        read(path, "", Reading())


def damages(content: bytes) -> Iterator[tuple[str, bytes]]:
    size = len(content) // 4
    yield "cut in its bytes", content[: 2 * size + 20]
    yield "cut in its length", content[: 2 * size + 5]
    yield "a changed byte", content[: 2 * size + 20] + bytes([content[2 * size + 20] ^ 1]) + content[2 * size + 21 :]
    yield "a changed length", content[: 2 * size] + bytes([content[2 * size] ^ 1]) + content[2 * size + 1 :]


@pytest.mark.parametrize("number", range(4))
def test_damage_is_named_by_its_record(tmp_path: Path, number: int) -> None:
    path = write(tmp_path / "d.tfrecord", numbers(4), NUMBERS)
    _, content = list(damages(path.read_bytes()))[number]
    path.write_bytes(content)
    with pytest.raises(ZooError, match=r"d\.tfrecord, record 2: the file ends within it, or it is damaged"):
        read(path, "", Reading())
    found = read(path, "", Reading(skip_broken=True))
    assert labels(found) == [0, 1]
    (broken,) = found.broken
    assert broken.where == f"{path}, record 2" and broken.why.endswith("; it and all after it are left out")


SCHEMAS: dict[str, tuple[Any, str]] = {
    "text": ("hello", "is no schema of TFRecord files: "),
    "unknown field": ({"features": {}, "labels": "y"}, "is no schema of TFRecord files: "),
    "kind": ({"features": {"x": "picture"}}, "feature 'x' is 'picture'; expected \"image\", or a dtype and a shape"),
    "dtype": ({"features": {"x": {"dtype": "object"}}}, "feature 'x' has the dtype 'object'; expected such as"),
    "no dtype": ({"features": {"x": {"dtype": "floaty"}}}, "feature 'x' has the dtype 'floaty'; expected"),
    "shape": ({"features": {"x": {"dtype": "int8", "shape": [0]}}}, "feature 'x' has the shape [0]; expected sizes"),
    "texts": ({"features": {"x": {"dtype": "string", "shape": [2]}}}, "feature 'x' is text of the shape [2]"),
    "label": ({"features": {"x": "image"}, "label": "y"}, "the label 'y' is none of the features, or an image"),
    "only label": ({"features": {"y": {"dtype": "int8"}}, "label": "y"}, "has no feature beside label and group"),
    "image and more": ({"features": {"i": "image", "x": {"dtype": "int8"}}}, "has the image 'i' beside other samples"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_that_are_none(tmp_path: Path, name: str) -> None:
    schema, message = SCHEMAS[name]
    path = write(tmp_path / "d.tfrecord", numbers(1), schema)
    with pytest.raises(ZooError) as caught:
        read(path, "", Reading())
    assert message in caught.value.message and "schema.json" in caught.value.message


def test_files_that_are_no_records(tmp_path: Path) -> None:
    path = write(tmp_path / "d.tfrecord", numbers(1))
    with pytest.raises(ZooError, match=r"there is no schema\.json in .*, which says what its TFRecord files hold"):
        read(path, "", Reading())
    write(path, numbers(1), NUMBERS)
    with pytest.raises(ZooError, match=r"schema\.json says which features are samples, label and group"):
        read(path, "", Reading(target="y"))
    write(tmp_path / "train.tfrecord", numbers(1))
    with pytest.raises(ZooError, match=r"d\.tfrecord does not say its split, as others there do"):
        read(tmp_path, "", Reading())
    write(path, [])
    with pytest.raises(ZooError, match=r"d\.tfrecord holds no records"):
        read(path, "", Reading())
    write(path, numbers(2), compression="GZIP")
    with pytest.raises(ZooError, match=r"d\.tfrecord is packed by gzip"):
        read(path, "", Reading())
    path.write_bytes(b"<!doctype html><title>404")
    with pytest.raises(ZooError, match=r"d\.tfrecord is a web page; expected TFRecord"):
        read(path, "", Reading())
    assert not claims(tmp_path / "x.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ZooError, match="empty has no TFRecord files"):
        read(tmp_path / "empty", "", Reading())
