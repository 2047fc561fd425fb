"""Which layer a weight of a TF.js model belongs to: by its name, as TF.js itself does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from registry.errors import ZooError

DEEPEST = 32  # parts of a path: the number of tries grows with their square


def owners(names: Iterable[str], scopes: Sequence[str], where: str) -> dict[str, list[str]]:
    """Share out weights among layers, in order.

    Args:
        names: the weights', `conv1/kernel`.
        scopes: the layers' that have weights; those of nested models are `outer/inner`, and their weights may be
            named `inner/kernel` or `outer/inner/kernel`.
        where: the model, as an error calls it.

    >>> owners(["a/kernel", "b/kernel"], ["a", "m/b"], "m.json")
    {'a': ['a/kernel'], 'm/b': ['b/kernel']}

    Raises:
        ZooError: two layers of different nested models have the same name, and the weights do not say which; or a path
            is too deep.
    """
    ends = _endings(scopes)
    shared: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/", DEEPEST + 1)
        if len(parts) > DEEPEST:
            raise ZooError(f"{where} is damaged: the weights {name[:80]} lie more than {DEEPEST} deep")
        found = next((ends[head] for head in _heads(parts) if head in ends), [name])
        if len(found) > 1:
            raise ZooError(f"{where}: the weights {name} may belong to {' or '.join(found[:5])}")
        shared.setdefault(found[0], []).append(name)
    return shared


def _heads(parts: Sequence[str]) -> Iterator[str]:
    """Yield what a weight's layer may be called: all of its path first, then what is left without its beginning."""
    for start in range(len(parts)):
        for count in range(len(parts) - 1, start, -1):
            yield "/".join(parts[start:count])


def _endings(scopes: Sequence[str]) -> Mapping[str, list[str]]:
    ends: dict[str, list[str]] = {}
    for scope in scopes:
        parts = scope.split("/")
        for start in range(max(0, len(parts) - DEEPEST), len(parts)):
            ends.setdefault("/".join(parts[start:]), []).append(scope)
    return {end: [end] if end in found else found for end, found in ends.items()}
