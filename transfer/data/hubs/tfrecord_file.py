"""The records of a TFRecord file, each with its place in the file.

Layout: a record is its length (uint64), that length's masked CRC-32C (uint32), the bytes, and their masked CRC-32C:
TensorFlow's `tensorflow/core/lib/io/record_writer.h`. TensorFlow checks both sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN, mistaken

HEAD, TAIL = 12, 4  # bytes before and after a record's
PACKED = b"\x1f\x8b"


def records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield where each record's bytes begin, and the bytes.

    Raises:
        ZooError: the file ends within a record, or one is damaged: it is named by its number, from 0 on.
    """
    import tensorflow as tf

    _check(path)
    at, number = 0, 0
    reader = iter(tf.data.TFRecordDataset(str(path), buffer_size=2**20))
    while True:
        try:
            record = next(reader).numpy()
        except StopIteration:
            break
        except tf.errors.OpError as error:
            raise _damaged(path, number) from error
        yield at + HEAD, record
        at += HEAD + len(record) + TAIL
        number += 1
    if at != path.stat().st_size:
        raise _damaged(path, number)


def _check(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(PACKED):
        raise ZooError(f"{path} is packed by gzip; its records cannot be read one by one", f"gunzip -S '' {path}")
    what = mistaken(head) if head else None
    if what is not None:
        raise ZooError(f"{path} is {what[0]}; expected TFRecord", what[1])


def _damaged(path: Path, number: int) -> ZooError:
    return ZooError(f"{path}, record {number}: the file ends within it, or it is damaged (by its checksum)", AGAIN)
