"""One pass over some samples: a trunk's outputs, from an engine into the feature files of all cuts that lack them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from registry.watch import Watch
from transfer.behind import behind
from transfer.cache_writing import Writing
from transfer.data.records import Digests, Rows
from transfer.engines.extractor import Ready
from transfer.feeding import Feed


@dataclass(frozen=True)
class Lack:
    """What the files of one cut's key lack.

    Attributes:
        folder: of the key.
        parts: of the key by name, and the engine, as the files repeat them.
        scopes: what the cut's tensors are called.
        rows: the feed's, in ascending order.
        samples: their digests, `(n, 32) uint8`.
    """

    folder: Path
    parts: Mapping[str, str]
    scopes: tuple[str, ...]
    rows: Rows
    samples: Digests


@dataclass(frozen=True)
class Pass:
    """Samples that go through a trunk once, for all cuts that lack some of them.

    Attributes:
        trunk: from the inputs to the tensors of all cuts, in the cuts' order.
        ready: the trunk, with what runs it.
        feed: the trunk's inputs.
        lacks: a cut each.
        stage: what to call it.
    """

    trunk: Any
    ready: Ready
    feed: Feed
    lacks: tuple[Lack, ...]
    stage: str

    @cached_property
    def rows(self) -> Rows:
        """Those that any cut lacks, in ascending order."""
        return np.unique(np.concatenate([lack.rows for lack in self.lacks]))

    def run(self, watch: Watch) -> tuple[Path, ...]:
        """Extract, and write a file for each cut that lacks some samples; return these.

        Raises:
            ZooError: a file cannot be written, a sample is broken, or a feature is too large for the key's type.
        """
        rows, done = self.rows, 0
        with ExitStack() as files:
            writers = [files.enter_context(_writing(lack)) if len(lack.rows) else None for lack in self.lacks]
            thread = files.enter_context(behind())
            for arrays in self.ready.run(self.feed, rows, stage=self.stage, watch=watch):
                chosen, left = rows[done : done + len(arrays[0])], list(arrays)
                for writer, lack in zip(writers, self.lacks, strict=True):
                    given = [left.pop(0) for _ in lack.scopes]
                    if len(lack.rows) < len(rows):
                        here = np.isin(chosen, lack.rows, assume_unique=True)
                        given = [array[here] for array in given]
                    if writer is not None:
                        thread.do(partial(_append, writer, lack.folder, given))
                done += len(chosen)
        return tuple(writer.path for writer in writers if writer is not None and writer.path is not None)


@contextmanager
def _writing(lack: Lack) -> Iterator[Writing]:
    with _written_to(lack.folder):
        writer = Writing(lack.folder, lack.parts, lack.scopes, lack.samples)
    try:
        yield writer
        with _written_to(lack.folder):
            writer.finish()
    finally:
        writer.close()


def _append(writer: Writing, folder: Path, arrays: list[Any]) -> None:
    with _written_to(folder):
        writer.append(arrays)


@contextmanager
def _written_to(folder: Path) -> Iterator[None]:
    """Tell an error of what is done as one of writing features into a folder."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # h5py's close raises the second on a full disk
        code = getattr(error, "errno", None)
        raise ZooError(
            f"cannot write the feature cache {folder}: {os.strerror(code) if code else error}",
            "free some space (zoo cache prune --max 10GB), or set ZOO_HOME to a folder that you can write to",
        ) from error
