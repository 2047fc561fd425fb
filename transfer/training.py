"""A plan's phases, and its control from scratch, as trained models with their figures."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from registry.watch import Watch
from transfer.account import kept_last
from transfer.augmenter import Augmenter
from transfer.backbone import describe, model_inputs
from transfer.cache import FeatureCache
from transfer.checkpoints import Checkpoints
from transfer.cluster.cluster import Cluster
from transfer.cluster.parallel import opened
from transfer.cluster.parallel_phases import shared_out
from transfer.data.dataset import Array
from transfer.data.target import Target
from transfer.diagnosis import findings
from transfer.evaluate import MEASURES
from transfer.events import recorded
from transfer.features import Cached, Features, Inputs
from transfer.fitting.fit import Opened, fit
from transfer.fitting.fitted import DivergenceError, Epoch, Fitted
from transfer.fitting.loop import Loop
from transfer.fitting.schedules import at_epoch
from transfer.fitting.shared_layers import unshared
from transfer.frozen_features import FrozenFeatures
from transfer.graph import weighted
from transfer.layer_health import bounded
from transfer.moving import follow, settling
from transfer.plan.hyperparameters import MOST, Training
from transfer.plan.phases import Phase, frozen_sets, next_phase
from transfer.plan.plan import Plan
from transfer.result import PhaseResult
from transfer.runs import EpochRow, RunFolder
from transfer.split import freeze, halved
from transfer.student import Student


@dataclass
class Trainer:
    """What trains a plan's models, or goes on where it was interrupted.

    Attributes:
        plan: the choices.
        student: how the model that trains is made.
        inputs: `train`, `valid` and `test`, as the model takes them.
        target: what the labels are.
        preparation: what turned the samples into the model's input, as text for the cache's key.
        changes: what random changes training images get; None for none.
        folder: where epochs and weights are recorded.
        cache: where features are kept.
        watch: where progress goes.
        cluster: where steps are computed; None for this process.
        said: what a person should know of where they were.
    """

    plan: Plan
    student: Student
    inputs: dict[str, Inputs]
    target: Target
    preparation: str
    changes: Augmenter | None
    folder: RunFolder
    cache: FeatureCache
    watch: Watch
    cluster: Cluster | None = None
    said: list[str] = field(default_factory=list)
    _features: FrozenFeatures = field(init=False)

    def __post_init__(self) -> None:
        changes, views = self.changes, self.plan.imaging.recorded
        self._features = FrozenFeatures(self.cache, self.inputs, self.preparation, changes, views, self.watch)

    @property
    def cached(self) -> list[Cached]:
        """What the cache gave, a phase each."""
        return self._features.given

    def phases(self, model: Any) -> tuple[Any, list[PhaseResult]]:
        """Train the student's model phase by phase; return the best phase's model, and what each phase came to."""
        saved, done = self._checkpoints.done(), list[PhaseResult]()
        selection = self.student.selection
        held = weighted(describe(model))
        while phase := next_phase(self.plan, selection, held, done):
            if phase.fresh and done:
                anew = self._begun(phase.reused)
                if model_inputs(anew) != model_inputs(model):
                    break  # a new top on fewer layers of several branches reads fewer inputs: that is another task
                model = anew
            if phase.number in saved:
                self._checkpoints.restore(phase.number, model)
                done.append(saved[phase.number])
                continue
            if self.plan.cached and not self._features.holds(model, phase.frozen):
                later = [one for one in frozen_sets(self.plan, selection, held) if set(one) <= set(phase.frozen)]
                self._features.ahead(model, later)
            result = self._phase(model, phase, done)
            self._checkpoints.end(phase.number, result, model)
            done.append(result)
        return self._best(model, done), done

    def tested(self, model: Any, done: Sequence[PhaseResult]) -> Array:
        """Return what the best phase's model says of the test samples, `(n, k) float32`."""
        return self._features.tested(model, done[kept_last(done)].frozen if self.plan.cached else ())

    def scratch(self, epochs: int) -> tuple[Any, PhaseResult]:
        """Train the same architecture from fresh weights, for as many epochs as the phases had together.

        Fresh normalisation statistics get a fair chance: they follow the last epoch's batches, where the source's may
        be made for a hundred times as many steps, and patience is longer by the epochs that they take to forget where
        they began. Until then the validation loss is theirs, and would end the training of any deep net at once.
        """
        start = time.perf_counter()
        model = self.student.build(self.plan.seed, kept=())
        freeze(model, ())
        how = self.plan.training
        steps = how.steps(len(self.inputs["train"]))
        follow(model, steps)
        if 0 in (saved := self._checkpoints.done()):
            self._checkpoints.restore(0, model)
            return model, saved[0]
        longest, patience = max(how.epochs, epochs), how.patience + settling(model, steps)
        how = replace(how, epochs=min(MOST, longest), patience=min(MOST, patience))
        phase = Phase(0, (), (), self.plan.training.lr, fresh=True)
        fitted = self._fit(model, self._whole, phase, how, None, math.inf, self.changes)
        cut = tuple(one.name for one in model_inputs(model))
        result = _result(phase, weighted(describe(model)), cut, fitted, math.inf)
        result = replace(result, seconds=time.perf_counter() - start)
        self._checkpoints.end(0, result, model)
        return model, result

    def _begun(self, reused: tuple[str, ...]) -> Any:
        return self.student.reusing(reused).build(self.plan.seed, kept=reused)

    def _best(self, model: Any, done: Sequence[PhaseResult]) -> Any:
        """Return the best phase's model; where another beginning came after it, it is made again."""
        best = kept_last(done)
        if done[best].reused != done[-1].reused:
            model = self._begun(done[best].reused)
        if best != len(done) - 1:
            self._checkpoints.restore(best + 1, model)
        return model

    def _phase(self, model: Any, phase: Phase, done: Sequence[PhaseResult]) -> PhaseResult:
        layers, how = describe(model), self.plan.training
        frozen = tuple(layer.name for layer in layers if layer.name in phase.frozen)
        below, halves = halved(model, frozen)
        here = math.inf if phase.fresh else min(one.valid_loss for one in done if one.reused == phase.reused)
        if halves.trunk is not None and self.plan.cached:
            splits = self._features.below(model, below, halves, f"extract {_stage(phase)}")
            fitted = self._fit(halves.tail, splits, phase, how, None, here, None, self._features.views)
        else:
            fitted = self._fit(halves.tail, self._whole, phase, how, halves.trunk, here, self.changes)
        train = tuple(scope for scope in weighted(layers) if scope not in frozen)
        least = min((one.valid_loss for one in done), default=math.inf)
        return _result(replace(phase, frozen=frozen), train, halves.cut, fitted, least)

    @property
    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(self.folder)

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
        samples = len(splits["train"]) // views
        rate = partial(at_epoch, how, phase.lr, how.steps(samples))
        recording = recorded(self.folder, phase.number, MEASURES[self.target.kind], rate)
        try:
            with recording as told, self._loop(phase, tail, how, min(how.batch_size, samples), trunk) as loop:
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
                    reused=phase.reused,
                    stage=_stage(phase),
                    watch=self.watch,
                    saved=lambda state: self._checkpoints.save(phase.number, state),
                    resume=self._checkpoints.unfinished(phase.number),
                    told=told,
                    loop=loop,
                )
        except DivergenceError as error:
            if phase.number < 2:
                raise
            fitted = error.fitted  # another beginning may fail; the best so far stands
        self.folder.log(_rows(phase, fitted))
        return fitted

    def _loop(self, phase: Phase, tail: Any, how: Training, batch: int, trunk: Any) -> AbstractContextManager[Opened]:
        """Say what trains a phase: this process, or the workers of the cluster."""
        if self.cluster is None or not shared_out(phase.number, describe(tail), phase.reused, trunk=trunk is not None):
            return nullcontext(Loop)
        if why := unshared(tail, how):
            self.said.append(f"{_stage(phase)} was trained in one process: {why}")
            return nullcontext(Loop)
        return opened(self.cluster, batch, self.folder.path / "samples", self.watch)


def _stage(phase: Phase) -> str:
    return f"phase {phase.number}" if phase.number else "from scratch"


def _rows(phase: Phase, fitted: Fitted) -> list[EpochRow]:
    return [
        EpochRow(phase.number, number, *_losses(epoch), epoch.valid_accuracy, epoch.layers)
        for number, epoch in enumerate(fitted.epochs, start=1)
    ]


def _losses(epoch: Epoch) -> tuple[float, float]:
    """Return an epoch's losses; JSON has no word for those of an epoch that diverged."""
    return bounded(epoch.train_loss), bounded(epoch.valid_loss)


def _result(phase: Phase, train: tuple[str, ...], cut: tuple[str, ...], fitted: Fitted, least: float) -> PhaseResult:
    best = fitted.epochs[fitted.best]
    return PhaseResult(
        train, phase.frozen, cut, phase.lr, len(fitted.epochs), fitted.best + 1, fitted.seconds,
        *_losses(best), best.valid_accuracy, fitted.improved and best.valid_loss < least,
        fitted.improved, phase.reused, findings(fitted.epochs),
    )  # fmt: skip
