"""Which samples of labelled data a model is scored on: one split, or all there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from registry.card import Card
from registry.errors import ZooError
from transfer.data.assemble import ALL, assemble
from transfer.data.dataset import SPLITS, Dataset, Split
from transfer.data.reading import Reading
from transfer.plan.checks import one_of
from zoo.opening import DataRef, find_records
from zoo.plans import data_options, read_before

if TYPE_CHECKING:
    from transfer.data.records import Found

UNDIVIDED = (100, 0, 0)  # percentages that leave data whole
OTHERS = "these are other data than the model's run had; samples that they share may have been trained on"


@dataclass(frozen=True)
class Chosen:
    """What a model is scored on.

    Attributes:
        data: as they were read for it.
        split: `train`, `valid`, `test` or `all`.
        notes: what a person should know of how they were read, and of what the model has seen of them.
    """

    data: Dataset
    split: str
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Split, ...]:
        """The samples, in splits that hold some."""
        names = SPLITS if self.split == ALL else (self.split,)
        return tuple(self.data.splits[name] for name in names if len(self.data.splits[name]))


def check_split(split: str | None) -> None:
    """Raise `ChoiceError` where there is no such split; before anything is read."""
    if split is not None:
        one_of("--split", split, (*SPLITS, ALL))


def choose(where: DataRef, card: Card, options: Mapping[str, Any], split: str | None) -> Chosen:
    """Read data as the model's run did, or where that fails as the user asked; of two errors the first is raised.

    Args:
        where: the data.
        card: the model's.
        options: the user's, as `zoo.plans.DataOptions`.
        split: the user's choice; None for the test split, or the validation of data that hold nothing else.

    Raises:
        ZooError: they cannot be read, or have no such split.
    """
    reading = data_options({**read_before(card, where), **options})[0]
    try:
        return _read(where, card, reading, split)
    except ZooError as error:
        as_asked = replace(data_options(options)[0], target_type=reading.target_type)
        try:
            found = _read(where, card, as_asked, split)
        except ZooError:
            raise error from None
        return replace(found, notes=(f"not read and split as in the model's run: {error.message}", *found.notes))


def _read(where: DataRef, card: Card, reading: Reading, split: str | None) -> Chosen:
    found, made_of = find_records(where, reading), card.lineage.fingerprint if card.lineage else ""
    if split == ALL:
        data = assemble(found, replace(reading, split=UNDIVIDED, limit_per_class=None), card.classes)
        return Chosen(data, ALL, _seen(found, reading, card.classes, made_of))
    data = assemble(found, reading, card.classes)
    return Chosen(data, _split(data, split), (OTHERS,) if made_of not in ("", data.fingerprint) else ())


def _split(data: Dataset, asked: str | None) -> str:
    held = [name for name, part in data.splits.items() if len(part)]
    split = asked or ("valid" if held == ["valid"] else "test")
    if split not in held:
        raise ZooError(f"{data.ref} has no {split} split", f"pass --split {', '.join(held)} or {ALL}")
    return split


def _seen(found: Found, reading: Reading, classes: tuple[str, ...], made_of: str) -> tuple[str, ...]:
    """Say what of all samples the model has seen: they are its run's if they make the same data set, split as there."""
    if not made_of:
        return ()
    try:
        data = assemble(found, reading, classes)
    except ZooError:  # too few groups for splits, say, which a run could not have been made of
        return (OTHERS,)
    if data.fingerprint != made_of:
        return (OTHERS,)
    new = f"; the {len(data.test):,} of its test split are new to it" if len(data.test) else ""
    return (f"the model's run trained on {len(data.train):,} of these samples and chose by {len(data.valid):,}{new}",)
