"""The feature cache: a trunk's outputs, sample by sample, in HDF5 (see `transfer.cache_files`).

Features are found by the content of each sample, so two labellings or two splits of the same samples share them, and
of data of which one sample changed only that one is extracted again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from registry.watch import Watch, silent
from transfer.backbone import joined
from transfer.cache_dtypes import FLOAT32
from transfer.cache_joined import rejoined
from transfer.cache_keys import Key
from transfer.cluster.cluster import Cluster
from transfer.data.records import Digests, Rows
from transfer.digest_index import Index
from transfer.engines.choice import Choice
from transfer.engines.extractor import Extractor
from transfer.engines.remembered import FOLDER
from transfer.engines.table import AUTO
from transfer.extracting import Lack, Pass
from transfer.features import Cached, Features, Inputs
from transfer.feeding import Feed
from transfer.shards import opened
from transfer.split import Trunk

if TYPE_CHECKING:
    from transfer.shared_shards import SharedShards


class FeatureCache:
    """A folder of feature files, a folder a key.

    Attributes:
        root: the folder; what was chosen to extract with lies in its folder `engines`.
        backend: what extracts: a name of `transfer.engines.table`.
        dtype: what new keys are to store features as: a name of `transfer.cache_dtypes`.
        cluster: whose workers extract; None for this process.
        shared: where machines share their files; None where they do not.
        chosen: what runs trunks that are all parts of a model that it was chosen for; None chooses for each.
        said: what a person should know of how it did, a line each.
    """

    def __init__(
        self,
        root: Path,
        backend: str = AUTO,
        dtype: str = FLOAT32,
        cluster: Cluster | None = None,
        shared: SharedShards | None = None,
    ) -> None:
        self.root, self.backend, self.dtype, self.cluster, self.shared = root, backend, dtype, cluster, shared
        self.chosen: Choice | None = None
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
        while True:  # again where another process prunes meanwhile
            shards = opened(self.path(key))
            places = {name: shards.find(split.feed.digests) for name, split in inputs.items()}
            if all((rows >= 0).all() for rows in places.values()):
                break
            del shards  # an unfinished file that is mapped here is locked, and could not be gone on with
            extracted += self.fill([(key, halves)], inputs, stage=stage, watch=watch)
        found = {name: Features(shards.at(places[name]), split.labels) for name, split in inputs.items()}
        return Cached(found, key.digest, extracted, shards.bytes, time.perf_counter() - start)

    def holds(self, key: Key, inputs: Mapping[str, Inputs]) -> bool:
        """Tell whether all of a trunk's features are here."""
        shards = opened(self.path(key))
        return all(shards.has(split.feed.digests) for split in inputs.values())

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
            ZooError: as `features`; or the cluster cannot be used, or loses its workers.
        """
        folders = [self.path(key) for key, _ in wanted]
        if self.shared is not None:
            self.shared.fetch({folder: _lacking(folder, inputs) for folder in folders}, watch)
        total = sum(map(len, inputs.values()))
        extractor = Extractor(self.backend, self.root / FOLDER, total, known=self.chosen)
        extracted = self._run(self._passes(extractor, wanted, inputs, stage), watch)
        if self.shared is not None:
            self.shared.share(folders, watch)
        for folder in folders:
            rejoined(folder, anew=self.cluster is not None)
        self.said = tuple(dict.fromkeys([*self.said, *extractor.said]))
        return extracted

    def _run(self, passes: Iterator[Pass], watch: Watch) -> int:
        """Carry passes out, each as soon as it is known; a cluster all of them together. Return how many samples."""
        if self.cluster is not None:
            from transfer.cluster.extracting import extract

            return extract(self.cluster, list(passes), self.root, self.shared, watch)
        extracted = 0
        for one in passes:
            one.run(watch)
            extracted += len(one.rows)
        return extracted

    def _passes(
        self, extractor: Extractor, wanted: Sequence[tuple[Key, Trunk]], inputs: Mapping[str, Inputs], stage: str
    ) -> Iterator[Pass]:
        """Find what is missing of each split, and make the trunk ready for it.

        A sample that an earlier split has as well is left to that one, of which it will be there, or is already.
        """
        earlier = list[Index]()
        for name, split in inputs.items():
            feed = split.feed
            absent = [(key, part, opened(self.path(key)).missing(feed.digests)) for key, part in wanted]
            lacking = [(key, part, left) for key, part, rows in absent if len(left := _unasked(rows, feed, earlier))]
            earlier.append(Index(feed.digests))
            if not lacking:
                continue
            ends = [tensor for _, part, _ in lacking for tensor in part.trunk.outputs]
            trunk = joined(lacking[0][1].trunk.inputs, ends)
            rows = np.unique(np.concatenate([missing for *_, missing in lacking]))
            ready = extractor.ready(trunk, feed, rows, [key.digest for key, *_ in lacking])
            lacks = tuple(
                Lack(self.path(key), {**vars(key), "engine": str(ready)}, part.cut, missing, feed.digests[missing])
                for key, part, missing in lacking
            )
            yield Pass(trunk, ready, feed, lacks, f"{stage}, {name}")


def _lacking(folder: Path, inputs: Mapping[str, Inputs]) -> Digests:
    """Return the digests of the samples that a key's files here lack."""
    shards = opened(folder)
    return np.concatenate([split.feed.digests[shards.missing(split.feed.digests)] for split in inputs.values()])


def _unasked(rows: Rows, feed: Feed, earlier: Sequence[Index]) -> Rows:
    for index in earlier:
        rows = rows[index.find(feed.digests[rows]) < 0]
    return rows
