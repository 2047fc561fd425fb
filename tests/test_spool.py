"""Bytes in a nameless file."""

from __future__ import annotations

import gc

import numpy as np

from transfer.data.hubs.spool import Spool


def test_its_file_goes_with_it_and_what_is_mapped_stays() -> None:
    spool = Spool()
    for number in range(3):
        spool.add(np.full(2, number, np.int16).tobytes())
    rows = spool.done().rows((2,), np.dtype(np.int16))
    assert spool[1] == b"\1\0\1\0" and spool[1:] == [b"\1\0\1\0", b"\2\0\2\0"]
    file = spool._file
    assert not file.closed
    del spool
    gc.collect()
    assert file.closed and rows.tolist() == [[0, 0], [1, 1], [2, 2]]
