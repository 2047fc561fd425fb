"""PyTorch's files that are damaged or hostile: each is refused in one line, and nothing of it is run."""

from __future__ import annotations

import io
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from weight_files import NUMBERS, Ops, call, ops, pickled, plain, storage, tensor, torch_legacy, torch_zip

from registry.errors import ZooError
from transfer.weights.readers.torch_file import read


def bad(value: Any, **extra: Any) -> Any:
    return lambda path: torch_zip(path, value, **extra)


def old(value: Any, **extra: Any) -> Any:
    return lambda path: torch_legacy(path, value, **extra)


def renamed(name: str, content: bytes = b"x") -> Any:
    def write(path: Path) -> None:
        torch_zip(path, {"w": plain()})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, content)

    return write


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", pickled({"w": plain()}))
        archive.writestr("w/data/0", bytes(2**20))
    content = bytearray(path.read_bytes())
    size = content.rindex(b"PK\1\2") + 24  # the size when unpacked, in the archive's directory
    content[size : size + 4] = (300 * 2**20).to_bytes(4, "little")
    path.write_bytes(content)


def tarred(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())


def writes(content: bytes) -> Any:
    return lambda path: path.write_bytes(content)


def quantised() -> Ops:
    return call("torch._utils._rebuild_qtensor", storage("0", 6, "torch.QInt8Storage"), 0, (2,), (1,))


def wrapped(inside: Ops, times: int) -> Ops:
    return inside if times == 0 else call("torch._utils._rebuild_parameter", wrapped(inside, times - 1))


