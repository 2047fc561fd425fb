"""The feature cache: a trunk's outputs, sample by sample, in HDF5 (see `transfer.cache_files`).

Features are found by the content of each sample, so two labellings or two splits of the same samples share them, and
of data of which one sample changed only that one is extracted again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from registry.card import LayerInfo
from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.backbone import describe, joined, layer_of
from transfer.behind import behind
from transfer.cache_dtypes import FLOAT32
from transfer.cache_files import FORMAT, VERSION
from transfer.cache_writing import Writing
from transfer.data.records import Digests, Rows
from transfer.engines.extractor import Extractor
from transfer.engines.table import AUTO
from transfer.features import Cached, Features, Inputs
from transfer.feeding import Feed
from transfer.shards import Shards, opened
from transfer.split import Trunk

# A layer's config says more than what it computes when frozen: these say how it would start or train.
UNUSED = ("trainable", "seed", "name")


@dataclass(frozen=True)
class Key:
    """All that a sample's features depend on beside its own content, each part as text."""

    trunk: str
    cut: str
    preparation: str
    dtype: str = FLOAT32

    @property
    def digest(self) -> str:
        """The sha256 over all parts and the format's version, in hex."""
        text = json.dumps([FORMAT, VERSION, *vars(self).items()])
        return hashlib.sha256(text.encode()).hexdigest()


def key_of(model: Any, below: Collection[str], halves: Trunk, preparation: str, dtype: str = FLOAT32) -> Key:
    """Make the key of a trunk's features.

    Args:
        model: the whole model.
        below: the scopes of the trunk's layers.
        halves: the model cut above them.
        preparation: what turned the samples into the model's input.
        dtype: what the features are stored as (`transfer.cache_dtypes`).
    """
    return Key(trunk_digest(model, below), " ".join(halves.cut), preparation, dtype)


def trunk_digest(model: Any, below: Collection[str]) -> str:
    """Return the sha256 over the structure and the weights of the layers below a cut."""
    digest = hashlib.sha256()
    for info in describe(model):
        if info.name in below:
            layer = layer_of(model, info.name)
            digest.update(_structure(info, layer).encode())
            for weight in map(np.asarray, layer.weights if info.parameters else ()):  # one copy at a time
                digest.update(f"{weight.dtype.str}{weight.shape}".encode())
                digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()


def _structure(info: LayerInfo, layer: Any) -> str:
    config = {
        name: value
        for name, value in layer.get_config().items()
        if name not in UNUSED and not name.endswith(("_initializer", "_regularizer", "_constraint"))
    }
    return json.dumps([info.name, info.type, info.inputs, config], sort_keys=True, default=repr)


