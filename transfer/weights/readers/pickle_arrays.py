"""NumPy arrays in a pickle: what the calls that pickle an array mean, none of them called.

An array is `_reconstruct(ndarray, (0,), b"b")` with the state `(1, shape, dtype, is_fortran, bytes)`
(numpy/_core/src/multiarray/methods.c, `array_reduce`, `array_setstate`), or since protocol 5
`_frombuffer(bytes, dtype, shape, order)`; a dtype is `dtype("f4", False, True)` with the state `(3, "<", …)`.
"""

from __future__ import annotations

import codecs
import re
import warnings
from typing import Any

import ml_dtypes
import numpy as np

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.files.source import Held, Part, Source
from transfer.weights.readers.pickle_tree import Call, Span, Symbol
from transfer.weights.readers.stored import Stored, checked, column_major, row_major

HOMES = ("numpy.core", "numpy._core")  # before NumPy 2, and since
RECONSTRUCT = {f"{home}.multiarray._reconstruct" for home in HOMES}
SCALAR = {f"{home}.multiarray.scalar" for home in HOMES}
FROM_BUFFER = {f"{home}.numeric._frombuffer" for home in HOMES}
ENCODE, DTYPE, NDARRAY = "_codecs.encode", "numpy.dtype", "numpy.ndarray"
BFLOAT16 = "ml_dtypes.bfloat16"
BYTES = {"builtins.bytes", "__builtin__.bytes"}  # called with nothing, for no bytes
SYMBOLS = BYTES | RECONSTRUCT | SCALAR | FROM_BUFFER | {ENCODE, DTYPE, NDARRAY, BFLOAT16}
NUMBERS = re.compile(r"\?|b1|[iu][1248]|f[248]|c(8|16)")
TEXTS = re.compile(r"[SUa]\d+")


class Arrays:
    """Finds the arrays of one pickle.

    Args:
        whole: what the pickle was read from; its long strings lie there.
        where: the file, as an error calls it.
    """

    def __init__(self, whole: Source, where: str) -> None:
        self._whole, self._where = whole, where
        self._decoded: dict[Span, Held] = {}

    def array(self, call: Call) -> Stored | None:
        """Return the array or NumPy number that a call makes, or None where it makes neither, or texts.

        Raises:
            ZooError: it holds Python objects or records, or is damaged.
        """
        try:
            found = self._found(call)
        except (TypeError, ValueError, LookupError) as error:
            raise ZooError(f"{self._where} holds an array that is damaged: {shown(error, 100)}") from error
        return found and checked(found, self._where)

    def _found(self, call: Call) -> Stored | None:
        function = str(call.function)
        if function in RECONSTRUCT:
            *_, shape, dtype, fortran, content = call.state
            return self._stored(shape, dtype, content, "F" if fortran is True else "C")
        if function in FROM_BUFFER:
            content, dtype, shape, order = call.arguments
            return self._stored(shape, dtype, content, order)
        if function in SCALAR:
            dtype, content = call.arguments
            return self._stored((), dtype, content, "C")
        return None

    def _stored(self, shape: Any, dtype: Any, content: Any, order: Any) -> Stored | None:
        known = self._dtype(dtype)
        if known is None:
            return None
        if type(shape) is not tuple or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("its shape is no tuple of sizes")
        source = self._bytes(content)
        stored = Stored(source, known[0], shape, (column_major if order == "F" else row_major)(shape), 0, known[1])
        if source.size != stored.count * known[0].itemsize:
            raise ValueError(f"its shape {shown(shape)} {known[0]} does not fit its {source.size} bytes")
        return stored

    def _dtype(self, dtype: Any) -> tuple[np.dtype[Any], bool] | None:
        """Return a dtype and whether its bytes are in the other order; None for texts."""
        if not isinstance(dtype, Call) or str(dtype.function) != DTYPE:
            raise ValueError("its type is none of NumPy's")
        name, swapped = _name(dtype.arguments[0]), dtype.state is not None and dtype.state[1] == ">"
        if name == BFLOAT16:
            return np.dtype(ml_dtypes.bfloat16), swapped
        if TEXTS.fullmatch(name):
            return None
        if not NUMBERS.fullmatch(name):
            kind = "Python objects" if name.startswith("O") else f"the type {shown(name)}"
            raise ZooError(
                f"{self._where} holds an array of {kind}; expected numbers", "save the arrays with numpy.savez"
            )
        return np.dtype(name), swapped

    def _bytes(self, content: Any) -> Source:
        """Return the bytes of an array, which pickles of Python 2 and of old protocols hold as text."""
        if isinstance(content, Call) and str(content.function) == ENCODE and content.arguments[1:] == ("latin1",):
            content = content.arguments[0]
        if isinstance(content, Call) and str(content.function) in BYTES and not content.arguments:
            content = b""
        if isinstance(content, bytes):
            return Held(content)
        if isinstance(content, str):
            return Held(content.encode("latin-1"))
        if not isinstance(content, Span):
            raise ValueError("its numbers are no bytes")
        if not content.encoding:
            return Part(self._whole, content.offset, content.size)
        if content not in self._decoded:  # several arrays can share it
            self._decoded[content] = Held(_decoded(self._whole.read(content.offset, content.size), content.encoding))
        return self._decoded[content]


def _decoded(raw: bytes, encoding: str) -> bytes:
    if encoding == "utf-8":
        return raw.decode("utf-8").encode("latin-1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a backslash that begins no escape: it stays as it is
        return codecs.escape_decode(raw.strip()[1:-1])[0]


def _name(dtype: Any) -> str:
    if not isinstance(dtype, str | Symbol):
        raise ValueError("its type is none of NumPy's")
    return str(dtype)
