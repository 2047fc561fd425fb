"""The unpickler: what Python pickles comes back as it was, and what wants to run is named and refused."""

from __future__ import annotations

import collections
import io
import os
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weight_files import Ops, array, call, ops, pickled, symbol

from registry.errors import ZooError
from transfer.weights.readers.numpy_file import read
from transfer.weights.readers.pickle_tree import Symbol
from transfer.weights.readers.unpickler import Unpickler

NUMBERS = st.integers(2 - 2**61, 2**61 - 2)  # what larger ones leave, as keys, could be the same for all
KEYS = st.one_of(st.text(max_size=20), NUMBERS, st.booleans(), st.none(), st.binary(max_size=20))
LEAVES = st.one_of(KEYS, st.integers(), st.floats(allow_nan=False))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4), st.lists(inner, max_size=4).map(tuple)
    ),
)


def unpickled(content: bytes) -> Any:
    def none(symbol: Symbol) -> None:
        raise ZooError(f"it names {symbol}")

    return Unpickler(io.BytesIO(content), len(content), "w.pkl", none).read()


@given(TREES, st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_plain_values_come_back_as_python_reads_them(tree: Any, protocol: int) -> None:
    if protocol < 3 and "bytes" in str(_kinds(tree)):  # those protocols pickle bytes by a call
        return
    content = pickle.dumps(tree, protocol)
    assert unpickled(content) == pickle.loads(content)


def _kinds(tree: Any) -> set[str]:
    inner = [*tree, *tree.values()] if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else []
    return {type(tree).__name__}.union(*map(_kinds, inner))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "made",
    [
        lambda: np.arange(6, dtype=np.float32).reshape(2, 3),
        lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        lambda: np.arange(6, dtype=">f4").reshape(3, 2),
        lambda: np.array([True, False]),
        lambda: np.arange(2000, dtype=np.int16),
        lambda: np.array([1 + 2j], dtype=">c8"),
        lambda: np.zeros((0, 3), np.float16),
        lambda: np.array(3.0),
        lambda: np.float64(2.5),
    ],
)
def test_arrays_of_every_protocol(tmp_path: Path, made: Any, protocol: int) -> None:
    array = made()
    tree = {
        "conv1": [array, {"b": array}],
        (b"old" if protocol > 2 else "old"): (array,),
        3: collections.OrderedDict(w=array),
        "note": "text",
    }
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(tree, protocol))
    found = read(tmp_path / "w.pkl")
    assert list(found.shapes) == ["conv1/0", "conv1/1/b", "old/0", "3/w"]
    for name, shape in found.shapes.items():
        assert shape == np.shape(array)
        assert found.load(name).dtype == np.asarray(array).dtype.newbyteorder("=")
        np.testing.assert_array_equal(found.load(name), array)


def test_strings_of_python_2_hold_arrays(tmp_path: Path) -> None:
    content = np.arange(300, dtype=np.float32).tobytes()
    short = Ops(b"U" + bytes([24]) + content[:24])
    long = Ops(b"T" + len(content).to_bytes(4, "little") + content)
    text = Ops(b"S" + repr(content[:24])[1:].encode() + b"\n")
    tree = {"short": array(short), "long": array(long, (300,)), "text": array(text)}
    (tmp_path / "w.p").write_bytes(pickled(tree))
    found = read(tmp_path / "w.p")
    for name in tree:
        np.testing.assert_array_equal(found.load(name).ravel(), np.arange(300)[: found.load(name).size])