class FeatureCache:
    """A folder of feature files, a folder a key.

    Attributes:
        root: the folder; what was chosen to extract with lies in its folder `engines`.
        backend: what extracts: a name of `transfer.engines.table`.
        dtype: what new keys are to store features as: a name of `transfer.cache_dtypes`.
        said: what a person should know of how it did, a line each.
    """

    def __init__(self, root: Path, backend: str = AUTO, dtype: str = FLOAT32) -> None:
        self.root, self.backend, self.dtype = root, backend, dtype
        self.said: tuple[str, ...] = ()

    def path(self, key: Key) -> Path:
        """Say where the features of a key lie or would lie."""
        return self.root / key.digest

    def features(
        self,
        key: Key,
        halves: Trunk,
        inputs: Mapping[str, Inputs],
        *,
        stage: str = "extract",
        watch: Watch = silent,
    ) -> Cached:
        """Return a trunk's features: those that lie in the cache from there, the others extracted into it first.

        Args:
            key: what they depend on, beside the samples.
            halves: the trunk, and what the cut's tensors are called.
            inputs: by split, the model's inputs and the labels.
            stage: what to call the extraction.
            watch: where to report it.

        Raises:
            ZooError: the cache cannot be written, a file there is broken, or a sample is; or a feature is too large
                for the key's type.
        """
        start, extracted = time.perf_counter(), 0
        while not _all_in(shards := opened(self.path(key)), inputs):  # again where another process prunes meanwhile
            del shards  # an unfinished file that is mapped here is locked, and could not be gone on with
            extracted += self.fill([(key, halves)], inputs, stage=stage, watch=watch)
        found = {name: Features(shards.take(split.feed.digests), split.labels) for name, split in inputs.items()}
        return Cached(found, key.digest, extracted, shards.bytes, time.perf_counter() - start)

    def holds(self, key: Key, inputs: Mapping[str, Inputs]) -> bool:
        """Tell whether all of a trunk's features are here."""
        return _all_in(opened(self.path(key)), inputs)

    def fill(
        self,
        wanted: Sequence[tuple[Key, Trunk]],
        inputs: Mapping[str, Inputs],
        *,
        stage: str = "extract",
        watch: Watch = silent,
    ) -> int:
        """Extract what of some cuts is not in the cache yet, in one pass over the samples for all of them.

        Args:
            wanted: each cut's key, and the model up to it; all are parts of one model.
            inputs, stage, watch: as `features` takes them.

        Returns:
            How many samples had to be extracted.

        Raises:
            ZooError: as `features`.
        """
        extracted = 0
        extractor = Extractor(self.backend, self.root / "engines", sum(map(len, inputs.values())))
        for name, split in inputs.items():
            missing = [(key, part, _missing(self.path(key), split.feed)) for key, part in wanted]
            lacking = [one for one in missing if len(one[2])]
            if lacking:
                extracted += self._extract(extractor, lacking, split.feed, f"{stage}, {name}", watch)
        self.said = tuple(dict.fromkeys([*self.said, *extractor.said]))
        return extracted

    def _extract(
        self, extractor: Extractor, lacking: Sequence[tuple[Key, Trunk, Rows]], feed: Feed, stage: str, watch: Watch
    ) -> int:
        ends = [tensor for _, part, _ in lacking for tensor in part.trunk.outputs]
        model, done = joined(lacking[0][1].trunk.inputs, ends), 0
        rows = np.unique(np.concatenate([absent for *_, absent in lacking]))
        ready = extractor.ready(model, feed, rows, [key.digest for key, *_ in lacking])
        with ExitStack() as files:
            writers = [
                (files.enter_context(self._writing(key, part, feed.digests[absent], str(ready))), absent)
                for key, part, absent in lacking
            ]
            thread = files.enter_context(behind())
            for arrays in ready.run(feed, rows, stage=stage, watch=watch):
                chosen, left = rows[done : done + len(arrays[0])], list(arrays)
                for writer, wanted in writers:
                    given = [left.pop(0) for _ in writer.scopes]
                    if len(wanted) < len(rows):
                        here = np.isin(chosen, wanted, assume_unique=True)
                        given = [array[here] for array in given]
                    thread.do(partial(writer.append, given))
                done += len(chosen)
        return len(rows)

    @contextmanager
    def _writing(self, key: Key, part: Trunk, samples: Digests, engine: str) -> Iterator[Writing]:
        writer = Writing(self.path(key), {**vars(key), "engine": engine}, part.cut, samples)
        try:
            yield writer
            writer.finish()
        except (OSError, RuntimeError) as error:  # h5py's close raises the second on a full disk
            code = getattr(error, "errno", None)
            raise ZooError(
                f"cannot write the feature cache {self.path(key)}: {os.strerror(code) if code else error}",
                "free some space (zoo cache prune --max 10GB), or set ZOO_HOME to a folder that you can write to",
            ) from error
        finally:
            writer.close()


def _all_in(shards: Shards, inputs: Mapping[str, Inputs]) -> bool:
    return all(shards.has(split.feed.digests) for split in inputs.values())


def _missing(folder: Path, feed: Feed) -> Rows:
    """Return the rows of a feed that are in none of a folder's files, each sample once."""
    return np.array(sorted(opened(folder).missing(feed.digests).values()), np.int64)
