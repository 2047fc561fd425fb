"""Which files of a model may come in or go out: an allow-list of formats, by name. Pure.

A file is one of: weights; other data (texts, configurations, pictures); unsafe, when its format can run code as it is
read (pickles), taken only where the user allows it; a program, never taken; hidden, left without a word; or unknown,
never taken.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from registry.errors import ZooError, first_few
from registry.ref import check_path
from registry.sources.remote import RemoteFile


class Kind(Enum):
    """What a file's name says of it; the value tells people why it is left."""

    WEIGHTS = "holds weights"
    DATA = "holds data"
    UNSAFE = "can run code as it is read (pickle)"
    PROGRAM = "is a program"
    HIDDEN = "is hidden"
    UNKNOWN = "has a format that is not on the list"


UNASKED = "fits no pattern that was asked for"

# The first row with a pattern that fits a name in lower case says what it is.
TABLE: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.PROGRAM, (
        "*.py", "*.pyc", "*.pyo", "*.pyw", "*.pyd", "*.ipynb", "*.so", "*.so.*", "*.dll", "*.dylib", "*.exe", "*.com",
        "*.bat", "*.cmd", "*.ps1", "*.vbs", "*.sh", "*.bash", "*.zsh", "*.js", "*.mjs", "*.ts", "*.jar", "*.class",
        "*.java", "*.wasm", "*.rb", "*.pl", "*.r", "*.lua", "*.go", "*.c", "*.cc", "*.cpp", "*.cu", "*.h", "*.hpp",
        "*.whl", "*.egg", "*.deb", "*.rpm", "*.msi", "*.apk",
    )),
    (Kind.WEIGHTS, (
        "*.keras", "*.h5", "*.hdf5", "*.safetensors", "*.onnx", "*.pb", "*.tflite", "*.npz", "*.npy",
        "*.meta", "*.index", "*.data-?????-of-?????",  # TensorFlow checkpoints
        "*.caffemodel", "*.binaryproto", "group*-shard*of*.bin", "group[0-9]-shard[0-9]of[0-9]",
        "*.gguf", "*.ggml", "ggml*.bin",
    )),
    (Kind.UNSAFE, (
        "*.pkl", "*.pickle", "*.dill", "*.joblib", "*.pt", "*.pth", "*.pth.tar", "*.ckpt",
        "*.bin",  # PyTorch's, where the rows above did not know better
    )),
    (Kind.DATA, (
        "*.json", "*.txt", "*.md", "*.yaml", "*.yml", "*.csv", "*.tsv", "*.vocab", "*.model", "*.labels", "*.prototxt",
        "*.rules", "*.png", "*.jpg", "*.jpeg", "license*", "licence*", "notice*", "checkpoint", "model.sig",
    )),
)  # fmt: skip
FOLDERS = {"variables", "assets"}  # of a SavedModel: vocabularies and the like, of any name
BARE = ("meta", "index", "data-?????-of-?????")  # a TensorFlow 1 prefix may end in a slash, and the names in nothing


@dataclass(frozen=True)
class Choice:
    """What becomes of a listing's files: those taken, and why others are left (path -> reason, for people)."""

    taken: tuple[RemoteFile, ...]
    left: Mapping[str, str]


def kind_of(path: str) -> Kind:
    """Say what a file is, by its path.

    >>> [kind_of(path).name for path in ("MODEL.H5", "pytorch_model.bin", "assets/vocab", "a/.git/config", "a.xyz")]
    ['WEIGHTS', 'UNSAFE', 'DATA', 'HIDDEN', 'UNKNOWN']
    """
    *folders, name = path.lower().split("/")
    bare = any(fnmatchcase(name, f".{pattern}") for pattern in BARE)
    if any(part.startswith(".") for part in folders) or (name.startswith(".") and not bare):
        return Kind.HIDDEN
    for kind, patterns in TABLE:
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return kind
    return Kind.DATA if FOLDERS & set(folders) else Kind.UNKNOWN


