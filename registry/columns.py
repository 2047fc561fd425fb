"""What is needed to encode a column of a table as a model's numbers; it travels on the card. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["number", "category", "date"]
# Of values, and of what is computed of them, so that float32 neither overflows nor comes to numbers below 1.2e-38,
# which are zero to TensorFlow and not to NumPy. A smaller value counts as zero.
SMALLEST, LARGEST = 1e-30, 1e37
MISSING = ""  # a category's value that stands for no value


@dataclass(frozen=True)
class Column:
    """A raw column, and the statistics of the training rows that its encoding takes.

    A number is `(x - mean) * scale` in float32; a missing one is encoded as the mean. A date is a number: the days
    since 1970-01-01, with fractions. A category is one-hot: first the place of what training did not have, then one
    for each of `values`.

    Attributes:
        name: of the column in the table.
        kind: `number`, `category` or `date`.
        mean, deviation: of numbers and dates; the deviation is the population's, 1 where all are the same.
        values: a category's, in the order of their places; an empty one stands for missing.
        missing: whether training rows lacked a value: a number then has a second place, 1 where it is missing; a
            category has the empty value.
    """

    name: str
    kind: Kind
    mean: float = 0.0
    deviation: float = 1.0
    values: tuple[str, ...] = ()
    missing: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a column has no name")
        if self.kind not in get_args(Kind):
            raise ValueError(f"column {self.name!r} is of kind {self.kind!r}; expected {', '.join(get_args(Kind))}")
        # What is rounded to float32 may be a little above the largest value.
        if not abs(self.mean) < 2 * LARGEST or not SMALLEST <= self.deviation < 2 * LARGEST:
            raise ValueError(f"column {self.name!r} has a mean of {self.mean} and a deviation of {self.deviation}")
        if self.kind == "category":
            self._check_category()
        elif self.values:
            raise ValueError(f"column {self.name!r} is a {self.kind} and has values")

    def _check_category(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise ValueError(f"column {self.name!r} has no values, or one twice")
        if (self.mean, self.deviation) != (0, 1) or self.missing != (MISSING in self.values):
            raise ValueError(f"column {self.name!r} is a category with a mean, or is missing without the empty value")

    @property
    def scale(self) -> float:
        """What a number is multiplied with: compilers make it of a division by a constant, with another last bit."""
        return 1 / self.deviation

    @property
    def width(self) -> int:
        """How many numbers the column is encoded as.

        >>> Column("age", "number", missing=True).width, Column("colour", "category", values=("blue", "red")).width
        (2, 3)
        """
        return len(self.values) + 1 if self.kind == "category" else 1 + self.missing

    def __str__(self) -> str:
        """The column, for people.

        >>> str(Column("colour", "category", values=("blue", "red")))
        'colour (category, 3 wide)'
        """
        return f"{self.name} ({self.kind}, {self.width} wide)"


def width_of(columns: Sequence[Column]) -> int:
    """How many numbers a row of these columns is encoded as."""
    return sum(column.width for column in columns)


def check_columns(columns: Sequence[Column]) -> None:
    """Refuse columns of the same name.

    Raises:
        ValueError: two have it.
    """
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise ValueError(f"columns have the same name: {', '.join(sorted({n for n in names if names.count(n) > 1}))}")
