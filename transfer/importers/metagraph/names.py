"""Scopes for the layers of an imported graph. Pure.

A layer with variables is named after their scope: `hidden1/kernel` names `hidden1`, even where its operation is
`dnn/hidden1/MatMul`. A layer without is named after its operation's scope, translated the same way, or after the
operation itself where others share that scope.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transfer.importers.metagraph.graph import scope
from transfer.importers.metagraph.view import Piece
from transfer.scope import scope_of

# Scopes that tf.layers opened inside a layer's own: they name how it works, not what it is.
INNER = re.compile(r"/(cond(_\d+)?|batchnorm|Tensordot|dropout)$")


@dataclass(frozen=True)
class Aliases:
    """From the scopes of operations to the scopes of the variables that they use."""

    known: dict[str, str]

    def __call__(self, name: str) -> str | None:
        """Return the variable scope that an operation belongs to, or None.

        >>> Aliases({"dnn/hidden1": "hidden1"})("dnn/hidden1/Elu")
        'hidden1'
        """
        path = scope(name)
        while path:
            if path in self.known:
                return self.known[path]
            path = scope(path)
        return None


def aliases(uses: Iterable[tuple[str, str]]) -> Aliases:
    """Learn aliases from pairs of an operation and the scope of its variables.

    >>> aliases([("model/bn_9/batchnorm/mul", "bn_9")]).known
    {'model/bn_9': 'bn_9'}
    """
    found = {}
    for operation, variables in uses:
        head = _head(scope(operation), variables)
        if variables and head:
            found[head] = variables
    return Aliases(found)


def _head(path: str, variables: str) -> str:
    """Return the part of a path that ends with the scope of the variables; empty where it is not in it."""
    parts, wanted = path.split("/"), variables.split("/")
    for end in range(len(parts), len(wanted) - 1, -1):
        if parts[end - len(wanted) : end] == wanted:
            return "/".join(parts[:end])
    return ""


def variable_scope(sources: Sequence[str]) -> str:
    """Return the scope that some variables share.

    >>> variable_scope(["hidden1/kernel", "hidden1/bias"])
    'hidden1'
    """
    parts = [scope(re.sub(r"/part_\d+$", "", name)).split("/") for name in sources]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)


def name_all(pieces: Sequence[Piece], known: Aliases, *reserved: str) -> list[str]:
    """Return a scope for each piece, all different.

    Args:
        pieces: the layers.
        known: the aliases.
        reserved: the inputs' names.
    """
    weighted = Counter(variable_scope(sources(piece)) for piece in pieces if piece.weights)
    others = Counter(path for piece in pieces if not piece.weights for path in _open(scope(piece.nodes[0])))
    held = {path for piece in pieces if piece.weights for path in _open(scope(piece.nodes[0]))}
    taken, names = {scope_of(name) for name in reserved}, list[str]()
    for piece in pieces:
        wanted = _weighted(piece, weighted) if piece.weights else _other(piece, known, others, held)
        names.append(_unique(wanted, taken))
        taken.add(names[-1])
    return names


def sources(piece: Piece) -> tuple[str, ...]:
    """Return the variables of a piece, in order."""
    return tuple(name for weight in piece.weights for name in weight.sources)


def _weighted(piece: Piece, weighted: Counter[str]) -> str:
    own = variable_scope(sources(piece))
    if own and weighted[own] == 1:
        return own
    return scope(piece.nodes[0]) if not own and scope(piece.nodes[0]) else sources(piece)[0]


def _other(piece: Piece, known: Aliases, others: Counter[str], held: set[str]) -> str:
    operation = piece.nodes[0]
    alias = known(operation)
    leaf = piece.leaf or operation.rpartition("/")[2]
    if alias is not None:
        return f"{alias}/{leaf}"
    path = _inner_removed(scope(operation))
    if path and others[path] == 1 and path not in held:
        return path
    return f"{path}/{leaf}" if piece.leaf and path else operation


def _inner_removed(path: str) -> str:
    while INNER.search(path):
        path = INNER.sub("", path)
    return path


def _open(path: str) -> list[str]:
    """Return a path and all that hold it."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _unique(wanted: str, taken: set[str]) -> str:
    wanted = scope_of(wanted)  # a name of TensorFlow may hold the `>` that stands for `/` in Keras
    number, name = 0, wanted
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name
