"""Every kind of data that can be read: a row for each, by what it is called or what lies there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.data.images.sound import without_broken
from transfer.data.reading import Reading
from transfer.data.records import Found

HERE = "transfer.data"
KNOWN = (
    "a folder of images, a table (.csv, .tsv, .parquet, .arrow), arrays (.npz, .h5), TFRecords with a schema.json, "
    "keras:NAME, tfds:NAME or hf://datasets/ORG/NAME"
)
TAKEN = f"--data takes {KNOWN}"


@dataclass(frozen=True)
class Hub:
    """Data sets by name, below a prefix; `module` reads them."""

    prefix: str
    module: str


@dataclass(frozen=True)
class Files:
    """Data in a file or folder; `module` claims and reads them, and `remembers` whether it keeps files' digests."""

    module: str
    remembers: bool = False


HUBS = (Hub("keras:", "hubs.keras_datasets"), Hub("tfds:", "hubs.tfds"), Hub("hf://datasets/", "hubs.hf_datasets"))
# The first that claims a path has it: a folder of tables or records is no folder of images.
FILES = (
    Files("arrays.npz"),
    Files("arrays.h5"),
    Files("hubs.tfrecord"),
    Files("tables.reader"),
    Files("images.folder", remembers=True),
)


def is_hub(text: str) -> bool:
    """Tell whether a text names a hub's data set."""
    return any(text.startswith(hub.prefix) for hub in HUBS)


def read_hub(text: str, reading: Reading) -> Found:
    """Read a hub's data set by its full name.

    Raises:
        ZooError: it is not there, or cannot be read.
    """
    hub = next(hub for hub in HUBS if text.startswith(hub.prefix))
    found: Found = _module(hub.module).read(text.removeprefix(hub.prefix), reading)
    return without_broken(_with_columns(found, reading), reading)


def read_files(path: Path, ref: str, reading: Reading, memory: Path | None, taken: str = TAKEN) -> Found:
    """Read data from a file or folder.

    Args:
        path: where they lie.
        ref: what they are called in results.
        reading: the user's options.
        memory: the folder where files' digests are remembered.
        taken: what could be read, as the hint of an error says it.

    Raises:
        ZooError: there is nothing, or nothing that is known.
    """
    if not path.exists():
        raise ZooError(f"there are no data at {path}", taken)
    found: Found
    if reading.image_column:
        found = _module("images.listed").read(path, ref, reading, memory)
        return found
    for files in FILES:
        module = _module(files.module)
        if module.claims(path):
            read: Callable[..., Found] = module.read
            found = read(path, ref, reading, memory) if files.remembers else read(path, ref, reading)
            return without_broken(_with_columns(found, reading), reading)
    raise ZooError(f"{path} is no kind of data that is known by its name", taken)


def _with_columns(found: Found, reading: Reading) -> Found:
    """Refuse columns to leave out of what has none."""
    if reading.ignored and found.kind != "table":
        raise ZooError(
            f"{found.ref} holds {found.kind}, and no columns that a model learns from",
            "leave out --ignore-columns",
        )
    return found


def _module(name: str) -> Any:
    return import_module(f"{HERE}.{name}")
