"""A folder of images: a folder a class, or `train/`, `valid/` and `test/` above these, or images alone to predict."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.choice import chosen_classes
from transfer.data.images.decode import SKIP, size_of
from transfer.data.images.labels import SPLITS
from transfer.data.images.samples import ImageSamples
from transfer.data.images.sound import sound
from transfer.data.images.walk import Identity, Walk, is_folder, shown
from transfer.data.reading import Reading
from transfer.data.records import Broken, Found, Records

Labels = NDArray[np.str_]
LAYOUT = "a folder a class with its images, or train/, valid/ and test/ above such folders"


def claims(path: Path) -> bool:
    """Tell whether this may be a folder of images."""
    return path.is_dir()


def read(path: Path, ref: str, reading: Reading, memory: Path | None) -> Found:
    """Read which images there are; none is decoded, but for `reading.skip_broken`.

    A class is called by its folder's name (Unicode's composed form, NFC), and holds what is in folders below as well.
    The order is that of the names, whatever the file system's.

    Args:
        path: the folder.
        ref: what the data are called in results; the path where empty.
        reading: the user's options.
        memory: the folder where files' digests and sizes are remembered; None remembers nothing.

    Raises:
        ZooError: images lie beside class folders, a class has none, folders of splits and of classes are mixed, links
            lead in circles, or a file is no image; those that `skip_broken` leaves out only without it.
    """
    if reading.targets or reading.group_column:
        raise ZooError(
            f"{shown(path)} is a folder of images: its classes are folders, and it has no columns to choose among",
            "leave out --target and --group-column; or name images in a table: --data images.csv --image-column path",
        )
    walk = Walk(path)
    parts = _parts(path, walk)
    listed = {split: _part(root, split, walk, reading, memory) for split, root in parts.items()}
    if walk.broken and not reading.skip_broken:
        raise _first(walk.broken)
    records = {split: _sound(*part, walk, reading) for split, part in listed.items()}
    if not any(len(part) for part in records.values()):
        raise ZooError(f"{shown(path)} holds no images", f"expected {LAYOUT}")
    return Found(ref or shown(path), "images", records, tuple(walk.broken))


def _first(broken: Sequence[Broken]) -> ZooError:
    others = f"; {len(broken) - 1} more cannot be read" if len(broken) > 1 else ""
    return ZooError(f"{broken[0].where} {broken[0].why}{others}", SKIP)


def _sound(images: ImageSamples, labels: Labels | None, walk: Walk, reading: Reading) -> Records:
    """Leave out the images that cannot be read; those of classes that are not asked for are not looked at."""
    asked = np.arange(len(images))
    if labels is not None and reading.classes:
        asked = np.flatnonzero(np.isin(labels, chosen_classes(reading.classes, tuple(np.unique(labels).tolist()))))
    kept = sound(images.rows(asked), reading)
    walk.broken.extend(kept.broken)
    rows = np.setdiff1d(np.arange(len(images)), np.setdiff1d(asked, asked[kept.rows]))
    return Records(images.rows(rows), None if labels is None else labels[rows])


def _parts(path: Path, walk: Walk) -> dict[str, Path]:
    """Find the folders of splits, or one part, `all`."""
    names = [entry.name for entry in walk.entries(path) if is_folder(entry)]
    splits = [name for name in names if name.lower() in SPLITS]
    others = [name for name in names if name.lower() not in SPLITS]
    parts = {SPLITS[name.lower()]: path / name for name in splits}
    # A class may be called `train`; it is a split where there is another one, or nothing else.
    if not splits or (others and len(splits) == 1):
        return {"all": path}
    if others:
        raise ZooError(
            f"{shown(path)} holds the splits {', '.join(splits)}, and beside them {shown(others[0])}/",
            f"expected {LAYOUT}",
        )
    if len(parts) < len(splits):
        raise ZooError(f"{shown(path)} holds a split twice: {', '.join(splits)}", "keep one of them")
    return {name: parts[name] for name in ("train", "valid", "test") if name in parts}


def _part(
    root: Path, split: str, walk: Walk, reading: Reading, memory: Path | None
) -> tuple[ImageSamples, Labels | None]:
    """List a split's images with their classes; a folder of images alone has none."""
    entries = walk.entries(root)
    folders = [entry.name for entry in entries if is_folder(entry)]
    beside = [entry.name for entry in entries if not is_folder(entry) and walk.is_file(entry)]
    if split == "all" and not folders:
        return ImageSamples(root, beside, memory=memory, paranoid=reading.paranoid), None
    entered = None if split == "all" else walk.enter(root)
    _check_beside(ImageSamples(root, beside), folders, walk)
    files: list[str] = []
    labels: list[str] = []
    for name in folders:
        found = _class(root, name, walk, () if entered is None else (entered,))
        files += found
        labels += [_label(root, name)] * len(found)
    return ImageSamples(root, files, memory=memory, paranoid=reading.paranoid), np.array(labels, np.str_)


def _class(root: Path, name: str, walk: Walk, above: tuple[Identity, ...]) -> list[str]:
    before = len(walk.broken)
    found = list(walk.files(root, name, above))
    if not found and len(walk.broken) == before:
        walk.note(f"{root / name}/", "is a class without images")
    return found


def _check_beside(files: ImageSamples, folders: Sequence[str], walk: Walk) -> None:
    """Refuse images that no class folder holds; what else lies there is noted."""
    for row in range(len(files)):
        try:
            with files.open(row) as file:
                size_of(file, files.where(row))
        except ZooError as error:
            walk.note(files.where(row), error.message.removeprefix(files.where(row)).lstrip(": "))
            continue
        where = f"beside the class folders {', '.join(map(shown, folders[:5]))}" if folders else "in no class folder"
        raise ZooError(f"{files.where(row)} lies {where}", f"move it into its class's folder: {LAYOUT}")


def _label(root: Path, name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ZooError(f"the class folder {shown(root / name)} has a name that is no UTF-8", "rename it") from error
    return unicodedata.normalize("NFC", name)
