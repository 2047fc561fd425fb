from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest
from made_tables import REAL, people, plain, real, text, write

from registry.errors import ZooError
from transfer.data.tables import columnar, text_lines
from transfer.data.tables.columns import fit_columns
from transfer.data.tables.digest import row_digests
from transfer.data.tables.encode import encode
from transfer.data.tables.places import place
from transfer.data.tables.read import ragged, read_table

SUFFIXES = ("csv", "tsv", "ssv", "bsv", "csv.gz", "parquet", "feather", "arrow", "arrows")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", REAL)
def test_real_tables_come_back_from_every_format(tmp_path: Path, name: str, suffix: str) -> None:
    table = real(name)
    read = read_table(write(table, tmp_path / f"t.{suffix}"))
    assert plain(read) == plain(table)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_value_comes_back(tmp_path: Path, suffix: str) -> None:
    table = people()
    assert plain(read_table(write(table, tmp_path / f"t.{suffix}"))) == plain(table)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_content_says_what_a_file_is(tmp_path: Path, suffix: str) -> None:
    table = real("iris")
    path = write(table, tmp_path / f"t.{suffix}").rename(tmp_path / "t.xyz")
    assert plain(read_table(path)) == plain(table)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\ufeffa,b\n1,2\n", {"a": [1], "b": [2]}),
        ("a,b\r\n1,2\r\n3,\r\n", {"a": [1, 3], "b": [2, None]}),
        ("a\r1\r2", {"a": [1, 2]}),
        ("\n\na, b\n1,x\n\n", {"a": [1], "b": ["x"]}),
        ('a,b\n"x, y","say ""é"""\n,""\n', {"a": ["x, y", None], "b": ['say "é"', None]}),
        ('a,b\n"x\ny",2\n', {"a": ["x\ny"], "b": [2]}),
        ('"a;b",c\n1,2\n', {"a;b": [1], "c": [2]}),
        ("a;b;c\n1,5;x;1,5\n;y;z\n-2;z;2\n", {"a": [1.5, None, -2.0], "b": ["x", "y", "z"], "c": ["1,5", "z", "2"]}),
        ("a;b\n1e3;1,5e1\n", {"a": [1000.0], "b": [15.0]}),
        ("a,b\nNA,NA\n1,x\n", {"a": [None, 1], "b": ["NA", "x"]}),
    ],
)
def test_texts_as_people_write_them(tmp_path: Path, content: str, expected: dict[str, list[object]]) -> None:
    assert plain(read_table(text(tmp_path, content))) == expected


def test_columns_stay_text_where_one_says_so(tmp_path: Path) -> None:
    path = text(tmp_path, "a; b;c\n01;1,5;2\n")
    assert plain(read_table(path, texts=("a", "b"))) == {"a": ["01"], "b": ["1,5"], "c": [2]}


def test_rows_are_lines_where_each_has_one(tmp_path: Path) -> None:
    lines = read_table(text(tmp_path, "a,b\n1,2\n3,4"))
    assert [place(lines, 0), place(lines, 1)] == ["line 2", "line 3"]
    for content in ('a,b\n"x\ny",2\nz,3\n', "a,b\n\n1,2\n3,4\n"):
        assert place(read_table(text(tmp_path, content)), 1) == "row 2"
    assert place(read_table(write(real("iris"), tmp_path / "t.parquet")), 16) == "row 17"


LATIN = "a,b\n1,x\n2,café\n".encode("latin-1")
BROKEN: list[tuple[bytes, str, str]] = [
    (b"", "table.csv is empty", "expected CSV, TSV, Parquet or Arrow"),
    (b"\n \n", "table.csv is empty: it holds blank lines only", "first line must hold the columns' names"),
    (b"a,b\n", "table.csv has a header and no rows", "its columns: a, b"),
    (b"a,b\n1,2\n1,2,3\n", "table.csv, line 3: 3 values; expected 2, as in the header: 1,2,3", "--skip-broken"),
    (b'a,b\n"x\ny",1\n\n5\n', "table.csv, line 5: 1 values; expected 2, as in the header: 5", "quote values"),
    (b'a,b\n"x,2\n3,4\n', "table.csv, line 2: 1 values; expected 2", "quote values"),
    (b'a,b\n"' + b"x" * 200_000, "table.csv, line 2: field larger than field limit", "is a quote left open?"),
    (b"a,b,a\n1,2,3\n", "table.csv: 2 columns are called 'a'", "the columns' names, each once"),
    (b",a\n0,2\n", "table.csv: column 1 of 2 has no name", "df.to_csv"),
    (b"a,,c\n0,2,3\n", "table.csv: column 2 of 3 has no name", "the columns' names, each once"),
    (LATIN, "table.csv, line 3: byte 0xe9 is not UTF-8", "iconv -f WINDOWS-1252 -t UTF-8"),
    ("a,é\n1,2\n".encode()[:3], "table.csv, line 1: byte 0xc3 is not UTF-8", "iconv"),
    ("a,b\n1,2\n".encode("utf-16"), "table.csv is text in UTF-16; expected UTF-8", "iconv -f UTF-16 -t UTF-8"),
    (b"PK\x03\x04xl/workbook", "table.csv is a spreadsheet or zip archive; expected CSV", "save it as CSV, in UTF-8"),
    (b"\x89HDF\r\n\x1a\n", "table.csv is an HDF5 file", "name it .h5"),
    (b"\0\1\2", r"table.csv is no table: its first bytes are b'\x00\x01\x02'", "is it the right file?"),
    (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], "table.csv is no whole gzip file", "fetch or write it again"),
    (gzip.compress(LATIN, mtime=0), "table.csv, line 3: byte 0xe9 is not UTF-8", "iconv"),
    (b"a," * 2**20, "table.csv: its first line is longer than 1048576 bytes, and no header", "is it a table?"),
    (b"PAR1" + b"x" * 99 + b"PAR1", "table.csv is no readable Parquet file", "is it whole?"),
    (b"ARROW1" + b"x" * 99, "table.csv is no readable Arrow file", "is it whole?"),
    (b"\xff\xff\xff\xff" + b"x" * 99, "table.csv is no readable Arrow file", "is it whole?"),
]


