"""Where a TensorFlow 1 checkpoint lies: from what a user types to its prefix. Pure: no TensorFlow.

A checkpoint is several files of one prefix: `PREFIX.meta` (the graph), `PREFIX.index` and
`PREFIX.data-00000-of-00001` (the weights). A prefix may end in a slash, so that the files are called `.meta`,
`.index` and `.data-…`: a prefix is text, not a path, for a path forgets that slash.
"""

from __future__ import annotations

import re
from pathlib import Path

from registry.errors import ZooError

PART = re.compile(r"\.(meta|index|data-\d{5}-of-\d{5})$")


def prefix_of(path: Path | str) -> str | None:
    """Return the prefix of the TensorFlow 1 checkpoint at a path, or None where there is none.

    Args:
        path: the prefix, one of its files, or a folder that holds one.

    Raises:
        ZooError: a folder holds several, and nothing tells which is meant; or the path cannot be looked at.
    """
    try:
        return _found(str(path))
    except OSError as error:
        problem = f"cannot look at {str(path)[:200]}: {error.strerror}"
        raise ZooError(problem, "check the path and its rights") from error


def _found(text: str) -> str | None:
    if PART.search(text):
        return PART.sub("", text) if Path(text).is_file() or _parts(PART.sub("", text)) else None
    if Path(text).is_dir():
        return _inside(Path(text))
    return text if _parts(text) else None


def complete(path: Path | str) -> str:
    """Return the prefix of a checkpoint all of whose files are there.

    Raises:
        ZooError: there is no checkpoint, or one of its files is missing; the message names it.
    """
    prefix = prefix_of(path)
    if prefix is None:
        raise ZooError(
            f"there is no TensorFlow 1 checkpoint at {path}: expected {path}.meta, {path}.index and {path}.data-*",
            "give the prefix that the files share, such as my/model.ckpt, or one of the files",
        )
    found = _parts(prefix)
    if "meta" in found and not {"index"}.intersection(found) and Path(prefix).is_file():
        return prefix  # the first format, of before 2017: all weights in one file, called like the prefix
    absent = [kind for kind in ("meta", "index", "data") if not any(part.startswith(kind) for part in found)]
    if absent:
        names = {"meta": ".meta", "index": ".index", "data": ".data-00000-of-00001"}
        missing = ", ".join(f"{prefix}{names[kind]}" for kind in absent)
        copy = "copy the .meta, .index and .data files of one step into the same folder"
        raise ZooError(
            f"the checkpoint {prefix} is incomplete: missing {missing}; found {', '.join(sorted(found)) or 'nothing'}",
            f"{copy}, or put its weights into a known architecture: --into NAME" if absent == ["meta"] else copy,
        )
    _all_shards(prefix, found)
    return prefix


def _parts(prefix: str) -> list[str]:
    """List the endings of the files of a prefix: `meta`, `index`, `data-00000-of-00001`."""
    folder, name = Path(prefix[:-1] if prefix.endswith("/") else prefix), ""
    if not prefix.endswith("/"):
        folder, name = folder.parent, folder.name
    if not folder.is_dir():
        return []
    found = (entry.name for entry in folder.iterdir() if entry.is_file() and entry.name.startswith(f"{name}."))
    return [match[1] for match in (PART.fullmatch(entry[len(name) :]) for entry in found) if match]


def _all_shards(prefix: str, found: list[str]) -> None:
    shards = sorted(part for part in found if part.startswith("data-"))
    count = shards[0][-5:]
    wanted = [f"data-{number:05d}-of-{count}" for number in range(int(count))]
    absent = [f"{prefix}.{part}" for part in wanted if part not in shards]
    if absent:
        raise ZooError(
            f"the checkpoint {prefix} is incomplete: missing {', '.join(absent[:3])}; found {', '.join(shards)}",
            "copy all .data files of one step into the same folder",
        )


def _inside(folder: Path) -> str | None:
    """Return the one prefix in a folder; among several the one that its `checkpoint` file names last."""
    text = str(folder).rstrip("/")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and entry.name.endswith(".meta"))
    prefixes = [f"{text}/{name.removesuffix('.meta')}" for name in names]
    if len(prefixes) > 1:
        latest = _latest(folder)
        if latest not in prefixes:
            raise ZooError(
                f"the folder {folder} holds {len(prefixes)} meta-graphs: {', '.join(names)}",
                f"name one of them: {prefixes[-1]}",
            )
        return latest
    return prefixes[0] if prefixes else None


def _latest(folder: Path) -> str | None:
    """Read `model_checkpoint_path` of the `checkpoint` file; of an absolute path of elsewhere only the name counts."""
    state = folder / "checkpoint"
    if not state.is_file():
        return None
    found = re.search(r'^model_checkpoint_path: "(.*)"$', state.read_text(errors="replace"), re.MULTILINE)
    return f"{str(folder).rstrip('/')}/{found[1].rpartition('/')[2]}" if found else None
