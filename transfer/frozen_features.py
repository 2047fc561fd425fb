"""The features that a plan's phases train on: from the cache, and extracted into it for all cuts at once."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from registry.watch import Watch
from transfer.augmenter import Augmenter
from transfer.backbone import describe
from transfer.cache import FeatureCache
from transfer.cache_dtypes import CACHE_DTYPES, FLOAT32
from transfer.cache_keys import Key, key_of
from transfer.data.dataset import Array
from transfer.engines.eager import suits
from transfer.extract import outputs
from transfer.features import Cached, Features, Inputs
from transfer.graph import closed
from transfer.split import Halves, Trunk, split, trunk_of
from transfer.viewed import viewed

TEST = "test"
AHEAD_BYTES = 2**29  # of features below the first cut, which may never be asked for


@dataclass
class FrozenFeatures:
    """A plan's inputs, and their features below any cut.

    Attributes:
        cache: where they are kept.
        inputs: `train` and `valid`, and `test` where a model is to be tested.
        preparation: what turned the samples into the model's input, as text for the cache's key.
        changes: what random changes training images get; None for none.
        recorded: how many versions of a training image are cached where there are changes.
        watch: where progress goes.
        given: what was asked for, and came out of the cache.
    """

    cache: FeatureCache
    inputs: Mapping[str, Inputs]
    preparation: str
    changes: Augmenter | None
    recorded: int
    watch: Watch
    given: list[Cached] = field(default_factory=list)
    _ahead: Cached = field(default_factory=lambda: Cached({}))
    _known: WeakKeyDictionary[Any, dict[str, bytes]] = field(default_factory=WeakKeyDictionary)

    @property
    def views(self) -> int:
        """How many rows each training sample has in the features."""
        return self.recorded if self.changes is not None else 1

    def holds(self, model: Any, frozen: Collection[str]) -> bool:
        """Tell whether a phase can begin at once: its features are all in the cache, or are the inputs themselves."""
        below = closed(describe(model), frozen)
        part = trunk_of(model, below)
        return part.trunk is None or self.cache.holds(self._key(model, below, part), self._splits(model))

    def ahead(self, model: Any, frozen: Sequence[Collection[str]], most: int = AHEAD_BYTES) -> None:
        """Fill the cache for the cuts of several phases, in one pass over the data.

        Cuts below the first are left out from where they would take more than 512 MB together: an early layer's maps
        can be a hundred times as large as what lies above them.

        Args:
            model: before the first of the phases, so that all layers below the cuts are still the source's.
            frozen: the frozen layers of each phase, in order.
            most: how many bytes the features of all but the first may take.
        """
        wanted = list(self._affordable(model, frozen, most))
        if len(wanted) > 1:
            start = time.perf_counter()
            extracted = self.cache.fill(wanted, self._splits(model), stage="extract", watch=self.watch)
            self._ahead = Cached({}, extracted=extracted, seconds=time.perf_counter() - start)

    def below(self, model: Any, below: Collection[str], halves: Halves, stage: str) -> dict[str, Features]:
        """Return a phase's features."""
        key = self._key(model, below, halves)
        found = self.cache.features(key, halves, self._splits(model), stage=stage, watch=self.watch)
        extracted, seconds = found.extracted + self._ahead.extracted, found.seconds + self._ahead.seconds
        self._ahead = Cached({})
        self.given.append(replace(found, extracted=extracted, seconds=seconds))
        return {name: split for name, split in found.splits.items() if name != TEST}

    def tested(self, model: Any, frozen: Collection[str]) -> Array:
        """Return what a model says of the test samples, `(n, k) float32`.

        Where the layers below its cut are work, it begins at their features there, which lie beside the others' and
        which the next top finds.

        Args:
            model: trained.
            frozen: the layers that were not, in the phase that it comes from.
        """
        inputs, below = self.inputs[TEST], closed(describe(model), frozen)
        if not self._extracts_test(model) or (halves := split(model, below)).trunk is None:
            return outputs(model, inputs.feed)
        key = self._key(model, below, halves)
        found = self.cache.features(key, halves, {TEST: inputs}, stage="extract", watch=self.watch)
        return outputs(halves.tail, found.splits[TEST].arrays)

    def _splits(self, model: Any) -> dict[str, Inputs]:
        """Return what goes through a model's frozen layers: the test samples only where that is worth it."""
        return self._learned | ({TEST: self.inputs[TEST]} if self._extracts_test(model) else {})

    def _extracts_test(self, model: Any) -> bool:
        exact = self.cache.dtype == FLOAT32  # what is told of a model is not of rounded features
        return TEST in self.inputs and exact and not suits(model, len(self.inputs[TEST]))

    @cached_property
    def _learned(self) -> dict[str, Inputs]:
        train = self.inputs["train"]
        if self.changes is not None:
            train = viewed(train, self.changes, self.recorded)
        return {"train": train, "valid": self.inputs["valid"]}

    def _affordable(self, model: Any, frozen: Sequence[Collection[str]], most: int) -> Iterator[tuple[Key, Trunk]]:
        layers, left = describe(model), most
        each = CACHE_DTYPES[self.cache.dtype] * sum(len(split) for split in self._splits(model).values())
        for number, fixed in enumerate(frozen):
            below = closed(layers, fixed)
            part = trunk_of(model, below)
            if part.trunk is None:
                continue
            left -= each * sum(_size(tensor) for tensor in part.trunk.outputs) if number else 0
            if left < 0:
                return
            yield self._key(model, below, part), part

    def _key(self, model: Any, below: Collection[str], part: Trunk) -> Key:
        """Return the key of the layers below a cut; these stay as they are, so each is looked at once."""
        known = self._known.setdefault(model, {})
        return key_of(model, below, part, self.preparation, self.cache.dtype, known)


def _size(tensor: Any) -> int:
    """Return how many numbers a sample's part of a tensor has; of an axis of any length, as if it were very long."""
    return math.prod(2**20 if size is None else size for size in tensor.shape[1:])
