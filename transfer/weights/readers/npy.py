"""Where the numbers of a `.npy` file lie, in a file of its own or in an archive.

Layout: NumPy's `numpy/lib/format.py`, NEP 1.
"""

from __future__ import annotations

import io
import tokenize
from typing import Any

import numpy as np
from numpy.lib import format

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN
from transfer.files.shown import shown
from transfer.files.source import Part, Source
from transfer.weights.readers.stored import Stored, checked, column_major, row_major

NPY_MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 16384  # bytes; NumPy itself refuses more than 10000
HEADERS: dict[tuple[int, int], Any] = {(1, 0): format.read_array_header_1_0, (2, 0): format.read_array_header_2_0}
DAMAGE = (
    *(ValueError, TypeError, LookupError, SyntaxError, RecursionError, MemoryError, OverflowError),
    tokenize.TokenError,  # of NumPy's second try, for headers of Python 2
)
NUMBERS, TEXTS = "biufc", "SU"


def array_in(source: Source, where: str) -> Stored | None:
    """Return the array of a `.npy` file, or None where it holds texts.

    Args:
        source: the file's bytes.
        where: the file, as an error calls it.

    Raises:
        ZooError: it is damaged, or holds Python objects or records.
    """
    start = io.BytesIO(source.read(0, min(source.size, LONGEST_HEADER)))
    shape, fortran, dtype = _header(start, where)
    if dtype.hasobject:
        raise ZooError(
            f"{where} holds an array of Python objects; expected numbers",
            "objects are pickles, which can run code: save each array by itself with numpy.savez",
        )
    if dtype.kind in TEXTS:
        return None
    if dtype.kind not in NUMBERS:
        raise ZooError(f"{where} holds an array of the type {shown(dtype)}; expected numbers")
    numbers = Part(source, start.tell(), source.size - start.tell())
    strides = (column_major if fortran else row_major)(shape)
    native = dtype.newbyteorder("=")
    return checked(Stored(numbers, native, shape, strides, swapped=native != dtype), where)


def _header(start: io.BytesIO, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = format.read_magic(start)
        if version not in HEADERS:
            raise ValueError(f"it has the version {version}, which is for records")
        shape, fortran, dtype = HEADERS[version](start)
    except DAMAGE as error:
        reason = shown((str(error).splitlines() or ["?"])[0].partition(" on line")[0], 100)
        raise ZooError(f"{where} is no .npy file, or a damaged one: {reason}", AGAIN) from error
    if len(shape) > 32:
        raise ZooError(f"{where} holds an array of {len(shape)} axes; at most 32 are read")
    return shape, fortran, dtype
