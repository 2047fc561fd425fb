"""What a hostile file of NumPy's arrays tries: objects, a pickle that runs code, sizes and names that are lies."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hostile_case import RUNS, SYSTEM, Case, changing
from weight_files import Ops, array, call, npy, ops, pickled


def cases() -> Iterator[Case]:
    """Yield the cases of these formats."""
    yield from _numpy()
    yield from _pickles()


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
    yield Case("npz", "a zip bomb", _claiming(bomb), lie)


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


def _objects() -> bytes:
    held = io.BytesIO()
    np.save(held, np.array([{}, 1], object))
    return held.getvalue()


def _claiming(content: bytes) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        from keras_files import claiming

        (folder / "m.npz").write_bytes(content)
        claiming(folder / "m.npz", "a.npy", 3 << 30)

    return spoil


def _packed(contents: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return held.getvalue()
