"""Carry out a plan: train, choose the best phase, evaluate it once, record the result."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import msgspec
import numpy as np

from registry.card import Lineage
from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.augment import parse_augment
from transfer.augmenter import Augmenter
from transfer.backbone import Backbone, model_inputs
from transfer.cache import FeatureCache
from transfer.data.dataset import Dataset
from transfer.draft import STORED, draft
from transfer.evaluate import MEASURES, Score, scored
from transfer.extract import outputs
from transfer.features import Cached, Inputs
from transfer.plan.plan import Plan
from transfer.plan.selection import Selection, choose
from transfer.presented import feed_of, preparation
from transfer.result import CacheUse, PhaseResult, Result, Scratch, Seconds
from transfer.runs import CARD, RESULT, RunFolder
from transfer.split import freeze
from transfer.student import Student
from transfer.training import Trainer, kept_last


@dataclass(frozen=True)
class Job:
    """A plan with the things that it speaks of.

    Attributes:
        plan: the choices.
        source: the backbone to start from, as it takes the data (`transfer.presented.to_train`).
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

    def run(self, import_seconds: float = 0.0) -> Result:
        """Train, choose, evaluate, and write the result and the best model into the folder.

        Raises:
            ZooError: the plan does not fit the model or the data, or training diverged.
        """
        start = time.perf_counter()
        source = self.source
        selection = choose(source.layers, self.plan.reuse, self.plan.freeze)
        student = Student(source.model, selection, self.plan.top, self.data.target)
        model = student.build(self.plan.seed, kept=selection.reused)
        inputs = self._inputs(source, model)
        trainer = Trainer(
            self.plan, inputs, self.data.target, preparation(source), self._changes(source, model),
            self.folder, self.cache, self.watch,
        )  # fmt: skip
        done = trainer.phases(model, selection)
        scratch = self._scratch(trainer, student, sum(phase.epochs for phase in done))
        test = self._score(model, inputs["test"])
        spent = Seconds(
            import_seconds,
            sum(use.seconds for use in trainer.cached),
            sum(phase.seconds for phase in done),
            scratch.seconds if scratch else 0.0,
            import_seconds + time.perf_counter() - start,
        )
        result = self._result(selection, done, test, scratch, cache_use(trainer.cached), spent)
        self._save(model, source, result, inputs["valid"])
        return result

    def _inputs(self, source: Backbone, model: Any) -> dict[str, Inputs]:
        """Give each split as the model takes it; what does not fit is said here, before anything trains."""
        takes = model_inputs(model)
        inputs = {
            name: Inputs(feed_of(source, takes, split.samples, f"{self.data.ref}: {name}"), split.y)
            for name, split in self.data.splits.items()
        }
        for split in inputs.values():
            split.feed.read(np.arange(min(1, len(split))))
        return inputs

    def _changes(self, source: Backbone, model: Any) -> Augmenter | None:
        """Make what changes training images; None where nothing does.

        Raises:
            ZooError: the model takes no images, or features are to be cached that change with each step.
        """
        if not self.plan.imaging.augment:
            return None
        augment, takes = parse_augment(self.plan.imaging.augment), model_inputs(model)
        if augment.mixup and self.plan.cached:
            raise ZooError(
                "--augment mixup mixes samples anew in each step, so it cannot be recorded in views",
                "leave mixup out, or run the frozen layers in every step: --no-cache",
            )
        if len(takes) != 1:
            raise ZooError(f"--augment changes images; the model has {len(takes)} inputs")
        classes = self.data.target.width if self.data.target.kind == "class" else 0
        how = source.preprocessing
        return Augmenter(augment, takes[0].shape, how, seed=self.plan.seed, classes=classes)

    def _scratch(self, trainer: Trainer, student: Student, epochs: int) -> Scratch | None:
        if not self.plan.compare_scratch:
            return None
        start = time.perf_counter()
        model, done = trainer.scratch(student, epochs)
        test = self._score(model, trainer.inputs["test"])
        return Scratch((done,), done.valid_accuracy, *_accuracy(test), seconds=time.perf_counter() - start)

    def _score(self, model: Any, test: Inputs) -> Score | None:
        return scored(outputs(model, test.feed), test.labels, self.data.target) if len(test) else None

    def _result(
        self,
        selection: Selection,
        done: list[PhaseResult],
        test: Score | None,
        scratch: Scratch | None,
        cache: CacheUse,
        spent: Seconds,
    ) -> Result:
        plan, best = self.plan, kept_last(done)
        name, _, revision = plan.model.partition("@")
        accuracy, interval = _accuracy(test)
        return Result(
            run=self.folder.id,
            model=name,
            revision=revision,
            data=plan.data,
            fingerprint=self.data.fingerprint,
            classes=self.data.classes,
            target=self.data.target.kind,
            measure=MEASURES[self.data.target.kind],
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
            cache=cache,
            seconds=spent,
            seed=plan.seed,
            broken=self.data.broken,
            remarks=self.data.remarks,
        )

    def _save(self, model: Any, source: Backbone, result: Result, valid: Inputs) -> None:
        freeze(model, ())
        stored = valid.feed.read(np.arange(min(STORED, len(valid))))
        try:
            card = draft(
                model,
                self.folder.model,
                stored,
                preprocessing=source.preprocessing,
                columns=source.columns,
                classes=self.data.classes,
                target=self.data.target.kind,
                lineage=lineage(self.plan, result),
                task=source.task,
                data=self.plan.data if ":" in self.plan.data else "",
                metrics=metrics(result),
                tags=("transfer",),
                summary=f"{self.plan.model} with {self.plan.reuse} reused, for {', '.join(self.data.classes[:20])}",
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
    """Return a run's figures for the card; of numbers, accuracies are R2 and called so."""
    word = "r2" if result.target == "number" else "accuracy"
    figures: dict[str, float | list[float]] = {f"valid_{word}": result.valid_accuracy}
    if result.test_accuracy is not None and result.test_accuracy_ci95 is not None:
        figures |= {f"test_{word}": result.test_accuracy, f"test_{word}_ci95": list(result.test_accuracy_ci95)}
    if result.scratch and result.scratch.test_accuracy is not None:
        figures[f"scratch_test_{word}"] = result.scratch.test_accuracy
    return figures


def cache_use(cached: list[Cached]) -> CacheUse:
    """Account for the caches that a run used."""
    return CacheUse(
        cached[0].key if cached else "",
        bool(cached) and all(use.hit for use in cached),
        sum(use.bytes for use in cached),
        sum(use.seconds for use in cached),
        sum(use.extracted for use in cached),
    )


def _accuracy(test: Score | None) -> tuple[float | None, tuple[float, float] | None]:
    return (test.accuracy, test.ci95) if test else (None, None)
