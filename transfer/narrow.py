"""Floating-point numbers in 16 bits: rounded to the nearest, ties to even, and exactly back. Pure: NumPy.

float16 (IEEE 754) has 11 significant bits and ends at 65,504; bfloat16 has the range of float32 and 8 bits.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

from registry.errors import ZooError
from transfer.cache_dtypes import BFLOAT16, FLOAT16, FLOAT32
from transfer.data.dataset import Array

HALVES = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
ENDS = {FLOAT16: 65504.0, BFLOAT16: (2 - 2**-7) * 2.0**127}  # their largest numbers
WIDER = {FLOAT16: BFLOAT16, BFLOAT16: FLOAT32}


def narrowed(array: Array, dtype: str, scope: str) -> Array:
    """Round numbers to a type of `transfer.cache_dtypes`; whole numbers, and what is not wider, stay as they are.

    Args:
        array: infinite numbers and NaN in it stay such.
        dtype: the type's name.
        scope: what the features are called in an error.

    Raises:
        ZooError: a finite number would become infinite.
    """
    if dtype == FLOAT32 or array.dtype.kind != "f" or array.dtype.itemsize == np.dtype(dtype).itemsize:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.max(np.abs(array), initial=0, where=np.isfinite(array))
        if np.isinf(largest.astype(dtype)):
            raise ZooError(
                f"the features {scope} are as large as {largest:,.8g}; {dtype} ends at {ENDS[dtype]:,.8g}",
                f"store them in a type that holds them: --cache-dtype {WIDER[dtype]}",
            )
        return array.astype(dtype)


def widened(array: Array) -> Array:
    """Return numbers of 16 bits as float32, which is exact; others as they are.

    >>> widened(np.array([1, -0.5], np.float16)), widened(np.array([3], np.uint16))
    (array([ 1. , -0.5], dtype=float32), array([3], dtype=uint16))
    """
    return array.astype(np.float32) if array.dtype in HALVES else array