class Runs:
    """Pickles as a call of something."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def bomb(inside: Any, levels: int = 40) -> Ops:
    """Tuples of the same tuple twice, which would be 2**40 of them."""
    return Ops(ops((inside,)) + b"2\x86" * levels)


CASES: dict[str, tuple[Any, str]] = {
    "a call of os.system": (
        pickle.dumps({"w": Runs(os.system, "touch pwned")}),
        r"w\.pkl wants to run posix\.system, which is code; expected only arrays",
    ),
    "a call of eval": (pickle.dumps(Runs(eval, "1")), r"wants to run builtins\.eval, which is code"),
    "eval of Python 2": (pickled(call("__builtin__.eval", "1")), r"wants to run __builtin__\.eval"),
    "a name made on the stack": (
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",
        r"wants to run os\.system, which is code",
    ),
    "a dotted name": (
        b"\x80\x04\x8c\x05numpy\x8c\x0flib.os.system.x\x93.",
        r"wants to run numpy\.lib\.os\.system\.x, which is code",
    ),
    "a name that is no text": (b"\x80\x04K\x01\x8c\x06system\x93.", r"names something by what is no text"),
    "an instance": (b"(S'x'\nios\nsystem\n.", r"wants to run os\.system"),
    "an object": (b"(cos\nsystem\nS'x'\no.", r"wants to run os\.system"),
    "a call of what is no name": (b"\x80\x02X\x01\0\0\0aX\x01\0\0\0b\x85R.", r"calls a str, which is no name"),
    "a call of a call": (
        pickled(Ops(call("numpy.dtype", "f4") + b")R")),
        r"calls a call, which is no name; expected only arrays",
    ),
    "an attribute by getattr": (pickled(call("builtins.getattr", 1, "x")), r"wants to run builtins\.getattr"),
    "state of a list": (pickled(Ops(b"]}b")), r"sets the state of a list"),
    "items of a call": (
        pickled(Ops(call("numpy.dtype", "f4") + ops("a") + ops("b") + b"s")),
        r"sets items of a call, not of a dictionary",
    ),
    "items of a tuple": (pickled(Ops(b")K\1a")), r"appends to a tuple, not to a list"),
    "a subclass of dict": (pickle.dumps(collections.UserDict(a=1)), r"wants to run collections\.UserDict"),
    "an extension code": (b"\x80\x02\x82\x01.", r"uses the pickle opcode EXT1; expected only arrays"),
    "a set": (pickle.dumps({1, 2}, 4), r"uses the pickle opcode EMPTY_SET"),
    "a buffer from elsewhere": (b"\x80\x05\x97.", r"uses the pickle opcode NEXT_BUFFER"),
    "a deep tuple as a key": (
        pickled(Ops(b"}" + bomb("x") + b"K\1s")),
        r"holds a dictionary with a tuple as a key; expected only arrays",
    ),
    "a billion laughs": (pickled(bomb("x")), r"w\.pkl holds no arrays of numbers"),
    "a billion arrays": (
        pickled(bomb(array(bytes(24)))),
        r"holds more than 100000 arrays; no file of weights does, it is not read",
    ),
    "the same numbers over and over": (
        pickled(Ops(b"(" + ops([array(bytes(24)), *range(2000)]) + b"q\1" + b"h\1" * 3000 + b"t")),
        r"holds more than 2000000 objects, the same ones over and over",
    ),
    "a list that holds itself": (
        pickled(Ops(b"]q\0h\0a")),
        r"holds more than 64 levels of dictionaries and lists, or one that holds itself",
    ),
    "deep nesting": (pickled(Ops(b"]" * 5000 + b"a" * 4999)), r"holds more than 64 levels"),
    "a memo far away": (pickled(Ops(b"]r\xff\xff\xff\x7f")), r"w\.pkl holds no arrays of numbers"),
    "keys of one hash": (
        pickle.dumps({number * (2**61 - 1): None for number in range(60_000)}),
        r"w\.pkl holds a dictionary with a giant number as a key; expected only arrays",
    ),
    "memos of one hash": (
        b"]" + b"".join(b"p%d\n" % (number * (2**61 - 1)) for number in range(60_000)) + b".",
        r"is damaged, or no pickle, at byte \d+: there is no memo 2305843009213693951",
    ),
    "a negative memo": (b"]p-1\n.", r"is damaged, or no pickle, at byte \d+: there is no memo -1"),
    "a memo that is empty": (pickled(Ops(b"h\x07")), r"is damaged, or no pickle, at byte \d+: 7"),
    "too many opcodes": (b"\x80\x02" + b"N0" * 1_100_000 + b"N.", r"more than 1500000 pickle opcodes"),
    "a string beyond the end": (
        pickled(Ops(b"\x8d" + b"\xff" * 7 + b"\x7f")),
        r"declares a string of 9223372036854775807 bytes, and 1 are left",
    ),
    "a negative length": (pickled(Ops(b"T\xff\xff\xff\xff")), r"declares a string of -1 bytes"),
    "a giant number": (pickled(Ops(b"\x8b\0\1\0\0" + b"\1" * 256)), r"it holds a giant number"),
    "digits without end": (b"I" + b"9" * 5000 + b"\n.", r"is damaged, or no pickle"),
    "an empty file": (b"", r"w\.pkl is damaged, or no pickle, at byte 0: there is no such opcode, or the end"),
    "no pickle": (b"hello, world\n", r"is damaged, or no pickle, at byte"),
    "gzip": (b"\x1f\x8b\x08\0", r"w\.pkl is packed with gzip; expected \.npz, \.npy or a pickle of arrays"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", r"w\.pkl is an HDF5 file; expected \.npz"),
    "no arrays": (pickled({"a": 1}), r"w\.pkl holds no arrays of numbers; expected weights"),
    "an array of objects": (
        pickle.dumps(np.array([{}, None])),
        r"w\.pkl holds an array of Python objects; expected numbers",
    ),
    "records": (pickle.dumps(np.zeros(2, "i4,f4")), r"holds an array of the type V8; expected numbers"),
    "dates": (pickle.dumps(np.zeros(2, "M8[s]")), r"holds an array of the type M8; expected numbers"),
    "a shape that does not fit": (
        pickled(array(b"abcd", (2**40, 2**40))),
        r"damaged: its shape \[1099511627776, 1099511627776\] float32 does not fit its 4 bytes",
    ),
    "a negative shape": (pickled(array(b"abcd", (-1,))), r"damaged: its shape is no tuple of sizes"),
    "many axes": (pickled(array(b"abcd", (1,) * 40)), r"holds an array of 40 axes and 40 strides"),
    "an array of no bytes": (pickled(array([1], (1,))), r"damaged: its numbers are no bytes"),
    "an array without state": (
        pickled(call("numpy.core.multiarray._reconstruct", symbol("numpy.ndarray"), (0,), b"b")),
        r"holds an array that is damaged",
    ),
    "two of one name": (
        pickled({"a": {"b": array(bytes(24))}, "a/b": array(bytes(24))}),
        r"holds two arrays called 'a/b'",
    ),
    "a long key": (pickled({"n" * 1025: array(bytes(24))}), r"holds a dictionary with a span as a key"),
    "an endless name": (
        pickled({"n" * 600: {"n" * 600: array(bytes(24))}}),
        r"holds a name of more than 1024 characters; no file of weights does",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_hostile_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = CASES[case]
    (tmp_path / "w.pkl").write_bytes(content)
    start = time.monotonic()
    with pytest.raises(ZooError, match=message) as caught:
        read(tmp_path / "w.pkl")
    assert time.monotonic() - start < 10
    assert "w.pkl" in caught.value.message and "\n" not in caught.value.message
    assert not (tmp_path / "pwned").exists()
