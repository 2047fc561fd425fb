"""What a pickle says, as inert values: nothing that it names is looked up, and nothing that it calls is called.

Plain values are themselves: None, bool, int, float, str, bytes, list, tuple, dict. The rest are the classes below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAPPINGS = {
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict", "__builtin__.dict",
}  # fmt: skip
FACTORIES = {f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("list", "int", "float", "dict")}
PLAIN = MAPPINGS | FACTORIES  # of the latter only the names are taken: `defaultdict(list)`


@dataclass(frozen=True)
class Symbol:
    """The name of a class or function, as text."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, repr=False)
class Call:
    """A call that the pickle asks for and that nobody makes.

    Attributes:
        function: what it would call.
        arguments: with what.
        state: what it would set on the result afterwards.
    """

    function: Symbol
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True, eq=False, repr=False)
class Persistent:
    """A reference to something outside the pickle: a tensor's storage."""

    id: Any


@dataclass(frozen=True)
class Span:
    """A long string that stays in the file.

    Attributes:
        offset, size: where it lies in what the pickle was read from.
        encoding: of its text: `utf-8`, `escape` for the text form of Python 2; empty for bytes.
    """

    offset: int
    size: int
    encoding: str = ""
