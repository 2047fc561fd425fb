"""From nested dictionaries and lists of arrays to names: `features.0.weight`, `conv1/kernel`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.weights.readers.pickle_tree import Call
from transfer.weights.readers.stored import Stored

DEEPEST = 64
JIT = "torch.jit._pickle"  # TorchScript wraps lists in calls of its functions
LONGEST_NAME = 1024
MOST_ARRAYS = 100_000
MOST_VISITS = 2_000_000
Leaf = Callable[[Call], Stored | None]
INNER = (dict, list, tuple, Call)


class Names:
    """Walks a tree and names its arrays by their paths.

    Args:
        leaf: returns the array that a call makes, or None where it makes none.
        joint: what stands between the parts of a path, `.` or `/`.
        where: the file, as an error calls it.
    """

    def __init__(self, leaf: Leaf, joint: str, where: str) -> None:
        self._leaf, self._joint, self._where = leaf, joint, where
        self._left = MOST_VISITS
        self._arrays: dict[int, Stored | None] = {}
        self._barren: set[int] = set()  # what holds no arrays and need not be looked at again

    def flat(self, tree: Any) -> dict[str, Stored]:
        """Return the arrays of a tree by name, in its order.

        Raises:
            ZooError: it is nested too deep, holds itself, too many objects, or two arrays of one name.
        """
        found: dict[str, Stored] = {}
        self._walk(tree, "", 0, found)
        return found

    def _walk(self, node: Any, path: str, depth: int, found: dict[str, Stored]) -> None:
        if depth > DEEPEST:
            raise self._refusal(f"more than {DEEPEST} levels of dictionaries and lists, or one that holds itself")
        stored = self._array(node) if isinstance(node, Call) else None
        if stored is not None:
            self._add(path, stored, found)
        elif id(node) not in self._barren:
            self._inside(node, path, depth, found)

    def _inside(self, node: Any, path: str, depth: int, found: dict[str, Stored]) -> None:
        before = len(found)
        for key, child in self._children(node):
            name = f"{path}{self._joint}{_text(key)}" if path else _text(key)
            if len(name) > LONGEST_NAME:
                raise self._refusal(f"a name of more than {LONGEST_NAME} characters")
            self._walk(child, name, depth + 1, found)
        if len(found) == before and depth:  # the tree itself may be a passing one, and its id another's soon
            self._barren.add(id(node))

    def _array(self, call: Call) -> Stored | None:
        if id(call) not in self._arrays:
            self._arrays[id(call)] = self._leaf(call)
        return self._arrays[id(call)]

    def _children(self, node: Any) -> list[tuple[Any, Any]]:
        """Return what a dictionary, a list, or an object by its attributes holds and may hold arrays."""
        if isinstance(node, Call):
            node = node.arguments[:1] if node.function.module == JIT else node.state
            node = node[0] if isinstance(node, tuple) and len(node) == 1 else node
        if not isinstance(node, dict | list | tuple):
            return []
        self._left -= len(node)
        if self._left < 0:
            raise self._refusal(f"more than {MOST_VISITS} objects, the same ones over and over")
        items = node.items() if isinstance(node, dict) else enumerate(node)
        return [(key, child) for key, child in items if isinstance(child, INNER)]

    def _add(self, name: str, stored: Stored, found: dict[str, Stored]) -> None:
        if name in found:
            raise self._refusal(f"two arrays called {shown(name, 200)!r}")
        found[name] = stored
        if len(found) > MOST_ARRAYS:
            raise self._refusal(f"more than {MOST_ARRAYS} arrays")

    def _refusal(self, holds: str) -> ZooError:
        return ZooError(f"{self._where} holds {holds}; no file of weights does, it is not read")


def _text(key: Any) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)
