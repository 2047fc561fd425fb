"""The sha256 of each row of arrays. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from transfer.data.dataset import Array
from transfer.data.records import Digests


def row_digests(arrays: Mapping[str, Array]) -> Digests:
    """Return the sha256 of each row over its dtype, shape and bytes, `(n, 32) uint8`.

    Args:
        arrays: `(n, ...)` each, by the input's name, which counts, too; an only array has the empty name.

    >>> row_digests({"": np.zeros((2, 3), np.uint8)}).shape
    (2, 32)
    >>> bytes(row_digests({"": np.array([[1, 2]], np.uint8)})[0]) == hashlib.sha256(b" |u1 (2,)\\n\\1\\2").digest()
    True
    """
    parts = []
    for name, array in sorted(arrays.items()):
        head = f"{name} {array.dtype.str} {array.shape[1:]}\n".encode()
        parts.append((head, memoryview(array.tobytes()), array[:1].nbytes))
    count = len(next(iter(arrays.values())))
    digests = bytearray()
    for row in range(count):
        digest = hashlib.sha256()
        for head, raw, width in parts:
            digest.update(head)
            digest.update(raw[row * width : (row + 1) * width])
        digests += digest.digest()
    return np.frombuffer(bytes(digests), np.uint8).reshape(count, 32)
