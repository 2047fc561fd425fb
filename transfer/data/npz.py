"""Arrays in an `.npz` file.

Either the splits are there (`x_train`, `y_train`, and `x_valid`/`y_valid`, `x_test`/`y_test` where they exist), or
one pair `x`, `y`. What is missing of validation and test is split off, by class and seeded. For a model with several
inputs, each has its own array, called by the input's name: `x_train.NAME` in place of `x_train`, `x.NAME` of `x`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.dataset import Array, Dataset, Samples, Split, check_finite

SPLITS = ("train", "valid", "test")
SHARES = {"valid": 0.15, "test": 0.15}
EXPECTED = "expected x_train and y_train (with x_valid, y_valid, x_test, y_test where you have them), or x and y"
SEVERAL = "for a model with several inputs, give each its own array: x_train.NAME instead of x_train"


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
    _check_inputs(pairs, path)
    for name, (x, y) in pairs.items():
        for where, array in _each(x, f"{path}: {name}"):
            _check_pair(array, y, where)
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


def _pairs(arrays: dict[str, Array], path: Path) -> dict[str, tuple[Samples, Array]]:
    found = {name: _pair(arrays, f"x_{name}", f"y_{name}", path) for name in SPLITS}
    pairs = {name: pair for name, pair in found.items() if pair}
    if "train" in pairs:
        return pairs
    if single := _pair(arrays, "x", "y", path):
        return {"train": single}
    raise ZooError(f"{path} holds the keys {', '.join(sorted(arrays)) or 'none'}; {EXPECTED}", SEVERAL)


def _pair(arrays: dict[str, Array], x: str, y: str, path: Path) -> tuple[Samples, Array] | None:
    """Return the samples under the key `x`, or one array an input under `x.NAME`, with their labels."""
    named = {key.removeprefix(f"{x}."): array for key, array in arrays.items() if key.startswith(f"{x}.")}
    if x in arrays and named:
        raise ZooError(f"{path} holds both {x} and {x}.{next(iter(named))}", "a model has one input or several")
    if y not in arrays or not (named or x in arrays):
        return None
    return named or arrays[x], arrays[y]


def _each(x: Samples, where: str) -> Iterator[tuple[str, Array]]:
    """Yield the arrays, each with what it is called in an error."""
    if isinstance(x, Mapping):
        yield from ((f"{where}, input {name!r},", array) for name, array in x.items())
    else:
        yield where, x


def _check_inputs(pairs: dict[str, tuple[Samples, Array]], path: Path) -> None:
    """Refuse splits that do not hold the same inputs."""
    held = {name: sorted(x) if isinstance(x, Mapping) else [] for name, (x, _) in pairs.items()}
    for name, inputs in held.items():
        if inputs != held["train"]:
            raise ZooError(
                f"{path}: x_{name} holds {_called(inputs)}; expected {_called(held['train'])}, as in x_train", SEVERAL
            )


def _called(inputs: Sequence[str]) -> str:
    return f"the inputs {', '.join(inputs)}" if inputs else "one array"


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
        return splits | {"test": splits["train"].rows(slice(0))}
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
    return split.rows(~taken), split.rows(taken)
