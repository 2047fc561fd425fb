"""Arrays in an `.npz` file.

Either the splits are there (`x_train`, `y_train`, and `x_valid`/`y_valid`, `x_test`/`y_test` where they exist), or
one pair `x`, `y`. What is missing of validation and test is split off, by class and seeded.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.dataset import Array, Dataset, Split, check_finite

SPLITS = ("train", "valid", "test")
SHARES = {"valid": 0.15, "test": 0.15}
EXPECTED = "expected x_train and y_train (with x_valid, y_valid, x_test, y_test where you have them), or x and y"


def read(path: Path, ref: str = "", *, seed: int = 0, classes: Sequence[str] | None = None) -> Dataset:
    """Read a data set.

    Args:
        path: the `.npz` file.
        ref: how the data are called in results; the path where empty.
        seed: of the split, where the file has none.
        classes: the labels allowed, in order; None takes those of the training split, sorted.

    Raises:
        ZooError: the file is missing or broken, keys or rows do not fit, samples are not finite, labels are
            no integers or texts, or out of range, or there are fewer than two classes.
    """
    arrays = _arrays(path)
    pairs = _pairs(arrays, path)
    for name, (x, y) in pairs.items():
        _check_pair(x, y, f"{path}: {name}")
    labels = _classes(pairs["train"][1], path) if classes is None else tuple(classes)
    splits = {name: Split(x, _positions(y, labels, f"{path}: y_{name}")) for name, (x, y) in pairs.items()}
    full = _complete(splits, len(labels), seed)
    for name in ("train", "valid"):
        if len(np.unique(full[name].y)) < 2:
            raise ZooError(f"{path}: the {name} split has samples of fewer than two classes")
    return Dataset(ref or str(path), labels, full["train"], full["valid"], full["test"])


def _arrays(path: Path) -> dict[str, Array]:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ZooError(f"{path} holds a single array; {EXPECTED}", "write it with numpy.savez")
        with file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError as error:
        raise ZooError(f"there are no data at {path}", "--data takes an .npz file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ZooError(f"{path} is no readable .npz file: {error}", "write it with numpy.savez") from error


def _pairs(arrays: dict[str, Array], path: Path) -> dict[str, tuple[Array, Array]]:
    found = {name: (arrays[f"x_{name}"], arrays[f"y_{name}"]) for name in SPLITS
             if f"x_{name}" in arrays and f"y_{name}" in arrays}  # fmt: skip
    if "train" in found:
        return found
    if "x" in arrays and "y" in arrays:
        return {"train": (arrays["x"], arrays["y"])}
    raise ZooError(f"{path} holds the keys {', '.join(sorted(arrays)) or 'none'}; {EXPECTED}")


def _check_pair(x: Array, y: Array, where: str) -> None:
    if x.dtype.kind not in "uifb":
        raise ZooError(f"{where} samples are of dtype {x.dtype}; expected numbers")
    if x.ndim == 0:
        raise ZooError(f"{where} holds a single number; expected samples (n, ...)")
    if y.ndim != 1 or len(x) != len(y):
        raise ZooError(f"{where} has {len(x)} samples and labels of shape {y.shape}; expected ({len(x)},)")
    if y.dtype.kind not in "uiU":
        raise ZooError(f"{where} labels are of dtype {y.dtype}; expected integers or text, one a sample")
    check_finite(x, where)


def _classes(y: Array, path: Path) -> tuple[str, ...]:
    values = np.unique(y)
    if len(values) < 2:
        raise ZooError(f"{path} has {len(values)} class(es) in its training split; a classifier wants at least two")
    return tuple(str(value) for value in values)


def _positions(y: Array, classes: tuple[str, ...], where: str) -> NDArray[np.int64]:
    values, inverse = np.unique(y, return_inverse=True)
    unknown = [str(value) for value in values if str(value) not in classes]
    if unknown:
        raise ZooError(
            f"{where} holds labels out of range: {', '.join(unknown[:5])}; expected {', '.join(classes[:20])}"
        )
    places = np.array([classes.index(str(value)) for value in values], dtype=np.int64)
    return places[inverse] if len(values) else np.zeros(0, np.int64)


def _complete(splits: dict[str, Split], classes: int, seed: int) -> dict[str, Split]:
    missing = [name for name in ("valid", "test") if name not in splits]
    # A file with its own training and validation splits, but no test split, gets none: nothing is taken away.
    if missing == ["test"] and "valid" in splits:
        return splits | {"test": Split(splits["train"].x[:0], splits["train"].y[:0])}
    left = 1.0
    for name in missing:
        random = np.random.default_rng([seed, SPLITS.index(name)])
        rest, taken = _split_off(splits["train"], SHARES[name] / left, classes, random)
        splits, left = splits | {"train": rest, name: taken}, left - SHARES[name]
    return splits


def _split_off(split: Split, share: float, classes: int, random: Any) -> tuple[Split, Split]:
    taken = np.zeros(len(split), bool)
    for label in range(classes):
        rows = random.permutation(np.flatnonzero(split.y == label))
        taken[rows[: round(share * len(rows))]] = True
    return Split(split.x[~taken], split.y[~taken]), Split(split.x[taken], split.y[taken])
