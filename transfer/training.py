"""A plan's phases, and its control from scratch, as trained models with their figures."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from registry.watch import Watch
from transfer.augmenter import Augmenter
from transfer.backbone import describe, model_inputs, nodes
from transfer.cache import FeatureCache, key_of
from transfer.data.target import Target
from transfer.features import Cached, Features, Inputs
from transfer.fitting.fit import Fitted, fit
from transfer.graph import closed
from transfer.plan.hyperparameters import Training
from transfer.plan.phases import Phase, phases
from transfer.plan.plan import AUTO, Plan
from transfer.plan.selection import Selection
from transfer.result import PhaseResult
from transfer.runs import EpochRow, RunFolder
from transfer.split import Halves, freeze, split
from transfer.student import Student
from transfer.viewed import viewed


@dataclass
class Trainer:
    """What trains a plan's models.

    Attributes:
        plan: the choices.
        inputs: `train` and `valid`, as the model takes them.
        target: what the labels are.
        preparation: what turned the samples into the model's input, as text for the cache's key.
        changes: what random changes training images get; None for none.
        folder: where epochs are recorded.
        cache: where features are kept.
        watch: where progress goes.
        cached: what the cache gave, a phase each.
    """

    plan: Plan
    inputs: Mapping[str, Inputs]
    target: Target
    preparation: str
    changes: Augmenter | None
    folder: RunFolder
    cache: FeatureCache
    watch: Watch
    cached: list[Cached] = field(default_factory=list)

    def phases(self, model: Any, selection: Selection) -> list[PhaseResult]:
        """Train a model phase by phase; it ends with the weights of the best."""
        done: list[PhaseResult] = []
        for phase in phases(self.plan, selection, describe(model)):
            least = done[kept_last(done)].valid_loss if done else math.inf
            done.append(self._phase(model, phase, least))
            if not done[-1].kept and self.plan.unfreeze == AUTO:
                break
        return done

    def scratch(self, student: Student, epochs: int) -> tuple[Any, PhaseResult]:
        """Train the same architecture from fresh weights, for as many epochs as the phases had together.

        Fresh normalisation statistics get a fair chance: they follow the last epoch's batches, where the source's may
        be made for a hundred times as many steps, and patience is longer by the epochs that they take to forget where
        they began. Until then the validation loss is theirs, and would end the training of any deep net at once.
        """
        start = time.perf_counter()
        model = student.build(self.plan.seed, kept=())
        freeze(model, ())
        scopes = tuple(layer.name for layer in describe(model) if layer.parameters)
        phase = Phase(0, (), scopes, self.plan.training.lr)
        how = self.plan.training
        steps = -(-len(self.inputs["train"]) // min(how.batch_size, len(self.inputs["train"])))
        follow(model, steps)
        how = replace(how, epochs=max(how.epochs, epochs), patience=how.patience + settling(model, steps))
        fitted = self._fit(model, self._whole, phase, how, None, math.inf, self.changes)
        done = _phase_result(phase, tuple(one.name for one in model_inputs(model)), fitted)
        return model, replace(done, seconds=time.perf_counter() - start)

    def _phase(self, model: Any, phase: Phase, least: float) -> PhaseResult:
        freeze(model, phase.frozen)
        below = closed(describe(model), phase.frozen)
        halves, how = split(model, below), self.plan.training
        if halves.trunk is not None and self.plan.cached:
            splits = self._features(model, below, halves, f"extract {_stage(phase)}")
            fitted = self._fit(halves.tail, splits, phase, how, None, least, None, self._views)
        else:
            fitted = self._fit(halves.tail, self._whole, phase, how, halves.trunk, least, self.changes)
        return _phase_result(phase, halves.cut, fitted)

    def _features(self, model: Any, below: Collection[str], halves: Halves, stage: str) -> dict[str, Features]:
        key = key_of(model, below, halves, self.preparation)
        inputs = {"train": self.inputs["train"], "valid": self.inputs["valid"]}
        if self.changes is not None:
            inputs["train"] = viewed(inputs["train"], self.changes, self._views)
        self.cached.append(self.cache.features(key, halves, inputs, stage=stage, watch=self.watch))
        return self.cached[-1].splits

    @property
    def _views(self) -> int:
        return self.plan.imaging.recorded if self.changes is not None else 1

    @property
    def _whole(self) -> dict[str, Features]:
        return {name: self.inputs[name].whole for name in ("train", "valid")}

    def _fit(
        self,
        tail: Any,
        splits: dict[str, Features],
        phase: Phase,
        how: Training,
        trunk: Any,
        least: float,
        changes: Augmenter | None,
        views: int = 1,
    ) -> Fitted:
        fitted = fit(
            tail,
            splits,
            how,
            self.target,
            lr=phase.lr,
            seed=self.plan.seed,
            least=least,
            trunk=trunk,
            augment=changes,
            views=views,
            stage=_stage(phase),
            watch=self.watch,
        )
        rows = [
            EpochRow(phase.number, number, epoch.train_loss, epoch.valid_loss, epoch.valid_accuracy)
            for number, epoch in enumerate(fitted.epochs, start=1)
        ]
        self.folder.log(rows)
        return fitted


def follow(model: Any, steps: int) -> None:
    """Let the moving statistics of a model's BatchNormalization layers cover an epoch's steps at most."""
    for layer in _normalising(model):
        layer.momentum = min(layer.momentum, 1 - 1 / steps)


def settling(model: Any, steps: int) -> int:
    """Return after how many epochs the slowest moving statistics of a model have forgotten 95 % of where they began.

    Args:
        model: of which BatchNormalization layers count: they move by `1 - momentum` a step.
        steps: in an epoch.
    """
    moving = [layer.momentum for layer in _normalising(model) if 0 < layer.momentum < 1]
    return math.ceil(math.log(0.05) / math.log(max(moving)) / steps) if moving else 0


def _normalising(model: Any) -> list[Any]:
    return [layer for layer, _, _ in nodes(model) if isinstance(layer, keras.layers.BatchNormalization)]


def kept_last(done: list[PhaseResult]) -> int:
    """Return the position of the best phase: the last that improved on those before it."""
    return max((place for place, phase in enumerate(done) if phase.kept), default=0)


def _stage(phase: Phase) -> str:
    return f"phase {phase.number}" if phase.number else "from scratch"


def _phase_result(phase: Phase, cut: tuple[str, ...], fitted: Fitted) -> PhaseResult:
    best = fitted.epochs[fitted.best]
    return PhaseResult(
        phase.train, phase.frozen, cut, phase.lr, len(fitted.epochs), fitted.best + 1, fitted.seconds,
        best.train_loss, best.valid_loss, best.valid_accuracy, fitted.improved,
    )  # fmt: skip
