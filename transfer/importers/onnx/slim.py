"""An ONNX file without its large weights, which stay in the file until they are asked for. Pure.

Parsed messages keep their bytes until the last of them is gone, so a file's weights would be held twice.
"""

from __future__ import annotations

from typing import Any

from transfer.files.wire import LEN, VARINT, Walk, encoded

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9  # of Model, Graph and Tensor
PLACE, LENGTH = 1000, 1001  # fields of our own in Tensor (`messages.py`)
LEAST = 1 << 16  # bytes of what is left out


def slim(data: Any) -> bytes:
    """Return a serialised `Model` in which initializers say where in `data` their numbers lie.

    Raises:
        DamagedError: it is no message.
    """
    return bytes(_rewritten(Walk(data), 0, len(data), (GRAPH, INITIALIZER)))


def _rewritten(walk: Walk, start: int, stop: int, inner: tuple[int, ...]) -> bytearray:
    """Return a message whose field `inner[0]` is rewritten likewise; where that is empty, a tensor."""
    made = bytearray()
    for field in walk.fields(start, stop):
        size = field.stop - field.start
        if inner and (field.number, field.wire) == (inner[0], LEN):
            found = _rewritten(walk, field.start, field.stop, inner[1:])
            made += encoded(field.number << 3 | LEN) + encoded(len(found)) + found
        elif not inner and (field.number, field.wire) == (RAW_DATA, LEN) and size >= LEAST:
            made += encoded(PLACE << 3 | VARINT) + encoded(field.start) + encoded(LENGTH << 3 | VARINT) + encoded(size)
        else:
            made += walk.data[field.begin : field.stop]
    return made
