"""Which rows of what was found are in which split; what the data have not split is split off. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.data.dataset import SPLITS
from transfer.data.groups import check_groups, grouped
from transfer.data.labels import coded, labels_of
from transfer.data.reading import Reading
from transfer.data.records import Records, Rows
from transfer.data.splits import stratified
from transfer.data.strata import strata

DEFAULT = {"train": (70, 15, 15), "train test": (85, 15, 0)}  # by what is there; where validation is, nothing is taken


@dataclass(frozen=True)
class Parted:
    """Some rows of records, in one split."""

    records: Records
    rows: Rows


def shares_of(names: tuple[str, ...], asked: tuple[int, int, int] | None, ref: str) -> tuple[int, int, int] | None:
    """Say into what the training part is to be divided, in percent; None where it stays whole.

    Data that are not split are divided 70/15/15. Those with a test split give 15 % of training to validation. Those
    with a validation split get no test split. Percentages that a user asks for count for what is not there yet.

    Args:
        names: the splits that are there; `train` alone are data that are not split.
        asked: what the user wants; None for the default.
        ref: what the data are called in an error.

    Raises:
        ZooError: a split is asked for that is there already, or there is nothing to take it from.

    >>> shares_of(("train", "test"), None, "d.npz")
    (85, 15, 0)
    """
    if asked is None:
        return DEFAULT.get(" ".join(names))
    if not _fits(names, asked):
        shares = "/".join(map(str, asked))
        raise ZooError(
            f"--split {shares} does not fit {ref}: it is split already into {', '.join(names)}",
            "leave --split out, or give 0 to the splits that are there, such as --split 85/15/0",
        )
    return asked


def _fits(names: tuple[str, ...], asked: tuple[int, int, int] | None) -> bool:
    """Tell whether what is asked for is not there yet, and there is something to take it from."""
    there = {name for name, share in zip(SPLITS, asked or (), strict=False) if share} - {"train"}
    return "train" in names and len(names) < len(SPLITS) and there.isdisjoint(names)


def part(
    parts: Mapping[str, Records], kind: str, reading: Reading, ref: str, chosen: tuple[str, ...], *, strict: bool
) -> dict[str, Parted]:
    """Divide the samples of a data set among its splits; a split that does not exist is left out.

    Args:
        parts: by split.
        kind: of the target.
        reading: the shares, the seed, and what groups are called.
        ref: what the data are called in an error.
        chosen: the classes that count when one is too small; empty for all.
        strict: whether a class with a single sample is an error where there is something to be split.

    Raises:
        ZooError: a class has one sample, or there are fewer groups than splits; or as `shares_of`.
    """
    whole = {name: Parted(records, np.arange(len(records), dtype=np.int64)) for name, records in parts.items()}
    # What scores a model is read as in the run that made it; those data may have been split otherwise.
    asked = reading.split if strict or _fits(tuple(parts), reading.split) else None
    shares = shares_of(tuple(parts), asked, ref)
    if shares is None or not len(parts["train"]):
        return whole
    records = parts["train"]
    if kind == "class" and strict:
        _check_single(records, chosen, ref)
    divided = _divided(records, strata(records, labels_of(records, ref), kind), shares, reading, ref)
    made = {name: Parted(records, rows) for name, rows, share in zip(SPLITS, divided, shares, strict=True) if share}
    return {name: (whole | made)[name] for name in SPLITS if name in whole or name in made}


def _divided(
    records: Records, y: NDArray[np.int64], shares: tuple[int, int, int], reading: Reading, ref: str
) -> tuple[Rows, ...]:
    groups = check_groups(records)
    if groups is None:
        return stratified(y, shares, reading.seed)
    wanted, count = sum(share > 0 for share in shares), len(np.unique(groups))
    if count < wanted:
        raise ZooError(
            f"{ref} has {count} group(s) in {reading.group_column or 'its groups'}; {wanted} splits want one each",
            "leave the group column out, or ask for fewer splits: --split 80/20/0",
        )
    return grouped(groups, y, shares, reading.seed)


def _check_single(records: Records, chosen: tuple[str, ...], ref: str) -> None:
    code = coded(records, labels_of(records, ref))
    lonely = [
        position
        for position in np.flatnonzero(np.bincount(code.codes) == 1).tolist()
        if not chosen or code.names[position] in chosen
    ]
    if lonely:
        row = int(np.flatnonzero(code.codes == lonely[0])[0])
        more = f", as {len(lonely) - 1} more classes have" if len(lonely) > 1 else ""
        raise ZooError(
            f"the class {code.names[lonely[0]]!r} has one sample, {records.samples.where(row)}{more}: "
            "it cannot be both trained on and validated with",
            "add samples of it, or leave it out: --classes",
        )
