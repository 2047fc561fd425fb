from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_tables import REAL, people, real, text, write

from registry.errors import ZooError
from transfer.data.reading import Reading
from transfer.data.records import Found
from transfer.data.tables.columns import fit_columns
from transfer.data.tables.reader import claims, read, read_unlabelled
from transfer.data.tables.samples import TableSamples


def found(path: Path, content: str, **options: object) -> Found:
    return read(text(path, content), "named", Reading(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "arrow"])
@pytest.mark.parametrize("name", REAL)
def test_real_tables_are_read(tmp_path: Path, name: str, suffix: str) -> None:
    table = real(name)
    data = read(write(table, tmp_path / f"{name}.{suffix}"), name, Reading(target="kind"))
    assert (data.ref, data.kind, list(data.parts), data.broken) == (name, "table", ["all"], ())
    records = data.parts["all"]
    assert records.labels is not None and records.labels.tolist() == table.column("kind").to_pylist()
    assert (records.names, records.groups, len(records)) == ((), None, table.num_rows)
    assert isinstance(records.samples, TableSamples)
    assert records.samples.names == tuple(table.column_names[:-1])


@pytest.mark.parametrize(
    ("values", "kind", "expected", "dtype"),
    [
        ("3 1 2", None, [3, 1, 2], "i"),
        ("1.5 2 3", None, [1.5, 2, 3], "f"),
        ("1.0 2.0 3.0", None, [1, 2, 3], "f"),
        ("1.0 2.0 3.0", "class", [1, 2, 3], "i"),
        ("1.5 2.0 3.0", "class", ["1.5", "2.0", "3.0"], "U"),
        ("1 2 3", "number", [1, 2, 3], "f"),
        ("b a b", None, ["b", "a", "b"], "U"),
        ("true false true", None, ["true", "false", "true"], "U"),
        ("2024-02-29 2024-03-01 2024-02-29", None, ["2024-02-29", "2024-03-01", "2024-02-29"], "U"),
    ],
)
def test_labels_are_of_their_type(tmp_path: Path, values: str, kind: str, expected: list[object], dtype: str) -> None:
    content = "x,y\n" + "".join(f"{row},{value}\n" for row, value in enumerate(values.split()))
    labels = found(tmp_path, content, target="y", target_type=kind).parts["all"].labels
    assert labels is not None and (labels.tolist(), labels.dtype.kind) == (expected, dtype)


def test_several_targets_are_labels_or_numbers(tmp_path: Path) -> None:
    content = "red,x,round,size\n1,5,0,2.5\n0,6,1,3\n"
    records = found(tmp_path, content, target="red, round").parts["all"]
    assert records.labels is not None and records.labels.dtype == np.int64
    assert (records.labels.tolist(), records.names) == ([[1, 0], [0, 1]], ("red", "round"))
    numbers = found(tmp_path, content, target="size,round", target_type=None).parts["all"]
    assert numbers.labels is not None and numbers.labels.dtype == np.float32
    assert numbers.labels.tolist() == [[2.5, 0], [3, 1]]
    message = "line 2, column 'size': 2.5 is no label of several; expected 0 or 1"
    with pytest.raises(ZooError, match=message):
        found(tmp_path, content, target="size,round", target_type="multilabel")
    flags = found(tmp_path, "a,b,x\ntrue,false,1\n", target="a,b").parts["all"].labels
    assert flags is not None and flags.tolist() == [[1, 0]]


