"""All complete files of a key as one: a virtual dataset, which any HDF5 reader opens without knowing of files.

`<key>/all.vds` holds `samples` and the tensors `0`, `1`, … as a feature file does (`transfer.cache_files`), each put
together of the files beside it in the order of their names; their paths are relative, so the folder may be moved. It
holds no features itself: what is removed by other means than `zoo cache` reads as zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import h5py

from registry.whole import whole
from transfer.cache_files import DONE, FORMAT, SAMPLES, UNREADABLE, shards_in

JOINED = "all.vds"
JOINED_FORMAT = f"{FORMAT}-joined"


def rejoined(folder: Path, *, anew: bool = False) -> None:
    """Make the joined file of a key true again; where there is none, only if one is wanted.

    Of two processes that do so at once, the last looks again: so no file that is complete is left out for good.
    """
    path = folder / JOINED
    if not path.exists() and not (anew and folder.is_dir()):
        return
    with suppress(*UNREADABLE):  # a folder that is removed meanwhile, a full disk: nothing depends on this file
        while True:
            files = shards_in(folder)
            if not files:
                path.unlink(missing_ok=True)
                return
            with whole(path) as temporary:
                _write(temporary, files)
            if shards_in(folder) == files:
                return


def _write(path: Path, files: Sequence[Path]) -> None:
    sound = [(file, found) for file in files if (found := _shapes(file)) is not None]
    known = [(file, found) for file, found in sound if found.keys() == sound[0][1].keys()]
    with h5py.File(path, "w", libver="latest", locking=False) as target:
        target.attrs["format"] = JOINED_FORMAT
        if not known:
            return
        first, shapes = known[0]
        total = sum(found[SAMPLES][0] for _, found in known)
        with h5py.File(first, "r", locking=False) as source:
            kept = {name: value for name, value in source.attrs.items() if isinstance(value, str)}
            target.attrs.update(kept | {"format": JOINED_FORMAT})
            for name, shape in shapes.items():
                made = _joined(target, name, source[name], (total, *shape[1:]), known)
                made.attrs.update(dict(source[name].attrs))


def _joined(
    target: h5py.File,
    name: str,
    like: h5py.Dataset,
    shape: tuple[int, ...],
    known: Sequence[tuple[Path, dict[str, tuple[int, ...]]]],
) -> h5py.Dataset:
    virtual, start = h5py.VirtualLayout(shape, like.dtype), 0
    for file, found in known:
        count = found[name][0]
        virtual[start : start + count] = h5py.VirtualSource(f"./{file.name}", name, found[name])
        start += count
    return target.create_virtual_dataset(name, virtual)


def _shapes(file: Path) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes of what is joined of a file; None where it is gone, or of another version."""
    try:
        with h5py.File(file, "r", locking=False) as source:
            names = [SAMPLES, *(name for name in source if name.isdigit())]
            found = {name: tuple(map(int, source[name].shape)) for name in names}
            return found if source.attrs.get("format") == FORMAT and DONE in source else None
    except UNREADABLE:
        return None
