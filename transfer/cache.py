"""The feature cache: a trunk's outputs for a data set, in one HDF5 file a key (see `transfer.cache_files`)."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from registry.card import LayerInfo, Preprocessing
from registry.errors import ZooError
from registry.home import make_folder
from registry.watch import Watch, silent
from transfer.backbone import describe, layer_of
from transfer.cache_files import FORMAT, SUFFIX, VERSION, read
from transfer.extract import forward
from transfer.features import Cached, Features
from transfer.split import Halves

# A layer's config says more than what it computes when frozen: these say how it would start or train.
UNUSED = ("trainable", "seed", "name")


@dataclass(frozen=True)
class Key:
    """All that features depend on, each part as text."""

    trunk: str
    cut: str
    preprocessing: str
    data: str
    dtype: str = "float32"
    views: str = "1"

    @property
    def digest(self) -> str:
        """The sha256 over all parts and the format's version, in hex."""
        text = json.dumps([FORMAT, VERSION, *vars(self).items()])
        return hashlib.sha256(text.encode()).hexdigest()


def key_of(
    model: Any, below: Collection[str], halves: Halves, preprocessing: Preprocessing | None, fingerprint: str
) -> Key:
    """Make the key of a trunk's features.

    Args:
        model: the whole model.
        below: the scopes of the trunk's layers.
        halves: the model cut above them.
        preprocessing: what turned the data into the model's input.
        fingerprint: of the data set's content.
    """
    return Key(trunk_digest(model, below), " ".join(halves.cut), repr(preprocessing), fingerprint)


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
    """A folder of feature files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: Key) -> Path:
        """Say where the features of a key lie or would lie."""
        return self.root / f"{key.digest}{SUFFIX}"

    def features(
        self,
        key: Key,
        halves: Halves,
        splits: dict[str, Features],
        *,
        stage: str = "extract",
        watch: Watch = silent,
    ) -> Cached:
        """Return a trunk's features: from the cache where they lie there, else extracted into it.

        Args:
            key: what they depend on.
            halves: the trunk, and what the cut's tensors are called.
            splits: by name, the model's inputs and the labels.
            stage: what to call the extraction.
            watch: where to report it.

        Raises:
            ZooError: the cache cannot be written, or the file there is broken.
        """
        path, start = self.path(key), time.perf_counter()
        hit = path.exists()
        if not hit:
            with self._new_file(path) as file:
                _write_key(file, key)
                for name, split in splits.items():
                    _write_split(file.create_group(name), halves, split, f"{stage}, {name}", watch)
        cached = Cached(read(path), key.digest, hit, path.stat().st_size)
        return replace(cached, seconds=time.perf_counter() - start)

    @contextmanager
    def _new_file(self, target: Path) -> Iterator[h5py.File]:
        make_folder(self.root)
        temporary: Path | None = None
        try:
            handle, name = tempfile.mkstemp(prefix="tmp-", dir=self.root)
            os.close(handle)
            temporary = Path(name)
            with h5py.File(temporary, "w", libver="latest") as file:
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


def _write_key(file: h5py.File, key: Key) -> None:
    file.attrs.update({"format": FORMAT, "version": VERSION, "key": key.digest, **vars(key)})


def _write_split(group: h5py.Group, halves: Halves, split: Features, stage: str, watch: Watch) -> None:
    group["labels"] = split.labels
    group["rows"] = np.arange(len(split))
    for rows, arrays in forward(halves.trunk, split.arrays, stage=stage, watch=watch):
        for number, (array, scope) in enumerate(zip(arrays, halves.cut, strict=True)):
            if str(number) not in group:
                group.create_dataset(str(number), (len(split), *array.shape[1:]), array.dtype)
                group[str(number)].attrs["scope"] = scope
            group[str(number)][rows] = array
