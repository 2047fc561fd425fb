"""Carry out a plan: phases from the cut upwards, the best kept, beside the same architecture from scratch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import msgspec

from registry.card import Lineage
from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.backbone import Backbone, describe, model_inputs
from transfer.cache import FeatureCache, key_of
from transfer.data.dataset import Dataset, Split
from transfer.draft import draft
from transfer.evaluate import Score, score
from transfer.extract import outputs
from transfer.features import Cached, Features
from transfer.fit import Fitted, fit
from transfer.graph import closed
from transfer.inputs import Arrays, ModelInput, feed
from transfer.plan import AUTO, Phase, Plan, Selection, Training, choose, phases
from transfer.result import CacheUse, PhaseResult, Result, Scratch, Seconds
from transfer.runs import CARD, RESULT, EpochRow, RunFolder
from transfer.split import freeze, split
from transfer.student import Student


@dataclass
class Job:
    """A plan with the things that it speaks of.

    Attributes:
        plan: the choices.
        source: the backbone to start from.
        data: the labelled samples.
        folder: where the run is recorded.
        cache: where features are kept.
        watch: where progress goes.
    """

    plan: Plan
    source: Backbone
    data: Dataset
    folder: RunFolder
    cache: FeatureCache
    watch: Watch = silent
    cached: list[Cached] = field(default_factory=list)

    def run(self, import_seconds: float = 0.0) -> Result:
        """Train, choose, evaluate, and write the result and the best model into the folder.

        Raises:
            ZooError: the plan does not fit the model or the data, or training diverged.
        """
        start = time.perf_counter()
        selection = choose(self.source.layers, self.plan.reuse, self.plan.freeze)
        student = Student(self.source.model, selection, self.plan.top, len(self.data.classes))
        model = student.build(self.plan.seed, kept=selection.reused)
        takes = model_inputs(model)
        inputs = {name: self._inputs(name, takes) for name in ("train", "valid")}
        self._feed(self.data.test.rows(slice(1)), "test", takes)  # what does not fit is said before anything trains
        done, best = self._phases(model, selection, inputs)
        scratch_start = time.perf_counter()
        scratch = self._scratch(student, inputs, sum(phase.epochs for phase in done))
        scratch_seconds = time.perf_counter() - scratch_start if scratch else 0.0
        test = self._test(model)
        spent = Seconds(
            import_seconds,
            sum(use.seconds for use in self.cached),
            sum(phase.seconds for phase in done),
            scratch_seconds,
            import_seconds + time.perf_counter() - start,
        )
        result = self._result(selection, done, best, test, scratch, spent)
        self._save(model, result, inputs["valid"])
        return result

    def _phases(self, model: Any, selection: Selection, inputs: dict[str, Features]) -> tuple[list[PhaseResult], int]:
        done: list[PhaseResult] = []
        for phase in phases(self.plan, selection, describe(model)):
            best = kept_last(done)
            done.append(self._phase(model, phase, inputs, done[best].valid_loss if done else math.inf))
            if not done[-1].kept and self.plan.unfreeze == AUTO:
                break
        return done, kept_last(done)

    def _phase(self, model: Any, phase: Phase, inputs: dict[str, Features], least: float) -> PhaseResult:
        freeze(model, phase.frozen)
        below = closed(describe(model), phase.frozen)
        halves = split(model, below)
        trunk = halves.trunk
        if trunk is not None and self.plan.cached:
            key = key_of(model, below, halves, self.source.preprocessing, self.data.fingerprint)
            self.cached.append(
                self.cache.features(key, halves, inputs, stage=f"extract {_stage(phase)}", watch=self.watch)
            )
            inputs, trunk = self.cached[-1].splits, None
        fitted = self._fit(halves.tail, inputs, phase, self.plan.training, trunk, least)
        return _phase_result(phase, halves.cut, fitted)

    def _scratch(self, student: Student, inputs: dict[str, Features], epochs: int) -> Scratch | None:
        if not self.plan.compare_scratch:
            return None
        start = time.perf_counter()
        model = student.build(self.plan.seed, kept=())
        freeze(model, ())
        scopes = tuple(layer.name for layer in describe(model) if layer.parameters)
        phase = Phase(0, (), scopes, self.plan.training.lr)
        how = replace(self.plan.training, epochs=max(self.plan.training.epochs, epochs))
        fitted = self._fit(model, inputs, phase, how, None, math.inf)
        done = _phase_result(phase, tuple(one.name for one in model_inputs(model)), fitted)
        test = self._test(model)
        return Scratch((done,), done.valid_accuracy, *_accuracy(test), seconds=time.perf_counter() - start)

    def _fit(
        self, tail: Any, splits: dict[str, Features], phase: Phase, how: Training, trunk: Any, least: float
    ) -> Fitted:
        fitted = fit(
            tail,
            splits,
            how,
            lr=phase.lr,
            seed=self.plan.seed,
            least=least,
            trunk=trunk,
            stage=_stage(phase),
            watch=self.watch,
        )
        rows = [
            EpochRow(phase.number, number, epoch.train_loss, epoch.valid_loss, epoch.valid_accuracy)
            for number, epoch in enumerate(fitted.epochs, start=1)
        ]
        self.folder.log(rows)
        return fitted

    def _inputs(self, name: str, takes: tuple[ModelInput, ...]) -> Features:
        chosen = self.data.splits[name]
        return Features(self._feed(chosen, name, takes), chosen.y)

    def _feed(self, chosen: Split, name: str, takes: tuple[ModelInput, ...]) -> Arrays:
        return feed(chosen.x, takes, self.source.preprocessing, f"{self.data.ref}: {name}")

    def _test(self, model: Any) -> Score | None:
        test = self.data.test
        if not len(test):
            return None
        return score(outputs(model, self._feed(test, "test", model_inputs(model))), test.y, self.data.classes)

    def _result(
        self,
        selection: Selection,
        done: list[PhaseResult],
        best: int,
        test: Score | None,
        scratch: Scratch | None,
        spent: Seconds,
    ) -> Result:
        plan = self.plan
        name, _, revision = plan.model.partition("@")
        accuracy, interval = _accuracy(test)
        return Result(
            run=self.folder.id,
            model=name,
            revision=revision,
            data=plan.data,
            fingerprint=self.data.fingerprint,
            classes=self.data.classes,
            reuse=plan.reuse,
            freeze=plan.freeze,
            reused=selection.reused,
            cut=done[0].cut,
            phases=tuple(done),
            best_phase=best + 1,
            valid_accuracy=done[best].valid_accuracy,
            test_accuracy=accuracy,
            test_accuracy_ci95=interval,
            test=test,
            scratch=scratch,
            cache=cache_use(self.cached),
            seconds=spent,
            seed=plan.seed,
        )

    def _save(self, model: Any, result: Result, samples: Features) -> None:
        freeze(model, ())
        try:
            card = draft(
                model,
                self.folder.model,
                samples.arrays,
                preprocessing=self.source.preprocessing,
                classes=self.data.classes,
                lineage=lineage(self.plan, result),
                task=self.source.task,
                data=self.plan.data if ":" in self.plan.data else "",
                metrics=metrics(result),
                tags=("transfer",),
                summary=f"{self.plan.model} with {self.plan.reuse} reused, for {', '.join(self.data.classes)}",
            )
            self.folder.write(CARD, card)
            self.folder.write(RESULT, result)
        except OSError as error:
            raise ZooError(f"cannot write the result into {self.folder.path}: {error}") from error


def lineage(plan: Plan, result: Result) -> Lineage:
    """Say where a run's model comes from; of a path to the data, what travels with the model is the file's name."""
    data = plan.data if ":" in plan.data else PurePath(plan.data).name
    choices = msgspec.to_builtins(replace(plan, data=data))
    return Lineage(plan.model, plan.reuse, result.reused, data, result.fingerprint, result.run, choices)


def metrics(result: Result) -> dict[str, float | list[float]]:
    """Return a run's figures for the card."""
    figures: dict[str, float | list[float]] = {"valid_accuracy": result.valid_accuracy}
    if result.test_accuracy is not None and result.test_accuracy_ci95 is not None:
        figures |= {
            "test_accuracy": result.test_accuracy,
            "test_accuracy_ci95": list(result.test_accuracy_ci95),
        }
    if result.scratch and result.scratch.test_accuracy is not None:
        figures["scratch_test_accuracy"] = result.scratch.test_accuracy
    return figures


def kept_last(done: list[PhaseResult]) -> int:
    """Return the position of the best phase: the last that improved on those before it."""
    return max((place for place, phase in enumerate(done) if phase.kept), default=0)


def cache_use(cached: list[Cached]) -> CacheUse:
    """Account for the caches that a run used."""
    return CacheUse(
        cached[0].key if cached else "",
        bool(cached) and all(use.hit for use in cached),
        sum(use.bytes for use in cached),
        sum(use.seconds for use in cached),
    )


def _stage(phase: Phase) -> str:
    return f"phase {phase.number}" if phase.number else "from scratch"


def _accuracy(test: Score | None) -> tuple[float | None, tuple[float, float] | None]:
    return (test.accuracy, test.ci95) if test else (None, None)


def _phase_result(phase: Phase, cut: tuple[str, ...], fitted: Fitted) -> PhaseResult:
    best = fitted.epochs[fitted.best]
    return PhaseResult(
        phase.train, phase.frozen, cut, phase.lr, len(fitted.epochs), fitted.best + 1, fitted.seconds,
        best.train_loss, best.valid_loss, best.valid_accuracy, fitted.improved,
    )  # fmt: skip
