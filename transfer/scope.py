"""Scopes: the paths that name layers, and the regexes that select them.

A scope is the path that the original program gave a layer: `hidden1`, `block2/conv1`. Keras forbids `/` in
a layer's name, so a layer carries its scope with `>` in its place (`block2>conv1`): a character that Keras and
TensorFlow accept in names and that no TensorFlow 1 scope can contain, so the way back is exact.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, count

from registry.errors import ZooError, near


def layer_name(scope: str) -> str:
    """Return the Keras layer name that carries `scope`; the inverse of `scope_of`.

    >>> layer_name("block2/conv1")
    'block2>conv1'
    """
    return scope.replace("/", ">")


def scope_of(name: str) -> str:
    """Return the scope that a Keras layer's name carries; the inverse of `layer_name`.

    >>> scope_of("block2>conv1")
    'block2/conv1'
    """
    return name.replace(">", "/")


def unused(wanted: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the one that is wanted, or that with the lowest number behind it.

    >>> unused("top", {"top", "top_1"})
    'top_2'
    """
    candidates = chain([wanted], (f"{wanted}_{number}" for number in count(1)))
    return next(name for name in candidates if name not in taken)


def prefixes(scope: str) -> list[str]:
    """List a path's leading segments, the whole path last.

    >>> prefixes("block2/conv1/kernel")
    ['block2', 'block2/conv1', 'block2/conv1/kernel']
    """
    parts = scope.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a scope regex.

    Raises:
        ZooError: the regex is invalid; the message shows where.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ZooError(
            f"the regex {pattern!r} is invalid: {error.msg}{where}",
            "quote it for the shell, and escape literal brackets: 'hidden[123]'",
        ) from error


def matches(pattern: re.Pattern[str], scope: str) -> bool:
    """Tell whether the regex matches the whole path or any of its leading segments, whole.

    TensorFlow 1's `get_collection(scope=...)` matches prefixes of text, so that its `hidden1` also takes
    `hidden10`. This does not.

    >>> matches(re.compile("hidden1"), "hidden10"), matches(re.compile("hidden1"), "hidden1/kernel")
    (False, True)
    """
    return any(pattern.fullmatch(prefix) for prefix in prefixes(scope))


def select(pattern: str, scopes: Sequence[str]) -> tuple[str, ...]:
    """Return those of `scopes` that the regex selects, in their order.

    >>> select("hidden[34]|outputs", ["hidden1", "hidden3", "hidden4", "outputs"])
    ('hidden3', 'hidden4', 'outputs')

    Raises:
        ZooError: the regex is invalid, or selects nothing; the hint lists near names.
    """
    regex = compiled(pattern)
    chosen = tuple(scope for scope in scopes if matches(regex, scope))
    if not chosen:
        raise ZooError(f"the regex {pattern!r} selects no layer", near(pattern, paths(scopes)))
    return chosen


def paths(scopes: Iterable[str]) -> list[str]:
    """List every path that a regex could match, once each, in order of appearance."""
    return list(dict.fromkeys(prefix for scope in scopes for prefix in prefixes(scope)))
