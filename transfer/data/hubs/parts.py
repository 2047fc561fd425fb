"""The names that hubs give to splits, as ours. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from registry.errors import ZooError
from transfer.data.arrays.keys import ALL, PARTS


def parts_of(splits: Iterable[str], where: str) -> dict[str, str]:
    """Return the hub's name of each of our splits; a single split is `all`. Others are left out: `unused` names them.

    Raises:
        ZooError: there are several and none of them is known, or two of them are the same.

    >>> parts_of(["test", "train", "extra"], "svhn")
    {'test': 'test', 'train': 'train'}
    >>> parts_of(["train"], "iris"), parts_of(["full"], "iris")
    ({'all': 'train'}, {'all': 'full'})
    """
    names = list(splits)
    if len(names) == 1:
        return {ALL: names[0]}
    known: dict[str, str] = {}
    for name in names:
        part = PARTS.get(name.lower())
        if part in known:
            raise ZooError(f"{where} has two splits for {part}: {known[part]} and {name}")
        if part is not None:
            known[part] = name
    if "train" not in known and "test" not in known:
        raise ZooError(f"{where} has the splits {', '.join(names) or 'none'}; expected train, validation, test")
    return known


def unused(splits: Iterable[str], parts: Mapping[str, str], where: str) -> tuple[str, ...]:
    """Say which of the hub's splits are not used; nothing where all are.

    >>> unused(["train", "test", "extra"], {"train": "train", "test": "test"}, "svhn")
    ('svhn: the split extra is not used: it is neither training, validation nor test',)
    """
    left = [name for name in splits if name not in parts.values()]
    return tuple(f"{where}: the split {name} is not used: it is neither training, validation nor test" for name in left)