def test_a_missing_target_lists_the_columns(tmp_path: Path) -> None:
    with pytest.raises(
        ZooError, match=r"--target is missing: which column holds the labels\? It has a, b, my kind"
    ) as caught:
        found(tmp_path, "a,b,my kind\n1,2,3\n")
    assert caught.value.hint == 'perhaps --target "my kind"'
    with pytest.raises(ZooError, match=r"has no column 'spezies' \(--target\)") as caught:
        found(tmp_path, "a,species\n1,2\n", target="spezies")
    assert caught.value.hint == "did you mean species?"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a,y\n1,2\n", {"target": "y,y"}, "--target names a column twice: y,y"),
        ("a,y\n1,2\n", {"target": "y", "group_column": "y"}, "--group-column y is a target, too"),
        ("a,y\n1,2\n", {"target": "y", "group_column": "g"}, r"has no column 'g' \(--group-column\)"),
        ("a,y\n1,2\n", {"target": "a,y"}, "has no column beside a, y that a model could learn from"),
        ("a,y\n1,2\n3,\n5,\n", {"target": "y"}, r"line 3: no label in column 'y' \(2 rows are broken\)"),
        ("a,y,z\n1,2,3\n3,4,\n", {"target": "y,z"}, r"line 3: no label in column 'z'$"),
        ("a,y,g\n1,2,3\n3,4,\n", {"target": "y", "group_column": "g"}, "line 3: no group in column 'g'"),
        ("a,y\n1,2\n-inf,2\n", {"target": "y"}, "line 3: column 'a' holds an infinite number"),
        ("a,y\n1,inf\n2,2.5\n", {"target": "y"}, "line 2: column 'y' holds an infinite number"),
        ("a,y\n1,x\n2,3\n", {"target": "y", "target_type": "number"}, "line 2, column 'y': 'x' is not a number"),
        ("a,y,z\n1,x,1\n2,3,0\n", {"target": "y,z"}, "line 2, column 'y': 'x' is not a number"),
        ("a,y\n1,ok\n1," + "x" * 257 + "\n", {"target": "y"}, "a text of 257 characters is no label; at most 256"),
        ("a,y\n,\n", {"target": "y", "skip_broken": True}, "has no row left: no label in column 'y', and so on"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_said(tmp_path: Path, content: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        found(tmp_path, content, **options)


def test_broken_rows_are_left_out_and_listed(tmp_path: Path) -> None:
    content = "a,y\n1,2\n3,\n1,2,3\ninf,4\n5,6\n"
    data = found(tmp_path, content, target="y", skip_broken=True)
    file = tmp_path / "table.csv"
    assert [(broken.where, broken.why) for broken in data.broken] == [
        (f"{file}, line 4", "3 values; expected 2, as in the header: 1,2,3"),
        (f"{file}, row 2", "no label in column 'y'"),
        (f"{file}, row 3", "column 'a' holds an infinite number"),
    ]
    records = data.parts["all"]
    assert records.labels is not None and records.labels.tolist() == [2, 6]
    assert records.samples.where(1) == f"{file}, row 4"


def test_a_slip_in_a_column_of_numbers_is_a_row_and_no_category(tmp_path: Path) -> None:
    rows = [f"{row / 7},{row % 2}" for row in range(40)]
    rows[12], rows[20] = "oops,1", "NA,0"
    content = "\n".join(["a,y", *rows, ""])
    with pytest.raises(ZooError, match=r"line 14: column 'a' holds 'oops'; expected a number$"):
        found(tmp_path, content, target="y")
    data = found(tmp_path, content, target="y", skip_broken=True)
    samples = data.parts["all"].samples
    assert isinstance(samples, TableSamples) and len(samples) == 39
    (column,) = fit_columns(samples.table, samples.names, samples.index).columns
    assert (column.kind, column.missing) == ("number", True)
    assert len(data.broken) == 1


def test_groups_are_texts_and_no_feature(tmp_path: Path) -> None:
    records = found(tmp_path, "patient,a,y\n7,1,0\n8,2,1\n7,3,0\n", target="y", group_column="patient").parts["all"]
    assert records.groups is not None and records.groups.tolist() == ["7", "8", "7"]
    assert isinstance(records.samples, TableSamples) and records.samples.names == ("a",)


def test_a_split_column_is_honoured_and_said(tmp_path: Path) -> None:
    content = "a,split,y,g\n1,train,x,p\n2,test,y,q\n3,train,z,r\n4,val,x,s\n"
    data = found(tmp_path, content, target="y", group_column="g")
    assert {name: records.labels.tolist() for name, records in data.parts.items() if records.labels is not None} == {
        "train": ["x", "z"],
        "valid": ["x"],
        "test": ["y"],
    }
    train = data.parts["train"]
    assert isinstance(train.samples, TableSamples) and train.groups is not None
    assert (train.samples.names, train.groups.tolist()) == (("a",), ["p", "r"])
    assert train.samples.where(1).endswith("table.csv, line 4")
    assert train.samples.remarks == (
        "column 'split' says which rows are for training, validation and test; it is no feature",
    )
    other = found(tmp_path, "a,split,y\n1,train,x\n2,banana,y\n", target="y").parts["all"].samples
    assert isinstance(other, TableSamples) and other.names == ("a", "split") and other.remarks == ()


def test_a_folder_holds_a_file_for_each_split(tmp_path: Path) -> None:
    table = real("iris")
    write(table.slice(0, 60), tmp_path / "test.parquet")
    write(table.slice(60, 50), tmp_path / "train.csv")
    write(table.slice(110), tmp_path / "validation.tsv")
    (tmp_path / "README.md").write_text("of iris")
    data = read(tmp_path, "iris", Reading(target="kind"))
    assert {name: len(records) for name, records in data.parts.items()} == {"train": 50, "valid": 40, "test": 60}
    assert data.parts["train"].samples.where(0) == f"{tmp_path}/train.csv, line 2"
    assert data.parts["test"].samples.where(0) == f"{tmp_path}/test.parquet, row 1"
    write(table, tmp_path / "val.csv")
    with pytest.raises(ZooError, match=r"has two files for valid: val\.csv and validation\.tsv"):
        read(tmp_path, "iris", Reading(target="kind"))


def test_the_files_of_a_folder_have_the_same_columns(tmp_path: Path) -> None:
    text(tmp_path, "a,b,split,y\n1,2,train,3\n", "train.csv")
    text(tmp_path, "a,c,split,y\n1,2,train,3\n", "test.csv")
    message = r"test\.csv has other columns than .*train\.csv: no column b; also c"
    with pytest.raises(ZooError, match=message):
        read(tmp_path, "", Reading(target="y"))
    text(tmp_path, "a,split,y\n1,valid,3\n", "valid.csv")
    (tmp_path / "train.csv").unlink()
    with pytest.raises(ZooError, match=r"test\.csv has other columns than .*valid\.csv: also c"):
        read(tmp_path, "", Reading(target="y"))
    (tmp_path / "test.csv").rename(tmp_path / "rest.csv")
    (tmp_path / "valid.csv").unlink()
    with pytest.raises(ZooError, match=r"has no train\.csv or test\.csv \(or \.tsv, \.parquet, \.arrow\)"):
        read(tmp_path, "", Reading(target="y"))


def test_rows_to_predict_need_no_label(tmp_path: Path) -> None:
    data = read_unlabelled(write(people(), tmp_path / "t.csv"), "people")
    records = data.parts["all"]
    assert records.labels is None and len(records) == 40
    assert isinstance(records.samples, TableSamples) and records.samples.names == tuple(people().column_names)


def test_rows_to_predict_may_lie_in_parts_and_be_broken(tmp_path: Path) -> None:
    write(people(), tmp_path / "train.parquet")
    text(tmp_path, "a,b\n1,2\n3\n", "test.csv")
    with pytest.raises(ZooError, match=r"test\.csv, line 3: 1 values; expected 2"):
        read_unlabelled(tmp_path, "rows")
    data = read_unlabelled(tmp_path, "rows", Reading(skip_broken=True))
    assert {name: len(records) for name, records in data.parts.items()} == {"train": 40, "test": 1}
    assert [broken.where for broken in data.broken] == [f"{tmp_path}/test.csv, line 3"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.csv", b"", True),
        ("T.TSV", b"", True),
        ("t.csv.gz", b"", True),
        ("t.parquet", b"", True),
        ("t", b"PAR1", True),
        ("t.bin", b"ARROW1", True),
        ("t.npz", b"PK", False),
        ("t.gz", b"\x1f\x8b", False),
    ],
)
def test_tables_are_told_by_name_or_first_bytes(tmp_path: Path, name: str, content: bytes, expected: bool) -> None:
    assert claims(text(tmp_path, content, name)) is expected


def test_a_folder_of_tables_is_told_by_its_files(tmp_path: Path) -> None:
    assert not claims(tmp_path)
    assert claims(tmp_path / "missing.csv") and not claims(tmp_path / "missing")
    write(pa.table({"a": [1]}), tmp_path / "rest.csv")
    assert not claims(tmp_path)
    write(pa.table({"a": [1]}), tmp_path / "test.csv")
    assert claims(tmp_path)
    (tmp_path / "cat").mkdir()
    assert not claims(tmp_path), "it may say something of the images in folders beside it"
    write(pa.table({"a": [1]}), tmp_path / "train.csv")
    assert claims(tmp_path)


def test_columns_are_ignored(tmp_path: Path) -> None:
    content = "id,a,split,y,note\n1,2,train,0,p\n2,3,test,1,inf\n"
    data = found(tmp_path, content, target="y", ignore_columns="id, note")
    samples = data.parts["test"].samples
    assert isinstance(samples, TableSamples) and samples.names == ("a",)
    plain = found(tmp_path, "a,split,y\n2,train,0\n3,test,1\n", target="y").parts["test"].samples
    assert np.array_equal(samples.digests, plain.digests), "what is left out is no part of a sample"
    whole = found(tmp_path, content, target="y", ignore_columns="split").parts["all"].samples
    assert isinstance(whole, TableSamples) and whole.names == ("id", "a", "note")
    text(tmp_path, content, "new.csv")
    rows = read_unlabelled(tmp_path / "new.csv", "new", Reading(ignore_columns="id,y")).parts["all"].samples
    assert isinstance(rows, TableSamples) and rows.names == ("a", "split", "note")


def test_files_of_a_folder_may_differ_in_what_is_ignored(tmp_path: Path) -> None:
    text(tmp_path, "id,a,y\n1,2,0\n", "train.csv")
    text(tmp_path, "a,y\n3,1\n", "test.csv")
    with pytest.raises(ZooError, match=r"test\.csv has other columns than .*train\.csv: no column id"):
        read(tmp_path, "", Reading(target="y"))
    assert set(read(tmp_path, "", Reading(target="y", ignore_columns="id")).parts) == {"train", "test"}
    (tmp_path / "train.csv").rename(tmp_path / "valid.csv")
    text(tmp_path, "a,id,y\n3,1,1\n", "test.csv")
    assert set(read(tmp_path, "", Reading(target="y", ignore_columns="id")).parts) == {"valid", "test"}


@pytest.mark.parametrize(
    ("ignored", "message", "hint"),
    [
        ("ids", r"has no column 'ids' \(--ignore-columns\)", "did you mean id?"),
        ("id,y", "--ignore-columns leaves out 'y', which another option names", "leave it in"),
        ("g", "--ignore-columns leaves out 'g', which another option names", "leave it in"),
        ("id,a", "has no column beside id, a, y, g that a model could learn from", ""),
    ],
)
def test_columns_that_cannot_be_ignored(tmp_path: Path, ignored: str, message: str, hint: str) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        found(tmp_path, "id,a,y,g\n1,2,0,p\n", target="y", group_column="g", ignore_columns=ignored)
    assert (caught.value.hint or "") == hint
