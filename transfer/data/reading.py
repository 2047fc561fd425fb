"""How data are to be read, as one value: the options of `--data`. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import ZooError

TARGET_TYPES = ("class", "multilabel", "number")


@dataclass(frozen=True)
class Reading:
    """How a user wants data to be read; each attribute is an option of the same name.

    Attributes:
        target: the label's column; several, with commas between, are several labels or numbers a sample.
        target_type: `class`, `multilabel` or `number`; None finds it from the labels.
        image_column: the column that names image files, or holds them.
        group_column: samples that have the same value there never stand in two splits.
        ignore_columns: a table's columns that are left out, with commas between.
        classes: which classes to take, such as `5-9` or `cat,dog`; None takes all.
        limit_per_class: at most so many samples of a class in training and validation; None takes all.
        split: percentages of training, validation and test, for data that are not split: `(70, 15, 15)`.
        skip_broken: leave out samples that cannot be read, and list them.
        paranoid: read every byte of every file to know its content, though its size and time are known.
        seed: of splits and limits; not a run's seed, so that a sample that one run trains on is never another
            command's test sample.
    """

    target: str | None = None
    target_type: str | None = None
    image_column: str | None = None
    group_column: str | None = None
    ignore_columns: str | None = None
    classes: str | None = None
    limit_per_class: int | None = None
    split: tuple[int, int, int] | None = None
    skip_broken: bool = False
    paranoid: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.target_type not in (None, *TARGET_TYPES):
            raise ZooError(f"--target-type takes {', '.join(TARGET_TYPES)}; got {self.target_type!r}")
        if self.limit_per_class is not None and self.limit_per_class < 1:
            raise ZooError(f"--limit-per-class must be above 0, got {self.limit_per_class}")
        if self.split is not None and (sum(self.split) != 100 or min(self.split) < 0 or not self.split[0]):
            shares = "/".join(map(str, self.split))
            raise ZooError(f"--split wants three percentages that make 100; got {shares}", "such as --split 80/10/10")

    @property
    def targets(self) -> tuple[str, ...]:
        """The label's columns, of `target`."""
        return _named(self.target)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The columns that are left out, of `ignore_columns`."""
        return _named(self.ignore_columns)


def _named(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def parse_split(text: str) -> tuple[int, int, int]:
    """Read what a user says of the splits.

    Raises:
        ZooError: it is no such thing.

    >>> parse_split("80/10/10")
    (80, 10, 10)
    """
    parts = text.split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise ZooError(f"--split wants three percentages that make 100; got {text}", "such as --split 80/10/10")
    return (int(parts[0]), int(parts[1]), int(parts[2]))
