"""The feature cache: a trunk's outputs, sample by sample, in HDF5 (see `transfer.cache_files`).

Features are found by the content of each sample, so two labellings or two splits of the same samples share them, and
of data of which one sample changed only that one is extracted again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from registry.card import LayerInfo
from registry.errors import ZooError
from registry.home import make_folder
from registry.watch import Watch, silent
from transfer.backbone import describe, joined, layer_of
from transfer.cache_files import FORMAT, SAMPLES, VERSION, Shards, name_of, read, shards_in
from transfer.data.dataset import Array
from transfer.data.records import Digests, Rows
from transfer.extract import forward
from transfer.features import Cached, Features, Inputs
from transfer.feeding import Feed
from transfer.split import Trunk

# A layer's config says more than what it computes when frozen: these say how it would start or train.
UNUSED = ("trainable", "seed", "name")


@dataclass(frozen=True)
class Key:
    """All that a sample's features depend on beside its own content, each part as text."""

    trunk: str
    cut: str
    preparation: str
    dtype: str = "float32"

    @property
    def digest(self) -> str:
        """The sha256 over all parts and the format's version, in hex."""
        text = json.dumps([FORMAT, VERSION, *vars(self).items()])
        return hashlib.sha256(text.encode()).hexdigest()


def key_of(model: Any, below: Collection[str], halves: Trunk, preparation: str) -> Key:
    """Make the key of a trunk's features.

    Args:
        model: the whole model.
        below: the scopes of the trunk's layers.
        halves: the model cut above them.
        preparation: what turned the samples into the model's input.
    """
    return Key(trunk_digest(model, below), " ".join(halves.cut), preparation)


def trunk_digest(model: Any, below: Collection[str]) -> str:
    """Return the sha256 over the structure and the weights of the layers below a cut."""
    digest = hashlib.sha256()
    for info in describe(model):
        if info.name in below:
            layer = layer_of(model, info.name)
            digest.update(_structure(info, layer).encode())
            for weight in layer.get_weights() if info.parameters else ():
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
    """A folder of feature files, a folder a key."""

    def __init__(self, root: Path) -> None:
        self.root = root

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
            ZooError: the cache cannot be written, a file there is broken, or a sample is.
        """
        start = time.perf_counter()
        extracted = self.fill([(key, halves)], inputs, stage=stage, watch=watch)
        folder = self.path(key)
        shards, size = _shards(folder), sum(path.stat().st_size for path in shards_in(folder))
        found = {name: Features(shards.take(split.feed.digests), split.labels) for name, split in inputs.items()}
        return Cached(found, key.digest, extracted, size, time.perf_counter() - start)

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
        for name, split in inputs.items():
            missing = [_missing(self.path(key), split.feed) for key, _ in wanted]
            rows = np.unique(np.concatenate(missing))
            if len(rows):
                lacking = [(*want, absent) for want, absent in zip(wanted, missing, strict=True) if len(absent)]
                self._extract(lacking, split.feed, rows, f"{stage}, {name}", watch)
                extracted += len(rows)
        return extracted

    def _extract(
        self, lacking: Sequence[tuple[Key, Trunk, Rows]], feed: Feed, rows: Rows, stage: str, watch: Watch
    ) -> None:
        ends = [tensor for _, part, _ in lacking for tensor in part.trunk.outputs]
        model, done = joined(lacking[0][1].trunk.inputs, ends), 0
        with ExitStack() as files:
            shards = [
                _Shard(files.enter_context(self._new_file(key, feed.digests[absent])), part.cut, absent)
                for key, part, absent in lacking
            ]
            for arrays in forward(model, feed, rows, stage=stage, watch=watch):
                chosen, left = rows[done : done + len(arrays[0])], list(arrays)
                for shard in shards:
                    shard.append(chosen, [left.pop(0) for _ in shard.cut])
                done += len(chosen)

    @contextmanager
    def _new_file(self, key: Key, samples: Digests) -> Iterator[h5py.File]:
        target = self.path(key) / name_of(samples)
        make_folder(target.parent)
        temporary: Path | None = None
        try:
            handle, name = tempfile.mkstemp(prefix="tmp-", dir=target.parent)
            os.close(handle)
            temporary = Path(name)
            with h5py.File(temporary, "w", libver="latest") as file:
                file.attrs.update({"format": FORMAT, "version": VERSION, "key": key.digest, **vars(key)})
                file[SAMPLES] = samples
                yield file
            temporary.replace(target)
        except (OSError, RuntimeError) as error:  # h5py's close raises the second on a full disk
            code = getattr(error, "errno", None)
            raise ZooError(
                f"cannot write the feature cache {target}: {os.strerror(code) if code else error}",
                "free some space, or set ZOO_HOME to a folder that you can write to",
            ) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)


def _shards(folder: Path) -> Shards:
    return Shards([read(path) for path in shards_in(folder)])


def _missing(folder: Path, feed: Feed) -> Rows:
    """Return the rows of a feed that are in none of a folder's files, each sample once."""
    return np.array(sorted(_shards(folder).missing(feed.digests).values()), np.int64)


class _Shard:
    """A file that is being written: the features of some rows of a feed at one cut."""

    def __init__(self, file: h5py.File, cut: Sequence[str], rows: Rows) -> None:
        self.cut = cut
        self._file, self._rows, self._done = file, rows, 0

    def append(self, rows: Rows, arrays: Sequence[Array]) -> None:
        """Write what came out for some rows, as far as they are wanted here."""
        here = np.isin(rows, self._rows, assume_unique=True)
        count = int(here.sum())
        for number, (array, scope) in enumerate(zip(arrays, self.cut, strict=True)):
            if str(number) not in self._file:
                self._file.create_dataset(str(number), (len(self._rows), *array.shape[1:]), array.dtype)
                self._file[str(number)].attrs["scope"] = scope
            self._file[str(number)][self._done : self._done + count] = array if count == len(rows) else array[here]
        self._done += count