CASES: dict[str, tuple[Any, str]] = {
    "a call of os.system": (
        bad({"w": call("os.system", "touch pwned")}),
        r"w\.pt wants to run os\.system, which is code; expected only tensors, arrays, dictionaries and lists",
    ),
    "a call of os.system, older": (old({"w": call("posix.system", "touch pwned")}), r"wants to run posix\.system"),
    "a call in the magic number": (
        writes(pickled(call("os.system", "touch pwned"))),
        r"is no PyTorch file: it names os\.system where a number is expected",
    ),
    "a whole module": (
        bad(call("torch.nn.modules.linear.Linear")),
        r"holds an object of the class torch\.nn\.modules\.linear\.Linear, which is code",
    ),
    "a class of one's own": (old({"model": call("models.yolo.Model")}), r"object of the class models\.yolo\.Model"),
    "a pickle in a pickle": (
        bad(call("torch.storage._load_from_bytes", b"x")),
        r"run torch\.storage\._load_from_bytes",
    ),
    "a TorchScript class in a state dict": (
        bad({"w": call("__torch__.Net")}),
        r"holds an object of the class __torch__\.Net",
    ),
    "a call in a TorchScript archive": (
        bad(call("os.system", "touch pwned"), **{"constants.pkl": b""}),
        r"wants to run os\.system",
    ),
    "a name of two lines": (
        bad(b"\x80\x04\x8c\x02os\x8c\x08a\nsystem\x93."),
        r"wants to run os\.a\?system, which is code",
    ),
    "quantised": (bad({"w": quantised()}), r"holds quantised tensors \(torch\._utils\._rebuild_qtensor\)"),
    "sparse": (bad({"w": call("torch._utils._rebuild_sparse_tensor", 1, 2)}), r"holds sparse tensors"),
    "a stride outside": (
        bad({"w": tensor("0", (2, 3), (1000, 1))}),
        r"holds an array \[2, 3\] float32 at 0, which is outside its storage of 6 numbers; the file is truncated",
    ),
    "an offset outside": (bad({"w": tensor("0", (2,), (1,), 5)}), r"an array \[2\] float32 at 5, which is outside"),
    "repeated without end": (
        bad({"w": tensor("0", (2**40,), (0,))}),
        r"\[1099511627776\] float32 at 0, which is outside",
    ),
    "a negative stride": (
        bad({"w": tensor("0", (2,), (-1,), 1)}),
        r"a size, stride or offset that is no number from 0 on",
    ),
    "a negative size": (bad({"w": tensor("0", (-2, -3), (1, 1))}), r"a size, stride or offset that is no number"),
    "a negative offset": (bad({"w": tensor("0", (2,), (1,), -4)}), r"a size, stride or offset that is no number"),
    "sizes of text": (bad({"w": tensor("0", ("a",), (1,))}), r"a size, stride or offset that is no number"),
    "sizes of nothing": (
        bad({"w": tensor("0", None, None)}),
        r"tensor that is damaged: its shape or strides are no tuple",
    ),
    "fewer strides": (bad({"w": tensor("0", (2, 3), (1,))}), r"an array of 2 axes and 1 strides"),
    "fewer arguments": (bad({"w": call("torch._utils._rebuild_tensor_v2", 1)}), r"holds a tensor that is damaged"),
    "giant numbers": (bad({"w": tensor("0", (2**300, 2**300), (2**300, 1))}), r"which is outside its storage of 6"),
    "no storage": (
        bad({"w": tensor("0", (1,), (1,), 0, Ops(ops(("module", "x")) + b"Q"))}),
        r"refers to something that is no storage of a tensor; expected only tensors",
    ),
    "a storage of no type": (
        bad({"w": tensor("0", (1,), (1,), 0, Ops(ops(("storage", "x", "0", "cpu", 1)) + b"Q"))}),
        r"refers to a storage of no known type; expected such as torch\.FloatStorage",
    ),
    "a missing storage": (bad({"w": plain("7")}), r"has no storage '7' that one of its tensors refers to"),
    "a storage elsewhere": (bad({"w": plain("../../etc/passwd")}), r"has no storage '\.\./\.\./etc/passwd'"),
    "wrappers without end": (
        bad({"w": wrapped(plain(), 9)}),
        r"tensor that is damaged: it is wrapped more than 8 times",
    ),
    "a parameter of nothing": (bad({"w": call("torch._utils._rebuild_parameter", 3)}), r"a parameter holds no tensor"),
    "no tensors": (bad({"epoch": 3}), r"w\.pt holds no tensors; expected a state dict"),
    "a storage larger than the file": (
        old({"w": plain()}, content=(2**60).to_bytes(8, "little") + NUMBERS),
        r"ends early: a storage of 4611686018427387904 bytes begins at \d+, and the file has \d+",
    ),
    "a storage that nobody named": (old({"w": plain()}, keys=["1"]), r"lists a storage that no tensor refers to"),
    "a storage that is not there": (old({"w": plain()}, keys=[], content=b""), r"has no storage '0' that one of"),
    "no list of storages": (
        writes(b"".join(map(pickled, [0x1950A86A20F9469CFC6C, 1001, {}, {}, 3]))),
        r"no list of storages",
    ),
    "another magic number": (writes(pickled(5)), r"is no PyTorch file: its magic number is 5, expected 1195470"),
    "another version": (
        writes(pickled(0x1950A86A20F9469CFC6C) + pickled(7)),
        r"is no PyTorch file: its version is 7, expected 1001",
    ),
    "a tar archive": (tarred, r"is a tar archive, as PyTorch wrote them before 0\.1\.10; expected a later format"),
    "a web page": (writes(b"<!DOCTYPE html>"), r"w\.pt is a web page; expected a PyTorch file"),
    "a pointer": (
        writes(b"version https://git-lfs.github.com/spec/v1\n"),
        r"is a pointer of Git LFS, not the file itself",
    ),
    "HDF5": (writes(b"\x89HDF\r\n\x1a\n" + bytes(100)), r"w\.pt is an HDF5 file; expected a PyTorch file"),
    "an empty file": (writes(b""), r"w\.pt is damaged, or no pickle, at byte 0"),
    "another archive": (
        lambda path: _archive(path, {"model.bin": b"x"}),
        r"is a zip archive, but none of PyTorch's: expected data\.pkl in it, got model\.bin",
    ),
    "a path upwards": (renamed("../evil"), r"has the entry '\.\./evil', which points outside the archive"),
    "a path from the root": (renamed("/etc/passwd"), r"has the entry '/etc/passwd', which points outside"),
    "a path upwards, Windows": (renamed("a\\..\\..\\evil"), r"which points outside the archive; it is not read"),
    "one name twice": (renamed("archive/data/0"), r"has two entries of one name; expected each name once"),
    "a zip bomb": (bomb, r"the entry w/data/0 claims to unpack \d+ bytes to 314572800; at most 200 times as many"),
    "an unknown byte order": (
        bad({"w": plain()}, byteorder=b"middle"),
        r"its byte order is b'middle'; expected little or big",
    ),
}


def _archive(path: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, one in content.items():
            archive.writestr(name, one)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", CASES)
def test_hostile_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.chdir(tmp_path)
    write, message = CASES[case]
    write(tmp_path / "w.pt")
    start = time.monotonic()
    with pytest.raises(ZooError, match=message) as caught:
        read(tmp_path / "w.pt")
    assert time.monotonic() - start < 10
    assert "w.pt" in caught.value.message and "\n" not in caught.value.message
    assert not (tmp_path / "pwned").exists()


def test_damage_in_the_numbers_of_an_archive(tmp_path: Path) -> None:
    path = torch_zip(tmp_path / "w.pt", {"w": plain()})
    content = bytearray(path.read_bytes())
    content[content.index(NUMBERS) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ZooError, match=r"w\.pt: the entry archive/data/0 is damaged: its checksum is wrong"):
        read(path).load("w")
