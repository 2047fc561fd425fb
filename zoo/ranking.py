"""What `rank` does: score every model of the catalogue that fits some data, without training, and check the ranking."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from registry.errors import ZooError, near
from registry.shelf import Shelf

if TYPE_CHECKING:
    from registry.model import Model
    from registry.watch import Watch
    from transfer.data.dataset import Dataset
    from transfer.plan.plan import Plan
    from zoo.opening import DataRef

SIZE = "size"


@dataclass(frozen=True)
class Ranked:
    """A model that fits.

    Attributes:
        name: in the catalogue.
        plan: a transfer that keeps all but its output layer.
        parameters: of the whole model.
        scores: by name; None where one makes no sense for these labels or this model.
        score, ci95: of the one that ranks; it has no interval where it is the size.
        seconds: for opening, extracting and scoring.
        rank, rank_by_size: from 1.
        reached: the validation figure after a transfer; None where none was made.
    """

    name: str
    plan: Plan
    parameters: int
    scores: Mapping[str, float | None]
    score: float
    ci95: tuple[float, float] | None
    seconds: float
    rank: int = 0
    rank_by_size: int = 0
    reached: float | None = None


@dataclass(frozen=True)
class Left:
    """A model that is not ranked, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Ranking:
    """All models that fit, the best first, and those that do not.

    Attributes:
        data: what the data are called.
        measure: what probe, k-NN and transfers count.
        by: the score that ranks.
        models, left: those that fit, and the others.
        seconds: for all, without transfers.
    """

    data: str
    measure: str
    by: str
    models: tuple[Ranked, ...]
    left: tuple[Left, ...]
    seconds: float

    @property
    def ties(self) -> tuple[str, ...]:
        """The models whose interval overlaps that of the first."""
        first = self.models[0].ci95
        if first is None:
            return ()
        return tuple(one.name for one in self.models[1:] if one.ci95 and one.ci95[1] >= first[0])

    @property
    def correlations(self) -> dict[str, float] | None:
        """How far the ranking by score, and that by size, agree with the transfers; None where there are too few."""
        from math import isnan

        from transfer.transferability.correlation import weighted_tau

        done = [(one.score, float(one.parameters), one.reached) for one in self.models if one.reached is not None]
        reached = [each[2] for each in done]
        found = {by: weighted_tau([each[place] for each in done], reached) for place, by in enumerate((self.by, SIZE))}
        return {by: tau for by, tau in found.items() if not isnan(tau)} or None


def rank(pattern: str, data: str, by: str, seed: int, watch: Watch, options: Mapping[str, Any]) -> Ranking:
    """Score all models that a pattern selects.

    Args:
        pattern: a shell pattern, as `zoo list` takes it.
        data: a path, `MODEL:FILE`, or a hub's data set.
        by: a name of `transfer.transferability.scores.SCORES`, or `size`.
        seed: of resampling and transfers.
        watch: where progress goes.
        options: `zoo.plans.DataOptions`.

    Raises:
        ZooError: the pattern selects nothing, the data cannot be read, or no model fits them.
    """
    from transfer.evaluate import MEASURES
    from transfer.transferability.scores import SCORES
    from zoo.opening import named_data, read_data, start_tensorflow
    from zoo.plans import data_options

    if by not in (*SCORES, SIZE):
        raise ZooError(f"no score is named {by!r}", near(by, (*SCORES, SIZE)))
    shelf, start = Shelf(), time.perf_counter()
    names = [line.name for line in shelf.summaries(pattern)]
    if not names:
        raise ZooError(f"the pattern {pattern!r} selects no model", "zoo list shows all; patterns are as in a shell")
    where = named_data(shelf, data)
    samples = read_data(where, data_options(options)[0])
    _check_by(by, samples.target.kind)
    start_tensorflow()
    looking = _Looking(shelf, where, samples, by, seed, watch, options)
    found = [looking.at(name) for name in names]
    left = tuple(one for one in found if isinstance(one, Left))
    models = in_order([one for one in found if isinstance(one, Ranked)])
    if not models:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in left[:5])
        raise ZooError(f"no model fits {where.name}: {reasons}", "zoo list shows all models; zoo show NAME its input")
    spent = time.perf_counter() - start
    return Ranking(where.name, MEASURES[samples.target.kind], by, models, left, spent)


def in_order(models: Sequence[Ranked]) -> tuple[Ranked, ...]:
    """Give models their ranks, the best first; of equal scores the smaller model is first."""
    sizes = sorted(models, key=lambda one: (-one.parameters, one.name))
    places = {one.name: place for place, one in enumerate(sizes, start=1)}
    best = sorted(models, key=lambda one: (-one.score, one.parameters, one.name))
    return tuple(replace(one, rank=place, rank_by_size=places[one.name]) for place, one in enumerate(best, start=1))


def calibrated(ranking: Ranking, wanted: int, seed: int, watch: Watch, options: Mapping[str, Any]) -> Ranking:
    """Transfer to the first model and a seeded sample of the others, and note what each reached in validation."""
    others = [one.name for one in ranking.models[1:]]
    chosen = {ranking.models[0].name, *random.Random(seed).sample(others, min(wanted - 1, len(others)))}
    models = [_trained(one, seed, watch, options) if one.name in chosen else one for one in ranking.models]
    return replace(ranking, models=tuple(models))


def _trained(one: Ranked, seed: int, watch: Watch, options: Mapping[str, Any]) -> Ranked:
    from zoo import api

    given: dict[str, Any] = {**options, "compare_scratch": False}
    run = api.prepare(one.plan.model, one.plan.data, reuse=one.plan.reuse, seed=seed, **given).run(watch)
    return replace(one, reached=run.result.valid_accuracy)


def _check_by(by: str, kind: str) -> None:
    from transfer.transferability.scores import CLASSES_ONLY

    if by in CLASSES_ONLY and kind != "class":
        raise ZooError(f"{by} scores classes; these data have a {kind} target", "pass --by probe, knn, logme or size")


@dataclass(frozen=True)
class _Looking:
    """What all models are looked at with."""

    shelf: Shelf
    where: DataRef
    data: Dataset
    by: str
    seed: int
    watch: Watch
    options: Mapping[str, Any]

    def at(self, name: str) -> Ranked | Left:
        try:
            return self._scored(self.shelf.find(name))
        except ZooError as error:
            return Left(name, error.message)

    def _scored(self, model: Model) -> Ranked:
        from transfer.cache import FeatureCache
        from transfer.presented import to_train
        from transfer.transferability.penultimate import below_outputs, sight
        from transfer.transferability.scores import SCORES
        from zoo.opening import open_model
        from zoo.plans import make_plan

        if not model.card.layers:
            raise ZooError(f"kept as it came, in the format {model.card.format}, which cannot be opened yet")
        if model.card.format == "keras-json":
            raise ZooError("an architecture without trained weights: zoo import --into fills it")
        start, card = time.perf_counter(), model.card
        reuse = below_outputs(card.layers)
        plan = make_plan(model.ref, self.where.name, reuse, None, "auto", self.seed, dict(self.options))
        source = to_train(open_model(self.shelf, model), self.data.train.samples, plan.imaging)
        seen = sight(plan, source, self.data, FeatureCache(self.shelf.home.cache), self.watch)
        scores = {score: seen.score(score) for score in SCORES}
        score = float(card.parameters) if self.by == SIZE else scores[self.by]
        if score is None:
            raise ZooError(f"it has no classes of its own, which {self.by} needs")
        interval = None if self.by == SIZE else seen.interval(self.by, self.seed)
        return Ranked(model.name, plan, card.parameters, scores, score, interval, time.perf_counter() - start)
