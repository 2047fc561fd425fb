"""Images that a table names or holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import encoded, picture, tree

from registry.errors import ZooError
from transfer.data.images.decode import decode
from transfer.data.images.listed import read
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.data.reading import Reading
from transfer.data.records import Found

FILES = ["img/1.png", "img/2.png", "img/3.png"]
PNGS = [encoded(picture(seed)) for seed in range(3)]
PATHS = Reading(image_column="path", target="label")
HELD = Reading(image_column="image", target="label")


def csv(folder: Path, *lines: str, name: str = "images.csv") -> Path:
    tree(folder, FILES)
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def parquet(folder: Path, metadata: dict[str, str] | None = None, **columns: object) -> Path:
    path = folder / "images.parquet"
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata) if metadata else table, path)
    return path


def found(path: Path, reading: Reading) -> Found:
    return read(path, "", reading, None)


def refused(path: Path, reading: Reading) -> ZooError:
    with pytest.raises(ZooError) as info:
        found(path, reading)
    return info.value


def pixels(data: Found, split: str = "all") -> list[np.ndarray]:
    samples = data.parts[split].samples
    assert isinstance(samples, ImageSamples | EncodedImages)
    return [decode(samples.open(row), 3, samples.where(row)) for row in range(len(samples))]


def test_paths_relative_to_the_table(tmp_path: Path) -> None:
    path = csv(tmp_path, "path,label,patient", "img/2.png,dog,p1", "./img/1.png,cat,7", "img/../img/2.png,cat,p1")
    data = read(path, "pets", Reading(image_column="path", target="label", group_column="patient"), None)
    records = data.parts["all"]
    assert (data.ref, data.kind, data.broken, list(data.parts)) == ("pets", "images", (), ["all"])
    assert records.labels is not None and records.labels.tolist() == ["dog", "cat", "cat"]
    assert records.groups is not None and records.groups.tolist() == ["p1", "7", "p1"]
    for image, seed in zip(pixels(data), (1, 0, 1), strict=True):
        np.testing.assert_array_equal(image, picture(seed))
    assert records.samples.where(1) == f"{path}, line 3: {tmp_path}/img/1.png"
    assert found(path, PATHS).ref == str(path)


def test_no_target_no_labels(tmp_path: Path) -> None:
    data = found(csv(tmp_path, "path", "img/1.png", "img/3.png"), Reading(image_column="path"))
    assert data.parts["all"].labels is None and len(data.parts["all"]) == 2


@pytest.mark.parametrize(
    ("target", "expected", "names"),
    [
        ("n", [1, 0, 2], ()),
        ("x", [0.5, 1.5, -1.0], ()),
        ("flag", [1, 0, 1], ()),
        ("n,flag", [[1, 1], [0, 0], [2, 1]], ("n", "flag")),
    ],
)
def test_labels(tmp_path: Path, target: str, expected: list[object], names: tuple[str, ...]) -> None:
    columns = "path,n,x,flag"
    path = csv(tmp_path, columns, "img/1.png,1,0.5,true", "img/2.png,0,1.5,false", "img/3.png,2,-1,true")
    records = found(path, Reading(image_column="path", target=target)).parts["all"]
    assert records.labels is not None and records.labels.tolist() == expected
    assert records.names == names


def test_the_column_split_is_honoured(tmp_path: Path) -> None:
    path = csv(tmp_path, "path,split,label", "img/1.png,test,a", "img/2.png,train,b", "img/3.png,validation,c")
    data = found(path, PATHS)
    assert {name: part.labels.tolist() for name, part in data.parts.items() if part.labels is not None} == {
        "train": ["b"], "valid": ["c"], "test": ["a"],
    }  # fmt: skip
    np.testing.assert_array_equal(pixels(data, "valid")[0], picture(2))
    wrong = csv(tmp_path, "path,split,label", "img/1.png,train,a", "img/2.png,hold-out,b")
    error = refused(wrong, PATHS)
    assert error.message == f"{wrong}, line 3: split is 'hold-out'; expected train, valid or test"
    assert error.hint == "rename the column if it says something else"
    data = found(wrong, Reading(image_column="path", target="split"))  # where it is used otherwise, it is a column
    assert list(data.parts) == ["all"]


@pytest.mark.parametrize("kind", ["bytes", "struct", "paths in a struct", "dictionary", "large"])
def test_parquet_holds_images_or_names_them(tmp_path: Path, kind: str) -> None:
    tree(tmp_path, FILES)
    image = {
        "bytes": pa.array(PNGS),
        "struct": pa.array([{"bytes": held, "path": f"/home/x/{n}.png"} for n, held in enumerate(PNGS)]),
        "paths in a struct": pa.array(
            [{"bytes": None, "path": name} for name in FILES],
            pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        ),
        "dictionary": pa.array(FILES).dictionary_encode(),
        "large": pa.array(PNGS, pa.large_binary()),
    }[kind]
    data = found(parquet(tmp_path, image=image, label=["a", "b", "a"]), HELD)
    for seed, found_pixels in enumerate(pixels(data)):
        np.testing.assert_array_equal(found_pixels, picture(seed))
    assert data.parts["all"].samples.digests.shape == (3, 32)
    assert data.parts["all"].samples.where(2).startswith(f"{tmp_path}/images.parquet, row 3")


def test_hugging_face_names_its_classes(tmp_path: Path) -> None:
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path = parquet(tmp_path, metadata, image=[{"bytes": held, "path": None} for held in PNGS], label=[1, 0, 1])
    records = found(path, HELD).parts["all"]
    assert records.names == ("cat", "dog")
    assert records.labels is not None and records.labels.tolist() == [1, 0, 1]
    for broken in ("no json", "[]", '{"info": {"features": {"label": {"_type": "Value"}}}}'):
        path = parquet(tmp_path, {"huggingface": broken}, image=PNGS, label=[1, 0, 1])
        assert found(path, HELD).parts["all"].names == ()


@pytest.mark.parametrize("name", ["../1.png", "img/../../1.png", "/etc/passwd", "C:\\1.png", ".."])
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = csv(tmp_path / "data", "path,label", "img/1.png,a", f"{name},b")
    for reading in (PATHS, Reading(image_column="path", target="label", skip_broken=True)):
        error = refused(path, reading)
        assert error.message == f"{path}, line 3 names {name!r}, which is not in the table's folder"
        assert error.hint == "paths must be relative to it and stay in it: move the table above its images"


def test_rows_that_are_broken_are_named_or_listed(tmp_path: Path) -> None:
    path = csv(tmp_path, "path,label", "img/1.png,a", "img/4.png,b", ",c", "img/2.png,d", "img/3.png,")
    assert refused(path, PATHS).message == f"{path}, line 4 has nothing in column 'path'; 1 more rows are broken"
    data = found(path, Reading(image_column="path", target="label", skip_broken=True))
    assert data.parts["all"].labels is not None and data.parts["all"].labels.tolist() == ["a", "d"]
    np.testing.assert_array_equal(pixels(data)[1], picture(1))
    assert [(fault.where, fault.why) for fault in data.broken] == [
        (f"{path}, line 4", "has nothing in column 'path'"),
        (f"{path}, line 6", "has nothing in column 'label'"),
        (f"{path}, line 3: {tmp_path}/img/4.png", "there is no such file"),
    ]
    path = csv(tmp_path, "path,label", "img/1.png,a", "img/4.png,b")
    error = refused(path, PATHS)
    assert error.message == f"{path}, line 3: {tmp_path}/img/4.png: there is no such file"
    assert error.hint == "--skip-broken leaves such files out and lists them"


def test_bytes_that_are_no_image(tmp_path: Path) -> None:
    path = parquet(tmp_path, image=[PNGS[0], b"text", None, b""], label=["a", "b", "c", "d"])
    assert refused(path, HELD).message == f"{path}, row 3 has nothing in column 'image'; 1 more rows are broken"
    data = found(path, Reading(image_column="image", target="label", skip_broken=True))
    assert len(data.parts["all"]) == 1
    assert [fault.where for fault in data.broken] == [f"{path}, row {row}" for row in (3, 4, 2)]
    path = parquet(tmp_path, image=[PNGS[0], b"text"], label=["a", "b"])
    assert refused(path, HELD).message.startswith(f"{path}, row 2 is no image, or a broken one: it begins with b'text'")


@pytest.mark.parametrize(
    ("reading", "message", "hint"),
    [
        (Reading(target="label"), ": which column holds the images is not said", "--image-column NAME"),
        (Reading(image_column="pat"), " has no column 'pat'", "did you mean path?"),
        (Reading(image_column="path", target="lable"), " has no column 'lable'", "did you mean label?"),
        (Reading(image_column="path", group_column="x"), " has no column 'x'", "there are: label, n, path"),
        (
            Reading(image_column="n"),
            ": column 'n' is of type int64; expected paths relative to the table's folder, encoded images, or "
            "Hugging Face's {bytes, path}",
            "",
        ),
        (
            Reading(image_column="path", target="label,n"),
            ": column 'label' holds texts; several labels a sample are numbers, or 0 and 1",
            "",
        ),
    ],
)
def test_columns_that_are_not_there_or_hold_something_else(
    tmp_path: Path, reading: Reading, message: str, hint: str
) -> None:
    tree(tmp_path, FILES)
    path = parquet(tmp_path, path=FILES, label=["a", "b", "c"], n=[1, 2, 3])
    error = refused(path, reading)
    assert error.message == f"{path}{message}"
    assert hint in error.hint


def test_labels_of_odd_types(tmp_path: Path) -> None:
    path = parquet(tmp_path, image=PNGS, label=[[1], [2], [3]])
    message = refused(path, HELD).message
    assert message.startswith(f"{path}: column 'label' is of type list<")
    assert message.endswith("expected texts or numbers, as labels")
    path = parquet(tmp_path, image=PNGS, label=pa.array([1, 2, 2**64 - 1], pa.uint64()))
    assert refused(path, HELD).message.startswith(f"{path}: column 'label' holds whole numbers beyond 64 bits: ")
    path = parquet(tmp_path, image=[{"other": 1}] * 3, label=[1, 2, 3])
    assert refused(path, HELD).message.startswith(f"{path}: column 'image' is of type struct<other: int64>; expected")
