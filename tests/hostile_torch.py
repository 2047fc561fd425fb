"""What a hostile PyTorch file tries: a pickle that runs code, entries outside, offsets and sizes that are lies."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hostile_case import RUNS, SYSTEM, Case, changing, writing
from hostile_seeds import STATE
from weight_files import NUMBERS, call, pickled, plain, tensor, torch_legacy, torch_zip

SCRIPT: Mapping[str, Any] = {"constants.pkl": b"", "code/__torch__.py": b"x"}
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


def cases() -> Iterator[Case]:
    """Yield the cases of these formats."""
    yield from _torch()
    yield from _archives()
    yield from _legacy()


def _torch() -> Iterator[Case]:
    for wrong, (value, message) in TORCH.items():
        yield Case("torch-zip", wrong, writing("m.pt", torch_zip, value), rf"m\.pt.*{message}")
        stored = {} if "0', which" in message or "float32" in message else {"keys": [], "content": b""}
        yield Case("torch-legacy", wrong, writing("m.pth", torch_legacy, value, **stored), rf"m\.pth.*{message}")
        yield Case("torchscript", wrong, writing("m.pt", torch_zip, value, **SCRIPT), rf"m\.pt.*{message}")


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
                writing("m.pt", torch_zip, state, byteorder=b"middle", **more),
                r"byte order is b'middle",
            ),
            (
                "a storage cut short",
                writing("m.pt", torch_zip, state, {"0": b"1234"}, **more),
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
            writing("m.pth", torch_legacy, state, content=huge),
            r"ends early: a storage of 46116860184",
        ),
        (
            "a storage that nobody names",
            writing("m.pth", torch_legacy, state, keys=["1"]),
            r"lists a storage that no",
        ),
    ):
        yield Case("torch-legacy", wrong, spoil, message)


def _extended(name: str, entry: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "a") as archive:
            archive.writestr(entry, b"x")

    return spoil


def _bomb(folder: Path) -> None:
    from keras_files import claiming

    with zipfile.ZipFile(folder / "m.pt", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/1", bytes(1 << 20))
    claiming(folder / "m.pt", "archive/data/1", 3 << 30)


def _changed(folder: Path) -> None:
    content = bytearray((folder / "m.pt").read_bytes())
    content[content.index(NUMBERS) + 5] ^= 1
    (folder / "m.pt").write_bytes(content)


def _tarred(folder: Path) -> None:
    with tarfile.open(folder / "m.pt", "w") as archive:
        archive.addfile(tarfile.TarInfo("../../evil"), io.BytesIO())
