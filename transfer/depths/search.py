"""The search for the best cut: probe all in one pass over the data, train a few, say which is best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.backbone import Backbone
from transfer.cache import FeatureCache
from transfer.cache_keys import trunk_digest
from transfer.data.dataset import Array, Dataset
from transfer.depths.blocks import Block
from transfer.depths.choice import best_of, pooled, shortlist, to_begin
from transfer.depths.cuts import Cut
from transfer.depths.evenly import evenly
from transfer.depths.race import Choice, Course, Runner, Trained, Tried, fill, made, race
from transfer.depths.taps import Taps, taps
from transfer.engines.extractor import Extractor, Ready
from transfer.engines.remembered import FOLDER
from transfer.evaluate import Score
from transfer.features import Inputs
from transfer.feeding import Feed, every
from transfer.inputs import ModelInput
from transfer.plan.plan import Plan
from transfer.plan.selection import Selection
from transfer.presented import feed_of, preparation
from transfer.probes.ridge import ridge
from transfer.probes.threads import solved

PROBED = (512, 1024)  # samples: a fourth of training, but not fewer or more than these


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
        begun: how training by the first seed went, be it given up; None where it was not begun.
    """

    cut: Cut
    probe: Probe
    trained: tuple[Trained, ...] = ()
    begun: Tried | None = None

    @property
    def valid(self) -> Score | None:
        """How the trained ones did on the validation split, over all seeds."""
        return pooled([one.valid for one in self.trained]) if self.trained else None

    @property
    def seconds(self) -> float:
        """For probing and training it."""
        begun = self.begun.seconds if self.begun else 0.0
        return self.probe.seconds + (sum(one.seconds for one in self.trained) or begun)

    @property
    def tried(self) -> int:
        """Epochs of training by the first seed; 0 where it was not begun."""
        return self.begun.epochs if self.begun else 0


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
            selection = Selection(self.source.layers, block.reused, block.frozen)
            runner = Runner(course, made(course, block.name, selection, self.plan.seed), self.plan.seed)
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
        rows = evenly(len(train), tapped.most(probed(len(train))))
        ready = self._ready(cuts, tapped, train.feed, len(rows))
        held = tapped.read(train.feed, rows, ready=ready, stage="tap", watch=self.watch)
        seconds = time.perf_counter() - start
        return list(solved(lambda x: self._probed(x, train.labels[rows]), held)), len(rows), seconds

    def _ready(self, cuts: Sequence[Cut], tapped: Taps, feed: Feed, probed: int) -> Ready:
        """Choose what runs the model, for its features below any cut as well: they are parts of it."""
        total = probed + len(self.data.train) + len(self.data.valid)
        extractor = Extractor(self.cache.backend, self.cache.root / FOLDER, total)
        name = ["taps", trunk_digest(self.source.model, cuts[-1].below), *(cut.at for cut in cuts)]
        ready = extractor.ready(tapped.model, feed, every(feed), name)
        self.cache.chosen = ready.choice
        return ready

    def _probed(self, x: Array, labels: Array) -> Probe:
        start = time.perf_counter()
        return Probe(ridge(x, labels, self.data.target).score, time.perf_counter() - start)

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
        choices = [self.made(course, found[place].cut, seed) for place in places]
        fill(course, choices)
        runners = [Runner(course, choice, seed) for choice in choices]
        last = {places[position] for position in race(runners, train)}
        for place, runner in zip(places, runners, strict=True):
            won = (runner.trained(),) if place in last else ()
            found[place] = replace(found[place], trained=won, begun=runner.tried)
        for place in sorted(last):
            found[place] = self._more(course, found[place], range(seed + 1, seed + seeds))
        return found

    def _more(self, course: Course, one: Found, seeds: Sequence[int]) -> Found:
        """Train one cut with further seeds."""
        done = list(one.trained)
        for seed in seeds:
            runner = Runner(course, self.made(course, one.cut, seed), seed)
            runner.run(course.training.epochs)
            done.append(runner.trained())
        return replace(one, trained=tuple(done))

    def made(self, course: Course, cut: Cut, seed: int) -> Choice:
        """Make the model that trains above a cut."""
        return made(course, cut.layer, Selection(self.source.layers, cut.frozen, cut.frozen), seed)


def probed(samples: int) -> int:
    """Say how many of some training samples are probed.

    Of more samples than a few hundred, a pass over all to find the cut would take as long as the extraction that
    follows it, and a decomposition takes the cube of their number where the features are as many.

    >>> [probed(samples) for samples in (350, 2000, 3000, 50_000)]
    [350, 512, 750, 1024]
    """
    least, most = PROBED
    return min(samples, max(least, min(most, samples // 4)))


def _best(found: Sequence[Found]) -> int:
    trained = [place for place, one in enumerate(found) if one.trained]
    if not trained:
        return shortlist([one.probe.score for one in found], 1)[0]
    scores = [score for place in trained if (score := found[place].valid)]
    return trained[best_of(scores)]
