"""The files of a table: one, or a folder with one for each split."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq", ".arrow", ".feather", ".ipc", ".csv.gz", ".tsv.gz")
ALL = "all"
SPLITS = ("train", "valid", "test")
PARTS = {"train": "train", "valid": "valid", "validation": "valid", "val": "valid", "test": "test"}  # by their names


def claims(path: Path) -> bool:
    """Tell whether a path is a table's, by its name or first bytes; or a folder with `train.csv` or the like.

    Beside folders, `test.csv` alone may say something of images in these.
    """
    if path.is_dir():
        found = list(path.iterdir())
        named = {_part(file) for file in found if file.is_file()} - {None}
        return "train" in named or (bool(named) and not any(file.is_dir() for file in found))
    return path.name.lower().endswith(SUFFIXES) or (path.is_file() and _magic(path).startswith((b"PAR1", b"ARROW1")))


def files(path: Path) -> dict[str, Path]:
    """Return a table's files by split; a single one is `all`.

    Raises:
        ZooError: a folder has two files for a split, or none for any.
    """
    if not path.is_dir():
        return {ALL: path}
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        part = _part(file)
        if part in found:
            raise ZooError(f"{path} has two files for {part}: {found[part].name} and {file.name}", "remove one of them")
        if part:
            found[part] = file
    if not found:
        raise ZooError(f"{path} has no train.csv or test.csv (or .tsv, .parquet, .arrow)", "or give a single file")
    return {part: found[part] for part in SPLITS if part in found}


def _magic(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(6)


def _part(file: Path) -> str | None:
    """Return the split that a file is of; None where it is none's."""
    name = file.name.lower()
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)
    return PARTS.get(name.removesuffix(suffix)) if suffix else None
