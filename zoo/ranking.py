"""What `rank` does: score every model of the catalogue that fits some data, without training, and check the ranking."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from registry.errors import ChoiceError, ZooError, near
from registry.shelf import Shelf
from transfer.engines.table import AUTO
from zoo.feature_cache import feature_cache
from zoo.ranked import SIZE, Left, Ranked, Ranking, in_order

if TYPE_CHECKING:
    from registry.model import Model
    from registry.watch import Watch
    from transfer.data.dataset import Dataset
    from transfer.plan.plan import Plan
    from transfer.transferability.remembered import Answer, Memory, Question
    from transfer.transferability.scores import Sight
    from zoo.opening import DataRef


def rank(
    pattern: str, data: str, by: str, seed: int, watch: Watch, options: Mapping[str, Any], backend: str = AUTO
) -> Ranking:
    """Score all models that a pattern selects.

    A model that was scored on these data before is not loaded again, and where none is, TensorFlow is not imported.

    Args:
        pattern: a shell pattern, as `zoo list` takes it.
        data: a path, `MODEL:FILE`, or a hub's data set.
        by: a name of `transfer.transferability.scores.SCORES`, or `size`.
        seed: of resampling and transfers.
        watch: where progress goes.
        options: `zoo.plans.DataOptions`.
        backend: what extracts features: a name of `transfer.engines.table`, or `auto`.

    Raises:
        ZooError: the pattern selects nothing, the data cannot be read, or no model fits them.
    """
    from transfer.evaluate import MEASURES
    from transfer.transferability.remembered import Memory
    from transfer.transferability.scores import SCORES
    from zoo.cache_limit import within_limit
    from zoo.opening import named_data, read_data
    from zoo.plans import data_options
    from zoo.running import check_backend

    check_backend(backend)
    if by not in (*SCORES, SIZE):
        raise ZooError(f"no score is named {by!r}", near(by, (*SCORES, SIZE)))
    shelf, start = Shelf(), time.perf_counter()
    names = [line.name for line in shelf.summaries(pattern)]
    if not names:
        raise ZooError(f"the pattern {pattern!r} selects no model", "zoo list shows all; patterns are as in a shell")
    where = named_data(shelf, data)
    samples = read_data(where, data_options(options)[0])
    _check_by(by, samples.target.kind)
    looking = _Looking(
        shelf, where, samples, Memory(shelf.home.cache), by, seed, watch, {**options, "backend": backend}
    )
    with within_limit(shelf.home):
        found = [looking.at(name) for name in names]
    left = tuple(one for one in found if isinstance(one, Left))
    models = in_order([one for one in found if isinstance(one, Ranked)])
    if not models:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in left[:5])
        raise ZooError(f"no model fits {where.name}: {reasons}", "zoo list shows all models; zoo show NAME its input")
    for question, answer in looking.refused:  # not where no model fits: then the data may be at fault
        looking.memory.keep(question, answer)
    kind, spent = samples.target.kind, time.perf_counter() - start
    return Ranking(where.name, kind, MEASURES[kind], by, models, left, spent)


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
    memory: Memory
    by: str
    seed: int
    watch: Watch
    options: Mapping[str, Any]  # of a plan
    refused: list[tuple[Question, Answer]] = field(default_factory=list)

    def at(self, name: str) -> Ranked | Left:
        start, model = time.perf_counter(), self.shelf.find(name)
        try:
            plan, question = self._asked(model)
            known = self.memory.find(question)
            if known and known.reason:
                return Left(name, known.reason)
            sight = self.memory.sight(known, self.data) if known else None
            if sight:
                return self._ranked(model, plan, sight, start, remembered=True)
            _import_all()  # which is no model's time
            start = time.perf_counter()
            return self._ranked(model, plan, self._seen(model, plan, question), start, remembered=False)
        except ChoiceError:
            raise
        except ZooError as error:
            return Left(name, error.message)

    def _asked(self, model: Model) -> tuple[Plan, Question]:
        from transfer.transferability.below_outputs import below_outputs
        from transfer.transferability.remembered import Question
        from zoo.plans import make_plan

        card = model.card
        if not card.layers:
            raise ZooError(f"kept as it came, in the format {card.format}, which cannot be opened yet")
        if card.format == "keras-json":
            raise ZooError("an architecture without trained weights: zoo import --into fills it")
        reuse = below_outputs(card.layers)
        plan = make_plan(model.ref, self.where.name, reuse, None, "auto", self.seed, dict(self.options))
        return plan, Question(model.revision, self.data.fingerprint, reuse, plan.imaging)

    def _seen(self, model: Model, plan: Plan, question: Question) -> Sight:
        """Open the model, extract its features, and remember them."""
        from zoo.opening import open_model

        source = open_model(self.shelf, model)
        from transfer.transferability.penultimate import look
        from transfer.transferability.remembered import Answer

        try:
            sight, answer = look(plan, source, self.data, feature_cache(self.shelf.home, plan.backend), self.watch)
        except ZooError as error:
            if _lasts(error):
                self.refused.append((question, Answer(reason=error.message)))
            raise
        if answer.key:
            self.memory.keep(question, answer)
        return sight

    def _ranked(self, model: Model, plan: Plan, sight: Sight, start: float, *, remembered: bool) -> Ranked:
        from transfer.probes.threads import one_thread
        from transfer.transferability.scores import SCORES

        with one_thread():
            parameters, scores = model.card.parameters, {score: sight.score(score) for score in SCORES}
            score = float(parameters) if self.by == SIZE else scores[self.by]
            if score is None:
                raise ZooError(f"its card names no classes that it was trained for, which {self.by} needs")
            drawn = None if self.by == SIZE else sight.resampled(self.by, self.seed)
        spent = time.perf_counter() - start
        here = self._trained_here(model)
        return Ranked(model.name, plan, parameters, scores, score, drawn, spent, remembered, trained_here=here)

    def _trained_here(self, model: Model) -> bool:
        from registry.lineage import ancestors

        steps = (model.card.lineage, *(one.step for one in ancestors(self.shelf, model)))
        return any(step is not None and step.fingerprint == self.data.fingerprint for step in steps)


def _import_all() -> None:
    from zoo.starting import start_tensorflow

    start_tensorflow()
    import transfer.importers.table
    import transfer.transferability.penultimate  # noqa: F401


def _lasts(error: ZooError) -> bool:
    """Tell whether an error is of the model and the data, and not of this machine's disk or memory."""
    return error.__cause__ is None or isinstance(error.__cause__, ValueError | TypeError | ZooError)
