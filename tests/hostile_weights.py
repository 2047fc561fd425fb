"""What a hostile file of weights tries: a pickle that runs code, entries outside, offsets and sizes that are lies."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hostile_case import Case, changing
from hostile_seeds import SHARD_INDEX, STATE
from weight_files import (
    NUMBERS,
    Ops,
    array,
    call,
    npy,
    ops,
    pickled,
    plain,
    safetensors,
    tensor,
    torch_legacy,
    torch_zip,
)  # fmt: skip

SYSTEM = call("os.system", "touch pwned")
SCRIPT: Mapping[str, Any] = {"constants.pkl": b"", "code/__torch__.py": b"x"}
RUNS = r"wants to run os\.system, which is code; expected only"
TORCH: dict[str, tuple[Any, str]] = {
    "a call of os.system": ({"d.weight": SYSTEM}, RUNS),
    "a call of eval": ({"d.weight": call("builtins.eval", "1")}, r"wants to run builtins\.eval, which is code"),
    "a class of one's own": (
        {"model": call("models.yolo.Model")},
        r"object of the class models\.yolo\.Model, which is",
    ),
    "an offset beyond its storage": (
        {"w": tensor("0", (2,), (1,), 99)},
        r"an array \[2\] float32 at 99, which is outs",
    ),
    "an array of 4 TB": (
        {"w": tensor("0", (2**20, 2**20), (0, 0))},
        r"\[1048576, 1048576\] float32 at 0, which is out",
    ),
    "a storage that is not there": (
        {"w": plain("../../etc/passwd")},
        r"has no storage '\.\./\.\./etc/passwd' that one",
    ),
    "no tensors": ({"epoch": 3}, r"holds no tensors; expected a state dict"),
}
SAFE = r"is no safetensors file, or a damaged one: "


def cases() -> Iterator[Case]:
    """Yield the cases of these formats."""
    yield from _torch()
    yield from _archives()
    yield from _legacy()
    yield from _safetensors()
    yield from _shards()
    yield from _numpy()
    yield from _pickles()


def _torch() -> Iterator[Case]:
    for wrong, (value, message) in TORCH.items():
        yield Case("torch-zip", wrong, _put("m.pt", torch_zip, value), rf"m\.pt.*{message}")
        stored = {} if "0', which" in message or "float32" in message else {"keys": [], "content": b""}
        yield Case("torch-legacy", wrong, _put("m.pth", torch_legacy, value, **stored), rf"m\.pth.*{message}")
        yield Case("torchscript", wrong, _put("m.pt", torch_zip, value, **SCRIPT), rf"m\.pt.*{message}")


def _archives() -> Iterator[Case]:
    state = dict(STATE)
    for seed, more in (("torch-zip", {}), ("torchscript", SCRIPT)):
        for wrong, spoil, message in (
            (
                "an entry outside",
                _extended("m.pt", "../../evil"),
                r"has the entry '\.\./\.\./evil', which points outside",
            ),
            (
                "an entry from the root",
                _extended("m.pt", "/etc/cron.d/x"),
                r"has the entry '/etc/cron\.d/x', which poin",
            ),
            ("a zip bomb", _bomb, r"claims to unpack \d+ bytes to 3221225472; at most 200 times as many are read"),
            (
                "another byte order",
                _put("m.pt", torch_zip, state, byteorder=b"middle", **more),
                r"byte order is b'middle",
            ),
            (
                "a storage cut short",
                _put("m.pt", torch_zip, state, {"0": b"1234"}, **more),
                r"ends early|outside its|has",
            ),
            ("a changed number", _changed, r"the entry archive/data/0 is damaged: its checksum is wrong"),
        ):
            yield Case(seed, wrong, spoil, rf"m\.pt.*{message}")
    yield Case("torch-zip", "a tar archive with an entry outside", _tarred, r"m\.pt is a tar archive, as PyTorch wrote")


def _legacy() -> Iterator[Case]:
    state, huge = dict(STATE), (1 << 60).to_bytes(8, "little") + NUMBERS
    for wrong, spoil, message in (
        (
            "a call in its first number",
            changing("m.pth", lambda _: pickled(SYSTEM)),
            r"names os\.system where a number",
        ),
        (
            "another magic number",
            changing("m.pth", lambda _: pickled(5)),
            r"m\.pth is no PyTorch file: its magic number",
        ),
        (
            "a storage of 4 EB",
            _put("m.pth", torch_legacy, state, content=huge),
            r"ends early: a storage of 46116860184",
        ),
        ("a storage that nobody names", _put("m.pth", torch_legacy, state, keys=["1"]), r"lists a storage that no ten"),
    ):
        yield Case("torch-legacy", wrong, spoil, message)


def _safetensors() -> Iterator[Case]:
    for wrong, header, size, message in (
        ("a header of 2**60 bytes", _one(), 1 << 60, SAFE + r"its header is to have 1152921504606846976 bytes; it has"),
        ("a header nested 100,000 deep", b'{"w":' + b"[" * 100_000, None, SAFE),
        ("no header", b"", None, SAFE),
        (
            "an array of 4 TB",
            _one(shape=[1 << 20, 1 << 20]),
            None,
            SAFE + r"w \[1048576, 1048576\] F32 does not fit its",
        ),
        ("a negative size", _one(shape=[-2, -3]), None, SAFE + r"w \[-2, -3\] F32 does not fit its 24 bytes"),
        (
            "arrays that overlap",
            _two([0, 16], [8, 24]),
            None,
            SAFE + r"its arrays overlap or leave a gap: one begins at 8",
        ),
        ("a gap", _two([0, 8], [16, 24]), None, SAFE + r"its arrays overlap or leave a gap: one begins at 16"),
        (
            "numbers beyond its end",
            _one(shape=[8], data_offsets=[0, 32]),
            None,
            SAFE + r"its arrays end at 32, and its",
        ),
        ("a type that there is not", _one(dtype="F7"), None, r"holds 'w' of the type F7; expected one of F64"),
    ):
        write = _put("m.safetensors", safetensors, header, size=size)
        yield Case("safetensors", wrong, write, rf"m\.safetensors {message}")


def _shards() -> Iterator[Case]:
    name = SHARD_INDEX.replace(".", r"\.")
    for wrong, places, message in (
        (
            "a shard outside",
            {"d.weight": "../model-1.safetensors"},
            r"names the file '\.\./model-1\.safetensors'; expected",
        ),
        ("a shard from the root", {"d.weight": "/etc/passwd"}, r"names the file '/etc/passwd'; expected files in its"),
        ("itself as a shard", {"d.weight": SHARD_INDEX}, rf"names the file '{name}'; expected files in its own folder"),
        (
            "a shard that is not there",
            {"d.weight": "gone.safetensors"},
            r"names the file gone\.safetensors, which is not",
        ),
        (
            "an array that is not there",
            {"x": "model-1.safetensors"},
            r"says that 'x' is in model-1\.safetensors, which",
        ),
        ("no arrays", {}, r"names no arrays; expected a weight_map"),
        ("a list of names", ["d.weight"], r"is no index of weights: Expected `object`, got `array`"),
    ):
        content = json.dumps({"weight_map": places}).encode()
        yield Case("shards", wrong, changing(SHARD_INDEX, lambda _, content=content: content), rf"{name} {message}")
    deep = changing(SHARD_INDEX, lambda _: b'{"weight_map":' + b'{"a":' * 100_000)
    yield Case("shards", "an index nested 100,000 deep", deep, rf"{name} is no index of weights")


def _numpy() -> Iterator[Case]:
    giant = r"holds an array \[1048576, 1048576\] float32 at 0, which is outside its storage of 6 numbers"
    for wrong, content, message in (
        ("an array of 4 TB", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576)}"), giant),
        (
            "a negative size",
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}"),
            r"a size, stride or offset that is no number from 0",
        ),
        ("Python objects", _objects(), r"holds an array of Python objects; expected numbers"),
        ("a header that calls", npy("__import__('os').system('touch pwned')"), r"is no \.npy file, or a damaged one"),
        ("a header nested 9,000 deep", npy("(" * 9000), r"is no \.npy file, or a damaged one"),
        ("a header beyond its end", b"\x93NUMPY\1\0\xff\xff{}", r"is no \.npy file, or a damaged one: EOF"),
        (
            "texts",
            npy("{'descr': '<U1', 'fortran_order': False, 'shape': (6,)}"),
            r"holds no arrays of numbers; expect",
        ),
    ):
        yield Case("npy", wrong, changing("m.npy", lambda _, content=content: content), rf"m\.npy.*{message}")
        packed = _packed({"d/kernel.npy": content})
        yield Case("npz", wrong, changing("m.npz", lambda _, packed=packed: packed), rf"m\.npz.*{message}")
    sound = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}")
    outside, bomb = _packed({"../../evil.npy": sound}), _packed({"a.npy": sound + bytes(1 << 20)})
    yield Case(
        "npz", "an entry outside", changing("m.npz", lambda _: outside), r"m\.npz has the entry '\.\./\.\./evil\.npy'"
    )
    lie = r"m\.npz: the entry a\.npy claims to unpack \d+ bytes to 3221225472; at most 200 times"
    yield Case("npz", "a zip bomb", changing("m.npz", lambda _: claiming(bomb, 3 << 30)), lie)


def _pickles() -> Iterator[Case]:
    inside = pickled(Ops(b"]q\0h\0a"))
    for wrong, content, message in (
        ("a call of os.system", pickled({"w": SYSTEM}), RUNS),
        ("a call that Python would make", pickle.dumps(_Evil()), r"wants to run \w+\.system, which is code"),
        (
            "a call in the oldest protocol",
            b"cos\nsystem\n(S'touch pwned'\ntR.",
            r"wants to run os\.system, which is code",
        ),
        (
            "a class of one's own",
            pickled(call("evil.Net")),
            r"wants to run evil\.Net, which is code; expected only arr",
        ),
        ("a list that holds itself", inside, r"holds more than 64 levels of dictionaries and lists, or one that holds"),
        ("a billion arrays", pickled(_laughs(array(bytes(24)))), r"holds more than 100000 arrays; no file of weights"),
        ("nested 5,000 deep", pickled(Ops(b"]" * 5000 + b"a" * 4999)), r"holds more than 64 levels"),
        (
            "a string of 8 EB",
            pickled(Ops(b"\x8d" + b"\xff" * 7 + b"\x7f")),
            r"declares a string of 9223372036854775807",
        ),
        (
            "an array of 4 TB",
            pickled(array(bytes(24), (1 << 20, 1 << 20))),
            r"its shape \[1048576, 1048576\] float32 does not fit its",
        ),
        ("Python objects", pickle.dumps(np.array([{}, None])), r"holds an array of Python objects; expected numbers"),
        ("no arrays", pickled({"a": 1}), r"holds no arrays of numbers; expected weights"),
    ):
        yield Case("pickle", wrong, changing("m.pkl", lambda _, content=content: content), rf"m\.pkl.* {message}")


class _Evil:
    def __reduce__(self) -> Any:
        import os

        return os.system, ("touch pwned",)


def _laughs(inside: Ops) -> Ops:
    """Return tuples of the same tuple twice, which would be 2**40 of them."""
    return Ops(ops((inside,)) + b"2\x86" * 40)


def _put(name: str, write: Callable[..., Any], *args: Any, **options: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        write(folder / name, *args, **options)

    return spoil


def _extended(name: str, entry: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "a") as archive:
            archive.writestr(entry, b"x")

    return spoil


def _bomb(folder: Path) -> None:
    with zipfile.ZipFile(folder / "m.pt", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/1", bytes(1 << 20))
    (folder / "m.pt").write_bytes(claiming((folder / "m.pt").read_bytes(), 3 << 30))


def claiming(content: bytes, size: int) -> bytes:
    """Let a zip archive's directory claim a size for its last entry (APPNOTE.TXT, section 4.3.12)."""
    at = content.rindex(b"PK\1\2") + 24
    return content[:at] + struct.pack("<I", size) + content[at + 4 :]


def _changed(folder: Path) -> None:
    content = bytearray((folder / "m.pt").read_bytes())
    content[content.index(NUMBERS) + 5] ^= 1
    (folder / "m.pt").write_bytes(content)


def _tarred(folder: Path) -> None:
    with tarfile.open(folder / "m.pt", "w") as archive:
        archive.addfile(tarfile.TarInfo("../../evil"), io.BytesIO())


def _one(**entry: Any) -> dict[str, Any]:
    return {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | entry}


def _two(*places: list[int]) -> dict[str, Any]:
    return {
        name: {"dtype": "U8", "shape": [place[1] - place[0]], "data_offsets": place}
        for name, place in zip("ab", places, strict=True)
    }


def _objects() -> bytes:
    held = io.BytesIO()
    np.save(held, np.array([{}, 1], object))
    return held.getvalue()


def _packed(contents: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return held.getvalue()
