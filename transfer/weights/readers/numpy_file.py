"""Read NumPy's files of arrays: `.npz`, `.npy`, and pickles of arrays; nothing in a pickle is run."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.files.source import FileSpan, size_of
from transfer.files.zip_entries import entries
from transfer.weights.claims import head, is_zip, other
from transfer.weights.foreign import Foreign
from transfer.weights.readers.npy import NPY_MAGIC, array_in
from transfer.weights.readers.pickle_arrays import SYMBOLS, Arrays
from transfer.weights.readers.pickle_tree import PLAIN, Symbol
from transfer.weights.readers.stored import Stored
from transfer.weights.readers.tree_names import Names
from transfer.weights.readers.unpickler import Unpickler

MOST_ARRAYS = 10_000
HINT = "save the arrays with numpy.savez"

Found = tuple[dict[str, Stored], tuple[str, ...]]


def read(path: Path) -> Foreign:
    """Read the names, shapes and arrays of a file.

    Raises:
        ZooError: it is damaged, none of NumPy's, or holds something else than arrays.
    """
    size = size_of(path)
    start = head(path)
    if is_zip(path):
        arrays, notes = _npz(path)
    elif start.startswith(NPY_MAGIC):
        arrays, notes = _npy(path, size)
    else:
        arrays, notes = _pickle(path, size, start)
    if not arrays:
        raise ZooError(f"{path} holds no arrays of numbers; expected weights", HINT)
    shapes = {name: stored.shape for name, stored in arrays.items()}
    return Foreign("numpy", "numpy", shapes, lambda name: arrays[name].load(), notes)


def _npz(path: Path) -> Found:
    found: dict[str, Stored] = {}
    texts = []
    listed = entries(path)
    if len(listed) > MOST_ARRAYS:
        raise ZooError(f"{path} has {len(listed)} entries; no file of weights has more than {MOST_ARRAYS}")
    for name, entry in listed.items():
        if not name.endswith(".npy"):
            raise ZooError(
                f"{path} is no .npz file: it holds {shown(name, 200)}; expected arrays, called NAME.npy", HINT
            )
        name = name.removesuffix(".npy")
        stored = array_in(entry, f"{path}: {shown(name, 200)}")
        if stored is None:
            texts.append(name)
        else:
            found[name] = stored
    notes = (f"left out, since they hold texts: {shown(', '.join(texts), 200)}",) if texts else ()
    return found, notes


def _npy(path: Path, size: int) -> Found:
    stored = array_in(FileSpan(path, 0, size), str(path))
    return ({path.stem: stored} if stored else {}), ()


def _pickle(path: Path, size: int, start: bytes) -> Found:
    if what := other(start):
        raise ZooError(f"{path} is {what}; expected .npz, .npy or a pickle of arrays", HINT)

    def admit(symbol: Symbol) -> None:
        if str(symbol) not in PLAIN | SYMBOLS:
            raise ZooError(f"{path} wants to run {shown(symbol, 200)}, which is code; expected only arrays", HINT)

    with path.open("rb") as file:
        tree = Unpickler(file, size, str(path), admit).read()
    found = Names(Arrays(FileSpan(path, 0, size), str(path)).array, "/", str(path)).flat(tree)
    return {name or path.stem: stored for name, stored in found.items()}, ()
