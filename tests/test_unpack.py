from __future__ import annotations

import io
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.errors import ZooError
from registry.unpack import unpack

TREE = {"saved_model.pb": b"graph" * 400, "variables/variables.index": b"", "variables/deep/er.bin": bytes(range(256))}
MODES = {"": "w:", "gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}

Item = bytes | tarfile.TarInfo


def tar(items: Iterable[tuple[str, Item]], mode: str = "w:", form: int = tarfile.PAX_FORMAT) -> bytes:
    """Make a tar file: bytes become files, a TarInfo is written as it is."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as file:  # type: ignore[call-overload]
        for name, item in items:
            info = item if isinstance(item, tarfile.TarInfo) else tarfile.TarInfo(name)
            content = item if isinstance(item, bytes) else b""
            info.name, info.size = name, len(content) or info.size
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped(items: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in items:
            file.writestr(name, content)
    return buffer.getvalue()


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unpacked(root: Path, archive: bytes, **limits: int) -> dict[str, bytes]:
    """Unpack below `root/in`, and check that nothing else below `root` changed, and nothing is left on an error."""
    path = root / "module.archive"
    path.write_bytes(archive)
    (root / "precious").write_bytes(b"mine")
    before = content_of(root)
    try:
        names = unpack(path, root / "in", **limits)
    except ZooError:
        assert content_of(root) == before
        assert not (root / "in").exists()
        raise
    made = content_of(root / "in")
    assert sorted(made) == names
    assert {name: content for name, content in content_of(root).items() if not name.startswith("in/")} == before
    return made


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_files(tmp_path: Path, mode: str, form: int) -> None:
    assert unpacked(tmp_path, tar(TREE.items(), mode, form)) == TREE


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_files(tmp_path: Path, method: int) -> None:
    assert unpacked(tmp_path, zipped(TREE.items(), method)) == TREE


def test_folders_of_their_own_and_a_leading_dot(tmp_path: Path) -> None:
    """As `tar -C module -czf module.tar.gz .` writes it, which is how modules were published."""
    folder = special(tarfile.DIRTYPE)
    names: list[tuple[str, Item]] = [(".", folder), ("./variables/", folder), ("./variables/v", b"1"), ("./m.pb", b"2")]
    assert unpacked(tmp_path, tar(names, "w:gz")) == {"variables/v": b"1", "m.pb": b"2"}
    assert unpacked(tmp_path / "in", zipped([("variables/", b""), ("variables/v", b"1")])) == {"variables/v": b"1"}


def test_long_and_foreign_names(tmp_path: Path) -> None:
    tree = {"a" * 90 + "/" + "b" * 90 + "/" + "c" * 90: b"1", "模型/ü.bin": b"2"}
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        root = tmp_path / str(form)
        root.mkdir()
        assert unpacked(root, tar(tree.items(), "w:gz", form)) == tree


def test_modes_are_not_kept(tmp_path: Path) -> None:
    info = tarfile.TarInfo()
    info.mode = 0o6777
    (tmp_path / "a.tar").write_bytes(tar([("w", info)]))
    unpack(tmp_path / "a.tar", tmp_path / "in")
    assert not (tmp_path / "in" / "w").stat().st_mode & (stat.S_ISUID | stat.S_ISGID | 0o111)


LEAVING = ["/etc/passwd", "../precious", "a/../../precious", "a/./b", "a//b", "..", "a\\..\\precious", "a\nb", "./../p"]


@pytest.mark.parametrize("name", LEAVING)
def test_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    for archive in (tar([("ok", b"1"), (name, b"bad")], "w:gz"), zipped([("ok", b"1"), (name, b"bad")])):
        with pytest.raises(ZooError) as caught:
            unpacked(tmp_path, archive)
        path = name.removeprefix("./")
        assert caught.value.message == (
            f"cannot unpack module.archive, member {name!r}: the path {path!r} leaves the model's folder"
        )
        assert caught.value.hint == "nothing of it was kept"


ODD = {
    "symlink": special(tarfile.SYMTYPE, "/etc"),
    "hardlink": special(tarfile.LNKTYPE, "ok"),
    "fifo": special(tarfile.FIFOTYPE),
    "device": special(tarfile.CHRTYPE),
    "unknown": special(b"Z"),
}


@pytest.mark.parametrize("info", ODD.values(), ids=ODD)
def test_links_and_devices(tmp_path: Path, info: tarfile.TarInfo) -> None:
    with pytest.raises(ZooError) as caught:
        unpacked(tmp_path, tar([("ok", b"1"), ("odd", info), ("odd/passwd", b"bad")]))
    assert caught.value.message == (
        "cannot unpack module.archive, member 'odd': it is a link, a device or a sparse file; "
        "only files and folders are unpacked"
    )


def test_a_link_in_a_zip_file(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("odd")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(link, "/etc")
    with pytest.raises(ZooError, match="member 'odd': it is a link or a device; only files"):
        unpacked(tmp_path, buffer.getvalue())


def test_an_encrypted_zip_file(tmp_path: Path) -> None:
    archive = bytearray(zipped([("w", b"1")], zipfile.ZIP_STORED))
    archive[6] |= 1
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ZooError, match="member 'w': it is encrypted; only files"):
        unpacked(tmp_path, bytes(archive))


def test_a_name_with_a_nul_in_a_zip_file(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"member 'w\\x00.txt': the path 'w\\x00.txt' leaves the model's folder"):
        unpacked(tmp_path, zipped([("w+.txt", b"1")]).replace(b"w+.txt", b"w\0.txt"))
    with pytest.raises(ZooError, match=r"member '\\x00': the path"):
        unpacked(tmp_path, zipped([("+", b"1")], zipfile.ZIP_STORED).replace(b"+", b"\0"))


def test_a_link_that_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "sub").symlink_to(tmp_path / "out")
    (tmp_path / "a.tar").write_bytes(tar([("sub/w", b"1")]))
    with pytest.raises(ZooError, match=r"member 'sub/w': a link in .* leads out of it"):
        unpack(tmp_path / "a.tar", tmp_path / "in")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("names", [["a", "a"], ["a", "a/b"], ["a/b", "a"]])
def test_a_place_that_is_taken(tmp_path: Path, names: list[str]) -> None:
    archives = [tar([(name, b"1") for name in names])]
    if names[0] != names[1]:  # zipfile warns when it writes a name twice
        archives.append(zipped([(name, b"1") for name in names]))
    for archive in archives:
        with pytest.raises(ZooError, match=f"member '{names[1]}': its place is taken by another file"):
            unpacked(tmp_path, archive)


def test_what_is_there_is_kept_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b").write_bytes(b"mine")
    (tmp_path / "a.tar").write_bytes(tar([("a", b"1"), ("b", b"2")]))
    with pytest.raises(ZooError, match="member 'b': its place is taken"):
        unpack(tmp_path / "a.tar", tmp_path / "in")
    assert content_of(tmp_path / "in") == {"b": b"mine"}


@pytest.mark.parametrize("archive", [tar([("a", b"1"), ("z", bytes(10**6))], "w:gz"), zipped([("z", bytes(10**6))])])
def test_bombs(tmp_path: Path, archive: bytes) -> None:
    assert len(archive) < 3000
    with pytest.raises(ZooError) as caught:
        unpacked(tmp_path, archive, most_bytes=10**5)
    assert caught.value.message == (
        "cannot unpack module.archive, member 'z': the archive unpacks to more than 100000 bytes"
    )


def test_sizes_are_counted_and_not_believed(tmp_path: Path) -> None:
    archive = bytearray(zipped([("z", bytes(10**6))]))
    central = archive.index(b"PK\x01\x02")
    archive[central + 24 : central + 28] = archive[22:26] = (10).to_bytes(4, "little")
    with pytest.raises(ZooError, match="member 'z': it is broken or cut short"):
        unpacked(tmp_path, bytes(archive), most_bytes=10**5)


def test_many_members(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="member '10': the archive has more than 10 members"):
        unpacked(tmp_path, tar([(str(number), b"") for number in range(20)]), most_members=10)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_that_claim_gigabytes(tmp_path: Path, kind: bytes) -> None:
    header = special(kind)
    header.name, header.size = "x", 8 * 10**9
    with pytest.raises(ZooError, match="one of its headers claims 8000000000 bytes"):
        unpacked(tmp_path, header.tobuf(tarfile.GNU_FORMAT) + bytes(10**4))


def test_a_file_that_claims_to_be_empty_space(tmp_path: Path) -> None:
    sparse = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0", "GNU.sparse.size": "9" * 15}
    info = tarfile.TarInfo()
    info.pax_headers = sparse
    with pytest.raises(ZooError, match="a link, a device or a sparse file"):
        unpacked(tmp_path, tar([("z", info)]))


def test_offsets_that_point_backwards(tmp_path: Path) -> None:
    """CVE-2025-8194: a negative size made tarfile read the same header for ever."""
    info = tarfile.TarInfo("w")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 10 + b"\xfc\x00"
    block[148:156] = b" " * 8
    block[148:155] = b"%06o\0" % sum(block)
    with pytest.raises(ZooError, match="broken or cut short"):
        unpacked(tmp_path, bytes(block) + tar([("a", b"1")]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "it is no tar or zip file; it looks like a web page"),
        (b"weights" * 200, "it is no tar or zip file"),
        (b"", "it is no tar or zip file"),
    ],
)
def test_what_is_no_archive(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        unpacked(tmp_path, content)
    assert caught.value.message == f"cannot unpack module.archive: {message}"


def test_gzip_of_something_else_and_empty_archives(tmp_path: Path) -> None:
    import gzip

    with pytest.raises(ZooError, match=r"cannot unpack module\.archive: it is broken or cut short"):
        unpacked(tmp_path, gzip.compress(b"weights" * 200))
    for archive in (zipped([]), tar([("a", special(tarfile.DIRTYPE))])):
        with pytest.raises(ZooError, match=r"cannot unpack module\.archive: it holds no files"):
            unpacked(tmp_path, archive)


def test_a_missing_archive_and_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"cannot unpack no\.tar into .*: No such file or directory"):
        unpack(tmp_path / "no.tar", tmp_path / "in")
    (tmp_path / "a.tar").write_bytes(tar([("a", b"1")]))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ZooError, match="its place is taken by another file"):
        unpack(tmp_path / "a.tar", tmp_path / "file")
    with pytest.raises(ZooError, match=r"cannot unpack a\.tar, member 'a' into .*: File name too long"):
        unpack(tmp_path / "a.tar", tmp_path / ("x" * 300))


KINDS = {"tar": tar(TREE.items()), "gz": tar(TREE.items(), "w:gz"), "xz": tar(TREE.items(), "w:xz")}
KINDS |= {"bz2": tar(TREE.items(), "w:bz2"), "zip": zipped(TREE.items())}
END = {
    "tar": len(KINDS["tar"].rstrip(b"\0")) // 512 * 512 + 1024
}  # a tar file may lack the padding behind its end mark


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_found(kind: str) -> None:
    archive = KINDS[kind]
    whole = END.get(kind, len(archive))
    with tempfile.TemporaryDirectory() as root:
        for length in sorted({*range(0, whole, 37), *range(whole - 20, whole)}):
            if kind == "tar" and length > whole - 512:
                continue
            with pytest.raises(ZooError, match=r"cannot unpack module\.archive"):
                unpacked(Path(root), archive[:length])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_flipped_bits_give_an_error_or_files_in_the_folder(kind: str, data: st.DataObject) -> None:
    archive = bytearray(KINDS[kind])
    for place in data.draw(st.lists(st.integers(0, len(archive) * 8 - 1), min_size=1, max_size=4)):
        archive[place // 8] ^= 1 << place % 8
    with tempfile.TemporaryDirectory() as root:
        try:
            made = unpacked(Path(root), bytes(archive))
        except ZooError as error:
            assert error.message.startswith("cannot unpack module.archive")
        else:
            assert kind in ("tar", "zip") or made == TREE  # the others' checksums cover names as well


names = st.text(st.sampled_from("ab./\\ :~-é"), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, st.binary(max_size=20)), min_size=1, max_size=4), st.sampled_from(["tar", "zip"]))
def test_no_name_leads_out_of_the_folder(items: list[tuple[str, bytes]], kind: str) -> None:
    archive = tar(items, "w:gz") if kind == "tar" else zipped(dict(items).items())
    with tempfile.TemporaryDirectory() as root:
        try:
            unpacked(Path(root), archive)
        except ZooError as error:
            assert error.message.startswith("cannot unpack module.archive")
