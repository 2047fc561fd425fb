"""A learning rate for a plan's first phase, found before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass

from registry.watch import Watch, silent
from transfer.backbone import Backbone, describe, model_inputs
from transfer.cache import FeatureCache
from transfer.changing import changes
from transfer.data.dataset import Dataset
from transfer.features import Inputs
from transfer.fitting.range_test import lr_find
from transfer.frozen_features import FrozenFeatures
from transfer.lr_range import Range
from transfer.plan.plan import Plan
from transfer.plan.selection import choose
from transfer.presented import feed_of, preparation
from transfer.split import halved
from transfer.student import Student


@dataclass(frozen=True)
class RateSearch:
    """What a range test needs; the attributes are those of `transfer.run.Job`."""

    plan: Plan
    source: Backbone
    data: Dataset
    cache: FeatureCache
    watch: Watch = silent

    def run(self) -> Range:
        """Try rates on the layers that train in the first phase, from the cached features; keep nothing but those.

        Raises:
            ZooError: the plan does not fit the model or the data, or no rate lowers the loss.
        """
        plan, target = self.plan, self.data.target
        selection = choose(self.source.layers, plan.reuse, plan.freeze)
        model = Student(self.source.model, selection, plan.top, target).build(plan.seed, kept=selection.reused)
        takes = model_inputs(model)
        inputs = {
            name: Inputs(feed_of(self.source, takes, split.samples, f"{self.data.ref}: {name}"), split.y)
            for name, split in self.data.splits.items()
            if name != "test"
        }
        changing = changes(plan, self.source, takes, target)
        frozen = tuple(layer.name for layer in describe(model) if layer.name in selection.frozen)
        below, halves = halved(model, frozen)
        if halves.trunk is None or not plan.cached:
            whole = {name: split.whole for name, split in inputs.items()}
            return lr_find(
                halves.tail, whole, plan.training, target, plan.seed, trunk=halves.trunk, augment=changing,
                reused=selection.reused, watch=self.watch,
            )  # fmt: skip
        features = FrozenFeatures(
            self.cache, inputs, preparation(self.source), changing, plan.imaging.recorded, self.watch
        )
        splits = features.below(model, below, halves, "extract")
        return lr_find(
            halves.tail, splits, plan.training, target, plan.seed, views=features.views, reused=selection.reused,
            watch=self.watch,
        )  # fmt: skip
