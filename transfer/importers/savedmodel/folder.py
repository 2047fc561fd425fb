"""Where a SavedModel's files lie. Pure: no TensorFlow.

`saved_model.pb` (a serialised `SavedModel`, tensorflow/core/protobuf/saved_model.proto), `variables/variables.index`
and `variables/variables.data-00000-of-00001`; a module of TensorFlow Hub has `tfhub_module.pb` beside it.
"""

from __future__ import annotations

import re
from pathlib import Path

from registry.errors import ZooError

FILE, TEXT, VARIABLES = "saved_model.pb", "saved_model.pbtxt", "variables/variables"
LARGEST = (1 << 31) - 1  # protobuf's own limit for one message
HINT = "give the folder that holds saved_model.pb and variables/"
SHARD = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")


def claims(path: Path | str) -> bool:
    """Tell whether a path is a SavedModel: its folder, or the file `saved_model.pb` in it."""
    given = Path(path)
    if given.name in (FILE, TEXT):
        return given.is_file()
    return any((given / name).is_file() for name in (FILE, TEXT, "tfhub_module.pb"))


def folder_of(path: Path | str) -> Path:
    """Return the folder of a SavedModel.

    Raises:
        ZooError: there is none at the path.
    """
    given = Path(path)
    folder = given.parent if given.name in (FILE, TEXT) else given
    if (folder / FILE).is_file():
        return folder
    if (folder / TEXT).is_file():
        raise ZooError(
            f"{folder / TEXT} is the text form of a SavedModel: expected {FILE}", "save it again with as_text=False"
        )
    raise ZooError(f"there is no SavedModel at {path}: expected {folder / FILE}", HINT)


def content(folder: Path) -> bytes:
    """Return the bytes of `saved_model.pb`.

    Raises:
        ZooError: it cannot be read, is empty, or larger than any.
    """
    file = folder / FILE
    try:
        size = file.stat().st_size
        data = file.read_bytes() if 0 < size <= LARGEST else b""
    except OSError as error:
        raise ZooError(f"cannot read {file}: {error.strerror}", HINT) from error
    if not data:
        raise ZooError(f"{file} is no SavedModel: it has {size} bytes", HINT)
    return data


def weights(folder: Path) -> str | None:
    """Return the prefix of the weights' files; None where there are none, as in a graph without variables.

    Raises:
        ZooError: some of them are missing; the message names them.
    """
    prefix, found = folder / VARIABLES, [entry.name for entry in (folder / "variables").glob("variables.*")]
    shards = {match[0]: match[2] for name in found if (match := SHARD.fullmatch(name))}
    if not found:
        return None
    count = next(iter(shards.values()), "00001")
    wanted = ["variables.index", *(f"variables.data-{k:05d}-of-{count}" for k in range(min(int(count), 10_000)))]
    absent = [f"{prefix.parent / name}" for name in wanted if name not in found]
    if absent:
        raise ZooError(
            f"the SavedModel {folder} is incomplete: missing {', '.join(absent[:3])}; found {', '.join(sorted(found))}",
            "copy all files below variables/ again",
        )
    return str(prefix)
