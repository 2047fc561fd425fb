"""The search for the best cut: probe all in one pass over the data, train a few, say which is best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.backbone import Backbone
from transfer.cache import FeatureCache
from transfer.data.dataset import Dataset
from transfer.depths.blocks import Block
from transfer.depths.choice import best_of, pooled, shortlist, to_begin
from transfer.depths.cuts import Cut
from transfer.depths.race import Course, Runner, Trained, fill, race
from transfer.depths.taps import evenly, taps
from transfer.evaluate import Score
from transfer.features import Inputs
from transfer.inputs import ModelInput
from transfer.plan.plan import Plan
from transfer.plan.selection import Selection
from transfer.presented import feed_of, preparation
from transfer.probes.ridge import ridge

PROBED_COST = 2048  # samples, where neither they nor the features are fewer: what a decomposition of takes seconds


@dataclass(frozen=True)
class Probe:
    """What a closed-form probe says of a cut: the left-out samples' score, and the seconds that it took."""

    score: Score
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a search found of one cut.

    Attributes:
        cut: the place.
        probe: its closed-form score.
        trained: what training came to, a seed each; empty where it was not trained, or given up early.
        tried: epochs of training before it was given up; 0 where it was not begun.
    """

    cut: Cut
    probe: Probe
    trained: tuple[Trained, ...] = ()
    tried: int = 0

    @property
    def valid(self) -> Score | None:
        """How the trained ones did on the validation split, over all seeds."""
        return pooled([one.valid for one in self.trained]) if self.trained else None

    @property
    def seconds(self) -> float:
        """For probing and training it."""
        return self.probe.seconds + sum(one.seconds for one in self.trained)


@dataclass(frozen=True)
class Search:
    """A search's results.

    Attributes:
        found: all cuts, the lowest first.
        best: the place of the best among them.
        probed: how many training samples the probes saw.
        tap_seconds: for the one pass over the data.
        seconds: for all.
    """

    found: tuple[Found, ...]
    best: int
    probed: int
    tap_seconds: float
    seconds: float


@dataclass(frozen=True)
class Depth:
    """What is searched.

    Attributes:
        plan: how the trainings go; what it reuses and freezes does not count.
        source: the backbone, as it takes the data.
        data: the labelled samples.
        cache: where features are kept.
        watch: where progress goes.
    """

    plan: Plan
    source: Backbone
    data: Dataset
    cache: FeatureCache
    watch: Watch = silent

    def search(self, cuts: Sequence[Cut], train: int, seeds: int) -> Search:
        """Probe all cuts, and train the best few with some seeds.

        Raises:
            ZooError: there is no cut; or the model does not fit the data.
        """
        start = time.perf_counter()
        if not cuts:
            raise ZooError("the model has no place to cut it at: nowhere is one tensor all that goes on")
        probes, probed, seconds = self.probe(cuts)
        found = [Found(cut, probe) for cut, probe in zip(cuts, probes, strict=True)]
        if train:
            found = self._trained(found, train, seeds)
        return Search(tuple(found), _best(found), probed, seconds, time.perf_counter() - start)

    def surgical(self, blocks: Sequence[Block]) -> list[Trained]:
        """Train each block alone, with new outputs, all other reused layers fixed: Lee et al. (2022)."""
        course, done = self.course, []
        for block in blocks:
            runner = Runner(
                course, Selection(self.source.layers, block.reused, block.frozen), self.plan.seed, block.name
            )
            runner.run(course.training.epochs)
            done.append(runner.trained())
        return done

    def probe(self, cuts: Sequence[Cut]) -> tuple[list[Probe], int, float]:
        """Probe all cuts by one forward pass over training samples.

        Returns:
            A probe a cut, the number of samples, and the seconds of the pass.
        """
        start = time.perf_counter()
        train, tapped = self.inputs(self.source.inputs)["train"], taps(self.source.model, [cut.at for cut in cuts])
        rows = evenly(len(train), tapped.most(len(train)))
        held = tapped.read(train.feed, rows, stage="tap", watch=self.watch)
        seconds = time.perf_counter() - start
        return [self._probed(x, train.labels[rows]) for x in held], len(rows), seconds

    def _probed(self, x: np.ndarray, labels: np.ndarray) -> Probe:
        start = time.perf_counter()
        rows = evenly(len(x), len(x) if min(x.shape) <= PROBED_COST else PROBED_COST)
        return Probe(ridge(x[rows], labels[rows], self.data.target).score, time.perf_counter() - start)

    def inputs(self, takes: Sequence[ModelInput]) -> dict[str, Inputs]:
        """Give the splits that are trained on as a model takes them."""
        return {
            name: Inputs(feed_of(self.source, takes, split.samples, f"{self.data.ref}: {name}"), split.y)
            for name, split in (("train", self.data.train), ("valid", self.data.valid))
        }

    @property
    def course(self) -> Course:
        """What all trainings have in common; none looks for faults in the gradients."""
        plan = self.plan
        return Course(
            self.source.model, self.inputs, self.data.target, plan.top, replace(plan.training, diagnose=False),
            self.cache, preparation(self.source), self.watch,
        )  # fmt: skip

    def _trained(self, found: list[Found], train: int, seeds: int) -> list[Found]:
        course, seed = self.course, self.plan.seed
        places = shortlist([one.probe.score for one in found], to_begin(len(found), train))
        fill(course, [self._selection(found[place].cut) for place in places], seed)
        runners = [Runner(course, self._selection(found[place].cut), seed, found[place].cut.layer) for place in places]
        last = {places[position] for position in race(runners, train)}
        for place, runner in zip(places, runners, strict=True):
            here = runner.trained()
            won = place in last
            found[place] = replace(found[place], trained=(here,) if won else (), tried=here.epochs)
        for place in sorted(last):
            found[place] = self._more(course, found[place], range(seed + 1, seed + seeds))
        return found

    def _more(self, course: Course, one: Found, seeds: Sequence[int]) -> Found:
        """Train one cut with further seeds."""
        done = list(one.trained)
        for seed in seeds:
            runner = Runner(course, self._selection(one.cut), seed, one.cut.layer)
            runner.run(course.training.epochs)
            done.append(runner.trained())
        return replace(one, trained=tuple(done))

    def _selection(self, cut: Cut) -> Selection:
        return Selection(self.source.layers, cut.frozen, cut.frozen)


def _best(found: Sequence[Found]) -> int:
    trained = [place for place, one in enumerate(found) if one.trained]
    if not trained:
        return shortlist([one.probe.score for one in found], 1)[0]
    scores = [score for place in trained if (score := found[place].valid)]
    return trained[best_of(scores, [found[place].probe.score for place in trained])]