@pytest.mark.parametrize(("content", "message", "hint"), BROKEN)
def test_what_is_no_table_is_said_where(tmp_path: Path, content: bytes, message: str, hint: str) -> None:
    path = text(tmp_path, content)
    with pytest.raises(ZooError) as caught:
        read_table(path)
    assert caught.value.message.startswith(f"{tmp_path}/{message}"), caught.value.message
    assert hint in caught.value.hint


def test_what_is_not_there_or_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"there is no file .*no\.csv"):
        read_table(tmp_path / "no.csv")
    with pytest.raises(ZooError, match="cannot be read: Is a directory"):
        read_table(tmp_path)
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(ZooError, match="cannot be read: Too many levels of symbolic links"):
        read_table(loop)


@pytest.mark.parametrize("suffix", ["parquet", "feather", "arrow", "arrows"])
def test_damaged_files_are_refused_or_hold_whole_values(tmp_path: Path, suffix: str) -> None:
    """Nothing but our error may come out, here or from what reads the table; and no process may end."""
    path = write(people(5), tmp_path / f"t.{suffix}")
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[random.integers(len(damaged))] ^= int(random.integers(1, 256))
        path.write_bytes(damaged)
        try:
            table = read_table(path)
            fitted = fit_columns(table, table.column_names, np.arange(table.num_rows))
            assert np.isfinite(encode(table, fitted.columns)).all()
            row_digests(table, np.arange(table.num_rows))
        except ZooError:
            refused += 1
        path.write_bytes(whole[: random.integers(6, len(whole) - 8)])
        with pytest.raises(ZooError):
            read_table(path)
    assert refused


def test_ragged_rows_are_left_out_and_listed(tmp_path: Path) -> None:
    path = text(tmp_path, "a,b\n1,2\n3\n4,5,6\n7,8\n")
    table = read_table(path, skip_ragged=True)
    assert plain(table) == {"a": [1, 7], "b": [2, 8]}
    assert [(broken.where, broken.why) for broken in ragged(path, table)] == [
        (f"{path}, line 3", "1 values; expected 2, as in the header: 3"),
        (f"{path}, line 4", "3 values; expected 2, as in the header: 4,5,6"),
    ]
    whole = read_table(text(tmp_path, "a,b\n1,2\n"), skip_ragged=True)
    assert ragged(path, whole) == ()


def test_what_claims_too_much_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = write(pa.table({"a": np.zeros(3 * 10**6, np.int8)}), tmp_path / "t.parquet")
    assert parquet.stat().st_size < 20_000
    monkeypatch.setattr(columnar, "MOST_BYTES", 10**7)
    with pytest.raises(ZooError, match=r"holds 3000000 rows of 1 columns, 0\.0 GiB in memory; at most 0 GiB are read"):
        read_table(parquet)
    monkeypatch.setattr(text_lines, "MOST_BYTES", 2 * 2**20)
    with pytest.raises(ZooError, match="holds more than 0 GiB of text"):
        read_table(text(tmp_path, gzip.compress(b"a\n" + b"1\n" * 2**21)))


def test_an_arrow_file_stays_on_the_disk(tmp_path: Path) -> None:
    path = write(pa.table({"a": np.arange(4 * 10**6)}), tmp_path / "t.arrow")
    before = pa.total_allocated_bytes()
    table = read_table(path)
    assert table.num_rows == 4 * 10**6
    assert pa.total_allocated_bytes() - before < 10**6


def test_old_feather_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="is a Feather file of version 1"):
        read_table(text(tmp_path, b"FEA1" + b"\0" * 60))
