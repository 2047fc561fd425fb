"""Which arrays of a file are samples, which are their labels, and of which split, by the arrays' names. Pure.

A name is understood when it says a role and, where there are splits, a split, in any order and case: `x_train`,
`train_images`, `val/labels`; `images` and `labels` alone are data that are not split. An input of a model that has
several follows a dot: `x_train.NAME`. Where names say nothing, two arrays of the same length of which only one can be
labels are samples and labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.files.shown import shown

SPLITS = ("train", "valid", "test")
ALL = "all"
SAMPLES = frozenset({"x", "image", "images", "imgs", "data", "features", "input", "inputs", "samples"})
LABELS = frozenset({"y", "label", "labels", "target", "targets", "class", "classes"})
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
EXPECTED = "expected x_train and y_train (with x_valid, y_valid, x_test, y_test where you have them), or x and y"
FOUND = "or one pair of arrays of which one can be labels, such as images and labels"
SEVERAL = "for a model with several inputs, give each its own array: x_train.NAME instead of x_train"


@dataclass(frozen=True)
class Spec:
    """What is known of an array before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def labels(self) -> bool:
        """Whether it can be labels that nothing names so: `(n,)` or `(n, 1)` whole numbers or text."""
        flat = len(self.shape) == 1 or (len(self.shape) == 2 and self.shape[1] == 1)
        return flat and self.dtype.kind in "uibUSO"

    @property
    def samples(self) -> bool:
        """Whether it can be samples: `(n, ...)` numbers."""
        return len(self.shape) > 0 and self.dtype.kind in "uifb"

    def __str__(self) -> str:
        return f"{shown(self.shape)} {self.dtype}"


@dataclass
class Pair:
    """The keys of samples, by the input's name (empty for an only one), and of their labels, or None."""

    samples: dict[str, str] = field(default_factory=dict)
    labels: str | None = None


def pairs(specs: Mapping[str, Spec], where: str, target: str | None = None) -> dict[str, Pair]:
    """Find samples and labels by split; `all` where they are not split.

    Args:
        specs: the arrays by their keys.
        where: the file, as an error calls it.
        target: the key of the labels, where the user names it.

    Raises:
        ZooError: the keys say nothing, contradict each other, or there are labels for some splits only.
    """
    if target is not None:
        return {ALL: _targeted(specs, where, target)}
    named = _named(specs, where)
    split = {part: named[part] for part in SPLITS if part in named}
    if any(pair.samples for pair in split.values()):
        _check(split, where)
        return split
    single = named.get(ALL, Pair())
    if single.samples and single.labels:
        return {ALL: single}
    fitting = list(_fitting(specs))
    if len(fitting) == 1:
        return {ALL: fitting[0]}
    if single.samples and not fitting:
        return {ALL: single}
    raise _unknown(specs, where)


def tells(specs: Mapping[str, Spec]) -> bool:
    """Tell whether arrays are samples, labelled or not: by their keys, or since only one of two can be labels."""
    return any(said and said[1] for said in map(understood, specs)) or len(list(_fitting(specs))) == 1


def understood(key: str) -> tuple[str, bool, str] | None:
    """Return the split, whether it is samples, and the input of a key; None where it says nothing.

    >>> understood("x_train"), understood("val/labels"), understood("x.left")
    (('train', True, ''), ('valid', False, ''), ('all', True, 'left'))
    >>> understood("weights"), understood("test_x_train")
    (None, None)
    """
    for base, name in ((key, ""), _cut(key, "."), _cut(key, "/")):
        words = re.split(r"[_/ -]+", base.lower())
        roles = [word for word in words if word in SAMPLES | LABELS]
        parts = [PARTS[word] for word in words if word in PARTS]
        if len(roles) == 1 and len(parts) < 2 and len(roles) + len(parts) == len(words):
            return (parts[0] if parts else ALL, roles[0] in SAMPLES, name)
    return None


def _cut(key: str, at: str) -> tuple[str, str]:
    base, _, name = key.partition(at)
    return base, name


def _named(specs: Mapping[str, Spec], where: str) -> dict[str, Pair]:
    found: dict[str, Pair] = {}
    for key in sorted(specs):
        said = understood(key)
        if said is None:
            continue
        part, samples, name = said
        pair = found.setdefault(part, Pair())
        taken = pair.samples.get(name) if samples else pair.labels
        if taken is not None:
            raise ZooError(f"{where} holds both {taken} and {key}", "say which are the labels: --target KEY")
        if samples:
            pair.samples[name] = key
        else:
            pair.labels = key
    for pair in found.values():
        if "" in pair.samples and len(pair.samples) > 1:
            other = next(key for name, key in pair.samples.items() if name)
            raise ZooError(f"{where} holds both {pair.samples['']} and {other}", "a model has one input or several")
    return found


def _check(split: Mapping[str, Pair], where: str) -> None:
    """Refuse splits that do not hold the same inputs, or of which only some have labels."""
    labelled = any(pair.labels for pair in split.values())
    first, model = next((part, pair) for part, pair in split.items() if pair.samples)
    for part, pair in split.items():
        if not pair.samples:
            raise ZooError(f"{where} holds {pair.labels} and no samples for them; expected x_{part}", EXPECTED)
        if labelled and not pair.labels:
            key = next(iter(pair.samples.values()))
            raise ZooError(f"{where} holds {key} and no labels for it; expected y_{part}", EXPECTED)
        if sorted(pair.samples) != sorted(model.samples):
            got, expected = _called(pair), _called(model)
            raise ZooError(f"{where}: x_{part} holds {got}; expected {expected}, as in x_{first}", SEVERAL)


def _called(pair: Pair) -> str:
    inputs = sorted(name for name in pair.samples if name)
    return f"the inputs {', '.join(inputs)}" if inputs else "one array"


def _targeted(specs: Mapping[str, Spec], where: str, target: str) -> Pair:
    if target not in specs:
        raise ZooError(f"{where} has no array {target!r} for the labels; it holds {_listed(specs)}")
    rows = specs[target].shape[:1]
    others = {key: spec for key, spec in specs.items() if key != target and spec.samples and spec.shape[:1] == rows}
    named = [key for key in others if (said := understood(key)) and said[1]] or list(others)
    if len(named) != 1:
        raise ZooError(
            f"{where} has {len(named)} arrays that can be the samples of {target!r}: {_listed(specs)}", EXPECTED
        )
    return Pair({"": named[0]}, target)


def _fitting(specs: Mapping[str, Spec]) -> Iterator[Pair]:
    for samples, labels in permutations(specs, 2):
        x, y = specs[samples], specs[labels]
        if x.samples and y.labels and x.shape[0] == y.shape[0]:
            yield Pair({"": samples}, labels)


def _unknown(specs: Mapping[str, Spec], where: str) -> ZooError:
    keys = shown(", ".join(sorted(specs)) or "none", 200)
    held = f"; they are {_listed(specs)}" if specs else ""
    return ZooError(f"{where} holds the keys {keys}; {EXPECTED}, {FOUND}{held}", SEVERAL)


def _listed(specs: Mapping[str, Spec]) -> str:
    return shown(", ".join(f"{key} {spec}" for key, spec in sorted(specs.items())), 400)
