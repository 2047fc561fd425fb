"""The features below a model's output layer, in the cache that a transfer of the same layers reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from registry.watch import Watch
from transfer.backbone import Backbone, describe, model_inputs
from transfer.cache import FeatureCache
from transfer.data.dataset import Array, Dataset
from transfer.depths.evenly import evenly
from transfer.extract import outputs
from transfer.features import Inputs
from transfer.frozen_features import FrozenFeatures
from transfer.graph import closed, weighted
from transfer.inputs import ModelInput
from transfer.pieced import Held
from transfer.plan.phases import frozen_sets
from transfer.plan.plan import Plan
from transfer.plan.selection import choose
from transfer.presented import feed_of, preparation, to_train
from transfer.split import halved, split
from transfer.student import Student
from transfer.transferability.leep import as_probabilities
from transfer.transferability.remembered import SEEN, Answer
from transfer.transferability.scores import Sight
from transfer.transferability.wide import finite, wide

AHEAD_BYTES = 2**26  # a model, of features below the cut: a catalogue of a hundred would else fill a disk


def look(plan: Plan, source: Backbone, data: Dataset, cache: FeatureCache, watch: Watch) -> tuple[Sight, Answer]:
    """Return what scores need of a model, and what to remember of it.

    Features that are not in the cache yet are extracted into it, in one pass with those of lower cuts that the plan's
    later phases train on, as far as these take no more than 64 MB together.

    Args:
        plan: its `reuse` keeps all but the output layer.
        source: the backbone as the catalogue has it.
        data: the labelled samples; those of training are scored, 2,048 at most.
        cache: where features are kept.
        watch: where progress goes.

    Raises:
        ZooError: the model does not fit the data.
    """
    return _Looking(plan, to_train(source, data.train.samples, plan.imaging), data, cache, watch).look()


@dataclass(frozen=True)
class _Looking:
    """A model, as it takes the data, that is looked at."""

    plan: Plan
    source: Backbone
    data: Dataset
    cache: FeatureCache
    watch: Watch

    def look(self) -> tuple[Sight, Answer]:
        rows = evenly(len(self.data.train), SEEN)
        key, cut, below, arrays = self._features()
        seen = [np.asarray(array[rows]) for array in arrays]
        x, own = finite(wide(seen)), self._probabilities(cut, below, seen, rows)
        return Sight(x, self.data.train.y[rows], self.data.target, own), Answer(key, probabilities=own)

    def _features(self) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[Held, ...]]:
        """Return the key in the cache, the cut's tensors' names, what lies below, and the training samples' features.

        The key is empty where the cut is the inputs themselves.
        """
        selection = choose(self.source.layers, self.plan.reuse)
        student = Student(self.source.model, selection, self.plan.top, self.data.target)
        model = student.build(self.plan.seed, kept=selection.reused)
        layers, inputs = describe(model), self._inputs(model_inputs(model))
        below, halves = halved(model, tuple(layer.name for layer in layers if layer.name in selection.frozen))
        for one in inputs.values():  # what does not fit is said before anything is extracted
            one.feed.read(np.arange(min(1, len(one))))
        if halves.trunk is None:
            return "", halves.cut, below, inputs["train"].whole.arrays
        features = FrozenFeatures(self.cache, inputs, preparation(self.source), None, 1, self.watch)
        if not features.holds(model, below):
            features.ahead(model, frozen_sets(self.plan, selection, weighted(layers)), AHEAD_BYTES)
        arrays = features.below(model, below, halves, "extract")["train"].arrays
        return features.given[-1].key, halves.cut, below, arrays

    def _inputs(self, takes: Sequence[ModelInput]) -> dict[str, Inputs]:
        return {
            name: Inputs(feed_of(self.source, takes, part.samples, f"{self.data.ref}: {name}"), part.y)
            for name, part in (("train", self.data.train), ("valid", self.data.valid))
        }

    def _probabilities(
        self, cut: Sequence[str], below: Collection[str], seen: Sequence[Array], rows: Array
    ) -> Array | None:
        """Return what the source's own classes are for the samples; None where it has none, or the labels are none."""
        source, shape = self.source, self.source.model.outputs[0].shape
        if self.data.target.kind != "class" or len(source.model.outputs) > 1 or len(shape) != 2 or (shape[1] or 0) < 2:
            return None
        if not source.classes or len(source.classes) != shape[1]:
            return None
        halves = split(source.model, closed(source.layers, below))
        if halves.trunk is not None and halves.cut == tuple(cut):  # the model's own layers above the cut finish it
            return as_probabilities(outputs(halves.tail, seen))
        samples = self.data.train.rows(rows).samples
        return as_probabilities(outputs(source.model, feed_of(source, source.inputs, samples, self.data.ref)))
