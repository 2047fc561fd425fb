"""Read a pickle without running it: a machine of its own for the pickle opcodes, whose results are inert values.

Python's unpickler looks names up and calls what they name. This one keeps names as text and calls as `Call`, so there
is nothing to escape from; the readers of PyTorch and NumPy files say what the calls that they know mean. Each opcode
makes at most one object, so that the number of opcodes bounds memory and time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN
from transfer.files.shown import shown
from transfer.weights.readers.pickle_opcodes import Opcodes
from transfer.weights.readers.pickle_tree import MAPPINGS, Call, Persistent, Symbol

KEYS = (str, bytes, int, float, bool, type(None))
MOST_NUMBER = 2**61 - 1  # Python's hash of a number is what is left when divided by this: larger ones could collide
MOST_MEMO = 2**32
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "SHORT_BINUNICODE",
    "BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8",
}  # fmt: skip
DAMAGE = (ValueError, LookupError, struct.error, OverflowError, EOFError, TypeError)


class Unpickler:
    """Reads one pickle of a seekable file, which it leaves behind the pickle's end.

    Args:
        file: at the pickle's beginning.
        size: of the whole file in bytes.
        where: the file, as an error calls it.
        admit: raises a `ZooError` for names that no file of weights has.

    Attributes:
        persistent: the references to storages that the pickle holds, in its order.
    """

    def __init__(self, file: BinaryIO, size: int, where: str, admit: Callable[[Symbol], None]) -> None:
        self._opcodes, self._where, self._admit = Opcodes(file, size, where), where, admit
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.persistent: list[Persistent] = []

    def read(self) -> Any:
        """Return the pickled value.

        Raises:
            ZooError: it is damaged, holds too many opcodes, or something else than arrays.
        """
        try:
            for name, argument in self._opcodes:
                self._take(name, argument)
            return self._stack[-1]
        except DAMAGE as error:
            reason = shown(error, 100) or type(error).__name__
            raise ZooError(
                f"{self._where} is damaged, or no pickle, at byte {self._opcodes.position}: {reason}", AGAIN
            ) from error

    def _take(self, name: str, argument: Any) -> None:
        if name in VALUES:
            self._stack.append(argument)
        elif name in CONSTANTS:
            self._stack.append(CONSTANTS[name])
        elif name in STEPS:
            STEPS[name](self, argument)
        else:
            raise self._refusal(f"uses the pickle opcode {name}")

    def _refusal(self, does: str) -> ZooError:
        return ZooError(f"{self._where} {does}; expected only arrays, in dictionaries and lists")

    def mark(self) -> None:
        """Begin a group of values."""
        self._below.append(self._stack)
        self._stack = []

    def group(self) -> list[Any]:
        """Return the values above the last mark, and take them off."""
        items, self._stack = self._stack, self._below.pop()
        return items

    def pop(self) -> Any:
        """Take the last value off; of an empty group, the mark."""
        return self._stack.pop() if self._stack else self.group()

    def last(self, count: int) -> list[Any]:
        """Return the last values, and take them off."""
        if len(self._stack) < count:
            raise IndexError("it takes more values than there are")
        cut = len(self._stack) - count
        items, self._stack[cut:] = self._stack[cut:], []
        return items

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self._stack.append(value)

    def keep(self, index: int | None) -> None:
        """Keep the last value for later, under a number."""
        index = len(self._memo) if index is None else index
        if not 0 <= index < MOST_MEMO:
            raise ValueError(f"there is no memo {shown(index, 40)}")
        self._memo[index] = self._stack[-1]

    def recall(self, index: int) -> None:
        """Push a value that was kept."""
        self._stack.append(self._memo[index])

    def append(self, items: list[Any]) -> None:
        """Append to the list on the stack."""
        into = self._stack[-1]
        if type(into) is not list:
            raise self._refusal(f"appends to {_kind(into)}, not to a list")
        into.extend(items)

    def set(self, items: list[Any]) -> None:
        """Set items of the dictionary on the stack; keys and values in turns."""
        into = self._stack[-1]
        if type(into) is not dict:
            raise self._refusal(f"sets items of {_kind(into)}, not of a dictionary")
        self._fill(into, items)

    def dictionary(self, items: list[Any]) -> None:
        """Push a new dictionary; keys and values in turns."""
        self._stack.append(self._fill({}, items))

    def name(self, module: Any, name: Any) -> Symbol:
        """Return a name, if it is one that files of weights have."""
        if type(module) is not str or type(name) is not str:
            raise self._refusal("names something by what is no text")
        symbol = Symbol(module, name)
        self._admit(symbol)
        return symbol

    def call(self, function: Any, arguments: Any) -> None:
        """Push what stands for a call."""
        if not isinstance(function, Symbol) or type(arguments) is not tuple:
            raise self._refusal(f"calls {_kind(function)}, which is no name")
        mapping = str(function) in MAPPINGS
        self._stack.append(self._mapping(arguments) if mapping else Call(function, arguments))

    def build(self) -> None:
        """Set the state of the object on the stack; the attributes of a dictionary are no weights."""
        state = self._stack.pop()
        into = self._stack[-1]
        if isinstance(into, Call):
            into.state = state
        elif type(into) is not dict:
            raise self._refusal(f"sets the state of {_kind(into)}")

    def refer(self, id: Any) -> None:
        """Push a reference to a storage."""
        self.persistent.append(Persistent(id))
        self._stack.append(self.persistent[-1])

    def _mapping(self, arguments: tuple[Any, ...]) -> dict[Any, Any]:
        """Return what a class of dictionaries is made of: nothing, a dictionary or a list of pairs."""
        content = arguments[-1] if arguments else []
        if isinstance(content, Symbol):  # defaultdict(list)
            return {}
        if type(content) is dict:
            return content
        self._opcodes.spend(len(content))
        return self._fill({}, [part for pair in content for part in (pair[0], pair[1])])

    def _fill(self, into: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in KEYS:  # the hash of a deep tuple could take for ever
                raise self._refusal(f"holds a dictionary with {_kind(key)} as a key")
            if type(key) is int and abs(key) >= MOST_NUMBER:
                raise self._refusal("holds a dictionary with a giant number as a key")
            into[key] = value
        return into


def _kind(value: Any) -> str:
    return shown(value, 200) if isinstance(value, Symbol) else f"a {type(value).__name__.lower()}"


def _new_with_names(machine: Unpickler) -> None:
    if machine.pop():
        raise ValueError("an object is made by named arguments")
    machine.call(*machine.last(2))


def _object(machine: Unpickler) -> None:
    function, *arguments = machine.group()
    machine.call(function, tuple(arguments))


STEPS: dict[str, Callable[[Unpickler, Any], Any]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine.mark(),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.group(),
    "DUP": lambda machine, _: machine.push(machine._stack[-1]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.group())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.last(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.last(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.last(3))),
    "LIST": lambda machine, _: machine.push(machine.group()),
    "DICT": lambda machine, _: machine.dictionary(machine.group()),
    "APPEND": lambda machine, _: machine.append(machine.last(1)),
    "APPENDS": lambda machine, _: machine.append(machine.group()),
    "SETITEM": lambda machine, _: machine.set(machine.last(2)),
    "SETITEMS": lambda machine, _: machine.set(machine.group()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), lambda machine, index: machine.keep(index)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, index: machine.recall(index)),
    "GLOBAL": lambda machine, argument: machine.push(machine.name(*argument)),
    "STACK_GLOBAL": lambda machine, _: machine.push(machine.name(*machine.last(2))),
    "REDUCE": lambda machine, _: machine.call(*machine.last(2)),
    "NEWOBJ": lambda machine, _: machine.call(*machine.last(2)),
    "NEWOBJ_EX": lambda machine, _: _new_with_names(machine),
    "OBJ": lambda machine, _: _object(machine),
    "INST": lambda machine, argument: machine.call(machine.name(*argument), tuple(machine.group())),
    "BUILD": lambda machine, _: machine.build(),
    "PERSID": lambda machine, id: machine.refer(id),
    "BINPERSID": lambda machine, _: machine.refer(machine.pop()),
}
