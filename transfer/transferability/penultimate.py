"""The features below a model's output layer, from the cache that a transfer of the same layers reads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from registry.card import LayerInfo
from registry.errors import ZooError
from registry.watch import Watch
from transfer.backbone import Backbone, describe, model_inputs
from transfer.cache import FeatureCache
from transfer.data.dataset import Array, Dataset
from transfer.depths.cuts import cuts
from transfer.depths.scope_regex import regex_for
from transfer.depths.taps import WIDEST, evenly
from transfer.extract import outputs
from transfer.features import Inputs
from transfer.frozen_features import FrozenFeatures
from transfer.graph import closed, heads, weighted
from transfer.inputs import ModelInput
from transfer.plan.plan import Plan
from transfer.plan.selection import choose
from transfer.presented import feed_of, preparation
from transfer.split import freeze, split
from transfer.student import Student
from transfer.transferability.leep import as_probabilities
from transfer.transferability.scores import Sight

SEEN = 2048  # samples that scores look at: a decomposition of more takes seconds a model


def below_outputs(layers: Sequence[LayerInfo]) -> str:
    """Return the regex for `--reuse` that keeps all but the output layer.

    Raises:
        ZooError: there is nothing else with weights.
    """
    found, held = cuts(layers), weighted(layers)
    if found:
        return found[-1].reuse
    kept = [name for name in held if name not in heads(layers, ())]
    if not kept:
        raise ZooError("below its output layer it has no layer with weights")
    return regex_for(kept, kept, [layer.name for layer in layers])


def sight(plan: Plan, source: Backbone, data: Dataset, cache: FeatureCache, watch: Watch) -> Sight:
    """Return what scores need of a model on data; features that are not in the cache yet are extracted into it.

    Args:
        plan: its `reuse` keeps all but the output layer.
        source: the backbone as it takes the data.
        data: the labelled samples; those of training are looked at, 2,048 at most.
        cache: where features are kept.
        watch: where progress goes.

    Raises:
        ZooError: the model does not fit the data.
    """
    rows = evenly(len(data.train), SEEN)
    labels = data.train.y[rows]
    x = _rows(_features(plan, source, data, cache, watch), rows)
    if not np.isfinite(x).all():
        raise ZooError("its features are not finite")
    return Sight(x, labels, data.target, _probabilities(source, data, rows))


def _features(plan: Plan, source: Backbone, data: Dataset, cache: FeatureCache, watch: Watch) -> tuple[Array, ...]:
    selection = choose(source.layers, plan.reuse)
    model = Student(source.model, selection, plan.top, data.target).build(plan.seed, kept=selection.reused)
    layers = describe(model)
    frozen = tuple(layer.name for layer in layers if layer.name in selection.frozen)
    freeze(model, frozen)
    below = closed(layers, frozen)
    halves, inputs = split(model, below), _inputs(source, data, model_inputs(model))
    for one in inputs.values():  # what does not fit is said before anything is extracted
        one.feed.read(np.arange(min(1, len(one))))
    if halves.trunk is None:
        return tuple(inputs["train"].whole.arrays)
    frozen_features = FrozenFeatures(cache, inputs, preparation(source), None, 1, watch)
    return tuple(frozen_features.below(model, below, halves, "extract")["train"].arrays)


def _inputs(source: Backbone, data: Dataset, takes: Sequence[ModelInput]) -> dict[str, Inputs]:
    return {
        name: Inputs(feed_of(source, takes, part.samples, f"{data.ref}: {name}"), part.y)
        for name, part in (("train", data.train), ("valid", data.valid))
    }


def _rows(arrays: Sequence[Array], rows: Array) -> Array:
    """Lay the cut's tensors side by side, a row a sample: maps by their mean over positions."""
    found = [np.asarray(array[rows], np.float32) for array in arrays]
    flat = [one.mean(axis=tuple(range(1, one.ndim - 1))) if one.ndim > 2 else one for one in found]
    wide = np.concatenate([one.reshape(len(rows), math.prod(one.shape[1:])) for one in flat], axis=1)
    return wide[:, evenly(wide.shape[1], WIDEST)]


def _probabilities(source: Backbone, data: Dataset, rows: Array) -> Array | None:
    """Return what the source's own classes are for the samples; None where it has none, or the labels are none."""
    shape = source.model.outputs[0].shape
    if data.target.kind != "class" or len(source.model.outputs) > 1 or len(shape) != 2 or (shape[1] or 0) < 2:
        return None
    if not source.classes or len(source.classes) != shape[1]:
        return None
    part = data.train.rows(rows)
    return as_probabilities(outputs(source.model, feed_of(source, source.inputs, part.samples, data.ref)))
