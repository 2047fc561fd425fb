"""What a table's columns are for: labels, groups, the split, or features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from registry.errors import ZooError, near
from transfer.data.reading import Reading
from transfer.data.tables.cells import plain
from transfer.data.tables.parts import PARTS

SPLIT = "split"


@dataclass(frozen=True)
class Roles:
    """Columns by what they are for.

    Attributes:
        targets: the labels'.
        features: all others, in the table's order.
        group: of the groups, if any.
        split: of the split, if any.
        ignored: those that the user leaves out.
    """

    targets: tuple[str, ...]
    features: tuple[str, ...]
    group: str | None = None
    split: str | None = None
    ignored: tuple[str, ...] = ()


def roles(table: pa.Table, reading: Reading, source: str, *, split: bool) -> Roles:
    """Decide what each column is for; where `split`, one of that name may say which split each row is of.

    Raises:
        ZooError: there is no target, a column does not exist, or none is left to learn from.
    """
    names = list(table.column_names)
    targets = _targets(names, reading, source)
    group = reading.group_column
    if group is not None:
        _check_column(group, names, "--group-column", source)
    check_ignored(names, reading, source)
    taken = {*targets, group, *reading.ignored}
    found = SPLIT if split and SPLIT in names and SPLIT not in taken and _is_split(table.column(SPLIT)) else None
    features = tuple(name for name in names if name not in taken and name != found)
    if not features:
        raise ZooError(f"{source} has no column beside {', '.join(names)} that a model could learn from")
    return Roles(targets, features, group, found, reading.ignored)


def check_ignored(names: Sequence[str], reading: Reading, source: str) -> None:
    """Refuse columns to leave out that a table has not, or that are its labels, groups or images.

    Raises:
        ZooError: naming the first.
    """
    for name in reading.ignored:
        _check_column(name, names, "--ignore-columns", source)
        if name in (*reading.targets, reading.group_column, reading.image_column):
            raise ZooError(f"--ignore-columns leaves out {name!r}, which another option names", "leave it in")


def _targets(names: list[str], reading: Reading, source: str) -> tuple[str, ...]:
    targets = reading.targets
    if not targets:
        more = f" and {len(names) - 40} more" if len(names) > 40 else ""
        raise ZooError(
            f"{source} is a table, and --target is missing: which column holds the labels? It has"
            f" {', '.join(names[:40])}{more}",
            f"perhaps --target {_quoted(names[-1])}",
        )
    for target in targets:
        _check_column(target, names, "--target", source)
    if len(set(targets)) != len(targets):
        raise ZooError(f"--target names a column twice: {reading.target}", "name each once")
    if reading.group_column in targets:
        raise ZooError(f"--group-column {reading.group_column} is a target, too", "groups are no labels")
    return targets


def _check_column(name: str, names: Sequence[str], option: str, source: str) -> None:
    if name not in names:
        raise ZooError(f"{source} has no column {name!r} ({option})", near(name, names))


def _quoted(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


def _is_split(column: pa.ChunkedArray) -> bool:
    """Tell whether a column says which split each row is of."""
    column = plain(column)
    return bool(pa.types.is_string(column.type) and not column.null_count) and PARTS.keys() >= set(
        pc.unique(column).to_pylist()
    )
