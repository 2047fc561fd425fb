"""What was seen of a model on some data, so that it can be ranked again without loading it. No TensorFlow.

A feature cache is keyed by a model's weights, which only the loaded model can say. Here a revision, which names its
files by their sha256, and the fingerprint of the data lead to that key. The features themselves stay in the cache; what
was removed there is not known any more. A file that is missing or broken is made again: nothing depends on it.

Layout of `DIGEST.npz`, version 1: `key` and `reason`, text, one of them empty; and `probabilities (n, c) float32` where
the model has classes of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.home import make_folder
from transfer.cache_files import VERSION as CACHE_VERSION
from transfer.data.dataset import Dataset
from transfer.data.images.decode import DECODING
from transfer.depths.evenly import evenly
from transfer.plan.imaging import Imaging
from transfer.shards import Shards, opened
from transfer.transferability.scores import Sight
from transfer.transferability.wide import finite, wide

VERSION = 1  # counted up when the same model on the same data has other features
SEEN = 2048  # samples that scores look at: a decomposition of more takes seconds a model
FOLDER = "sights"


@dataclass(frozen=True)
class Question:
    """All that decides what a model's features on some data are.

    Attributes:
        revision: of the model, in full.
        fingerprint: of the data's content.
        reuse: the regex of the layers below the cut.
        imaging: how images are given to the model.
    """

    revision: str
    fingerprint: str
    reuse: str
    imaging: Imaging

    @property
    def digest(self) -> str:
        """The sha256 over all parts and the versions of what computes the features, in hex."""
        versions = [VERSION, CACHE_VERSION, DECODING]
        text = json.dumps([versions, self.revision, self.fingerprint, self.reuse, repr(self.imaging)])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Answer:
    """Where features lie, or why there are none.

    Attributes:
        key: of the feature cache, in hex; empty where the model does not fit.
        reason: why it does not.
        probabilities: of the source's own classes for the samples that are scored; None where it has none.
    """

    key: str = ""
    reason: str = ""
    probabilities: NDArray[Any] | None = None


class Memory:
    """The answers so far, a file each, below the feature cache.

    Args:
        cache: the feature cache's folder.
    """

    def __init__(self, cache: Path) -> None:
        self._cache, self._folder = cache, cache / FOLDER

    def find(self, question: Question) -> Answer | None:
        """Return what is known; None where nothing is."""
        try:
            # From memory: of a file that is cut short, NumPy leaves the handle open.
            text = io.BytesIO((self._folder / f"{question.digest}.npz").read_bytes())
            with np.load(text, allow_pickle=False) as file:
                held = {name: file[name] for name in file.files}
            return Answer(str(held["key"]), str(held["reason"]), held.get("probabilities"))
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def keep(self, question: Question, answer: Answer) -> None:
        """Remember an answer; where there is no room for it, it is found out again."""
        arrays: dict[str, Any] = {"key": answer.key, "reason": answer.reason}
        if answer.probabilities is not None:
            arrays["probabilities"] = answer.probabilities.astype(np.float32)
        make_folder(self._folder)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            written = Path(folder) / "answer.npz"
            try:
                np.savez_compressed(written, **arrays)
                written.replace(self._folder / f"{question.digest}.npz")
            except OSError:
                return

    def sight(self, answer: Answer, data: Dataset) -> Sight | None:
        """Return what scores need, from the cache; None where the features are not all there.

        Raises:
            ZooError: a file of the cache is broken.
        """
        shards = opened(self._cache / answer.key) if answer.key else Shards([])
        if not all(shards.has(part.samples.digests) for part in (data.train, data.valid) if len(part)):
            return None
        rows = evenly(len(data.train), SEEN)
        x = finite(wide(shards.take(data.train.samples.digests[rows])))
        return Sight(x, data.train.y[rows], data.target, answer.probabilities)