def choose(files: Sequence[RemoteFile], *, include: Sequence[str] = (), allow_unsafe: bool = False) -> Choice:
    """Choose what to take of a source's listing. Archives are taken; see `check_unpacked` for what is in them.

    Args:
        files: the whole listing.
        include: paths or shell patterns of those that the user wants; none for all.
        allow_unsafe: whether the user accepts formats that can run code as they are read.

    Raises:
        ZooError: a path is hostile, two paths are one file for some file systems, or no model would be left.
    """
    asked = [file for file in files if file.archive or not include or _asked(_checked(file.path), include)]
    if include and not asked:
        raise ZooError(
            f"none of the model's {len(files)} files fits {' or '.join(include)}",
            first_few(file.path for file in files),
        )
    reasons = _reasons([file.path for file in asked if not file.archive], allow_unsafe)
    taken = tuple(file for file in asked if file.path not in reasons)
    _refuse_empty(reasons, [file.path for file in taken], any(file.archive for file in taken))
    _refuse_collisions([file.path for file in taken])
    unasked = {file.path: UNASKED for file in files if file not in asked and kind_of(file.path) is not Kind.HIDDEN}
    return Choice(taken, unasked | {path: why for path, why in reasons.items() if why != Kind.HIDDEN.value})


def check_unpacked(paths: Collection[str], allow_unsafe: bool) -> dict[str, str]:
    """Say which of an archive's files are to be thrown away, and why; hidden ones are among them.

    Raises:
        ZooError: a path is hostile, or no model would be left.
    """
    reasons = _reasons(paths, allow_unsafe)
    _refuse_empty(reasons, [path for path in paths if path not in reasons], False)
    return reasons


def refuse_unsafe(paths: Collection[str], allow_unsafe: bool) -> None:
    """Refuse to publish files that nobody could pull.

    Raises:
        ZooError: a file is a program, hidden, of an unknown format, or unsafe and not allowed.
    """
    reasons = _reasons(paths, allow_unsafe)
    if reasons:
        raise ZooError(f"this cannot be published: {_listed(reasons)}", _way_out(reasons) or "leave them out")


def _reasons(paths: Iterable[str], allow_unsafe: bool) -> dict[str, str]:
    good = {Kind.WEIGHTS, Kind.DATA} | ({Kind.UNSAFE} if allow_unsafe else set())
    kinds = {path: kind_of(_checked(path)) for path in paths}
    return {path: kind.value for path, kind in kinds.items() if kind not in good}


def _refuse_empty(reasons: Mapping[str, str], taken: Sequence[str], archives: bool) -> None:
    weights = archives or any(kind_of(path) in (Kind.WEIGHTS, Kind.UNSAFE) for path in taken)
    if not taken or (not weights and Kind.UNSAFE.value in reasons.values()):
        shown = {path: why for path, why in reasons.items() if why != Kind.HIDDEN.value}
        listed = f": {_listed(shown)}" if shown else ""
        raise ZooError(f"the model has no weights that may be taken{listed}", _way_out(reasons))


def _way_out(reasons: Mapping[str, str]) -> str:
    unsafe = [path for path, why in reasons.items() if why == Kind.UNSAFE.value]
    return f"if you trust who made {first_few(unsafe)}: --allow-unsafe" if unsafe else ""


def _refuse_collisions(paths: Sequence[str]) -> None:
    """Refuse two names that macOS or Windows take for one, and a file that is another's folder."""
    seen: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        if folded in seen:
            raise ZooError(f"{seen[folded]!r} and {path!r} cannot lie in the same folder", "ask for one of them alone")
        seen[folded] = path
    for folded, path in seen.items():
        parts = folded.split("/")
        above = next((seen[up] for n in range(1, len(parts)) if (up := "/".join(parts[:n])) in seen), None)
        if above is not None:
            raise ZooError(f"{above!r} and {path!r} cannot lie in the same folder", "ask for one of them alone")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _asked(path: str, include: Sequence[str]) -> bool:
    return any(path == pattern or fnmatchcase(path, pattern) for pattern in include)


def _checked(path: str) -> str:
    try:
        return check_path(path)
    except ValueError as error:
        raise ZooError(f"the model is refused: {error}") from error


def _listed(reasons: Mapping[str, str], most: int = 5) -> str:
    more = f"; and {len(reasons) - most} more" if len(reasons) > most else ""
    return "; ".join(f"{path} {why}" for path, why in list(reasons.items())[:most]) + more
