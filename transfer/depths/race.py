"""Train several choices of what to keep side by side, and stop the worst early: successive halving.

All begin from the same seed. After each round the worse half by validation loss is dropped, and the others go on where
they stood, twice as far (Jamieson and Talwalkar 2016), so that nothing is trained twice and nothing compiled twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.watch import Watch, silent
from transfer.backbone import model_inputs
from transfer.cache import FeatureCache
from transfer.data.target import Target
from transfer.evaluate import Score, scored
from transfer.extract import outputs
from transfer.features import Features, Inputs
from transfer.fitting.loop import Loop
from transfer.fitting.work import Work
from transfer.frozen_features import FrozenFeatures
from transfer.inputs import ModelInput
from transfer.plan.hyperparameters import Training
from transfer.plan.selection import Selection
from transfer.plan.top import Top
from transfer.split import Halves, halved
from transfer.student import Student

FIRST_ROUND = 4  # the part of all epochs, below which the narrow and fast look better than they are: a fourth


@dataclass(frozen=True)
class Course:
    """What all that race have in common.

    Attributes:
        source: the functional model that they start from.
        inputs: gives `train` and `valid` as a model takes them that has some inputs.
        target: what the labels are.
        top, training: the plan's.
        cache: where features are kept; a transfer of the same cut finds them there.
        preparation: what turned the samples into the model's input, as text for the cache's key.
        watch: where progress goes.
    """

    source: Any
    inputs: Callable[[Sequence[ModelInput]], dict[str, Inputs]]
    target: Target
    top: Top
    training: Training
    cache: FeatureCache
    preparation: str
    watch: Watch = silent


@dataclass(frozen=True)
class Choice:
    """A choice of layers, made.

    Attributes:
        name: what its training is called.
        selection: what is reused and frozen.
        model: with the source's weights in what is reused, all else fresh.
    """

    name: str
    selection: Selection
    model: Any


@dataclass(frozen=True)
class Trained:
    """What a choice came to.

    Attributes:
        valid: how its best epoch did on the validation split.
        epochs: that it was trained for.
        finished: whether it was trained to its end.
        seconds: for making, compiling and training it.
    """

    valid: Score
    epochs: int
    finished: bool
    seconds: float


@dataclass(frozen=True)
class Tried:
    """How far a choice got: the best validation figure (`Score.accuracy`) so far, its epochs and seconds."""

    accuracy: float
    epochs: int
    seconds: float


class Runner:
    """One choice of layers in the race.

    Attributes:
        name: what its training is called.
        epochs_wanted: the most that it may take.
        seconds: for its features, compiling and training it so far.
    """

    def __init__(self, course: Course, choice: Choice, seed: int) -> None:
        start = time.perf_counter()
        self.name, self.epochs_wanted, self._course = choice.name, course.training.epochs, course
        self._halves, self._splits = _features(course, choice)
        how = course.training
        self._loop = Loop(Work(self._halves.tail, self._splits, how, course.target, how.lr, seed), math.inf)
        self.seconds = time.perf_counter() - start

    @property
    def epochs(self) -> int:
        """How many it was trained for."""
        return len(self._loop.epochs)

    @property
    def stopped(self) -> bool:
        """Whether its training has come to its end."""
        return self._loop.stopped

    @property
    def loss(self) -> float:
        """The lowest validation loss so far."""
        losses = [epoch.valid_loss for epoch in self._loop.epochs]
        return min((loss for loss in losses if math.isfinite(loss)), default=math.inf)

    @property
    def tried(self) -> Tried:
        """How far it got."""
        epochs = [epoch for epoch in self._loop.epochs if math.isfinite(epoch.valid_loss)]
        best = min(epochs, key=lambda epoch: epoch.valid_loss, default=None)
        return Tried(best.valid_accuracy if best else math.nan, self.epochs, self.seconds)

    def run(self, until: int) -> None:
        """Train up to so many epochs in all, or to the end."""
        start = time.perf_counter()
        while not self.stopped and (left := until - self.epochs) > 0:
            self._loop.advance(min(left, self._loop.ahead))
            self._course.watch(f"train {self.name}", self.epochs, self.epochs_wanted)
        self.seconds += time.perf_counter() - start

    def trained(self) -> Trained:
        """Take the weights of the best epoch, and score them on the validation split."""
        start, finished = time.perf_counter(), self.stopped
        fitted = self._loop.finish(self.seconds)
        valid = self._splits["valid"]
        found = outputs(self._halves.tail, valid.arrays)
        score = scored(found, valid.labels, self._course.target)
        self.seconds += time.perf_counter() - start
        return Trained(score, len(fitted.epochs), finished, self.seconds)


def race(runners: Sequence[Runner], keep: int) -> list[int]:
    """Train all for a few epochs, drop the worse half, and so on, then the last to their end; return who these are.

    Those that diverge at once are dropped too, as long as another one is left.
    """
    left = list(range(len(runners)))
    until = max(1, max(runner.epochs_wanted for runner in runners) // FIRST_ROUND)
    while len(left) > keep:
        for place in left:
            runners[place].run(until)
        left = sorted(left, key=lambda place: runners[place].loss)[: max(keep, math.ceil(len(left) / 2))]
        until *= 2
    for place in left:
        runners[place].run(runners[place].epochs_wanted)
    return sorted(place for place in left if math.isfinite(runners[place].loss)) or left[:1]


def made(course: Course, name: str, selection: Selection, seed: int) -> Choice:
    """Make the model of a choice."""
    student = Student(course.source, selection, course.top, course.target)
    return Choice(name, selection, student.build(seed, kept=selection.reused))


def fill(course: Course, choices: Sequence[Choice]) -> None:
    """Fill the cache for some choices in one pass; each freezes all that the one before it does."""
    highest = choices[-1]
    _cache(course, highest.model).ahead(highest.model, [one.selection.frozen for one in reversed(choices)])


def _features(course: Course, choice: Choice) -> tuple[Halves, dict[str, Features]]:
    """Cut the model of a choice above what is frozen, and fetch what its upper part trains on."""
    model = choice.model
    below, halves = halved(model, choice.selection.frozen)
    if halves.trunk is None:
        return halves, {name: part.whole for name, part in course.inputs(model_inputs(model)).items()}
    return halves, _cache(course, model).below(model, below, halves, "extract")


def _cache(course: Course, model: Any) -> FrozenFeatures:
    inputs = course.inputs(model_inputs(model))
    return FrozenFeatures(course.cache, inputs, course.preparation, None, 1, course.watch)
