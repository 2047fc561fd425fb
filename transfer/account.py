"""What training came to, put together: the result, and what the model's card says of it. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import msgspec
from numpy.typing import NDArray

from registry.card import Lineage
from transfer.controls.paired import over_samples
from transfer.data.dataset import Array, Dataset
from transfer.evaluate import MEASURES, Score, scored
from transfer.features import Cached
from transfer.plan.plan import AUTO, Plan
from transfer.plan.selection import Selection
from transfer.result import CacheUse, PhaseResult, Result, Scratch, Seconds

DIVERGED = "training from scratch diverged, so there is nothing to compare with; lower --lr, or --clip-norm 1.0"


@dataclass(frozen=True)
class Trained:
    """A model that was trained.

    Attributes:
        model: with the weights of the best phase.
        phases: what each came to, in order.
        outputs: of the test samples, `(n, k) float32`.
        seconds: that training took.
    """

    model: Any
    phases: tuple[PhaseResult, ...]
    outputs: Array
    seconds: float

    @property
    def best(self) -> int:
        """The position of the best phase: the last that improved on those before it."""
        return kept_last(self.phases)


@dataclass(frozen=True)
class Account:
    """Of what a result speaks: a plan, its data, its run, what it selects, the test samples' labels, and remarks on
    the model.
    """  # fmt: skip

    plan: Plan
    data: Dataset
    run: str
    selection: Selection
    labels: NDArray[Any]
    remarks: tuple[str, ...] = ()

    def result(
        self, reused: Trained, control: Trained | None, kept: Trained, cache: CacheUse, spent: Seconds
    ) -> Result:
        """Put together what the models came to; `kept` is the one of them that the run's model is."""
        plan, kind = self.plan, self.data.target.kind
        name, _, revision = plan.model.partition("@")
        test = self._score(reused)
        best = reused.phases[reused.best]
        lost = control is None and plan.compare_scratch
        return Result(
            run=self.run,
            model=name,
            revision=revision,
            data=plan.data,
            fingerprint=self.data.fingerprint,
            classes=self.data.classes,
            target=kind,
            measure=MEASURES[kind],
            reuse=plan.reuse,
            freeze=plan.freeze,
            reused=self.selection.reused,
            cut=reused.phases[0].cut,
            phases=reused.phases,
            best_phase=reused.best + 1,
            valid_accuracy=best.valid_accuracy,
            test_accuracy=test.accuracy if test else None,
            test_accuracy_ci95=test.ci95 if test else None,
            test=test,
            scratch=self._scratch(reused, control) if control else None,
            cache=cache,
            seconds=spent,
            seed=plan.seed,
            broken=self.data.broken,
            remarks=(*self.data.remarks, *self.remarks, *((DIVERGED,) if lost else ())),
            kept="scratch" if kept is control else "reused",
        )

    def _scratch(self, reused: Trained, control: Trained) -> Scratch:
        test = self._score(control)
        gain = over_samples(reused.outputs, control.outputs, self.labels, self.data.target)
        return Scratch(
            control.phases, control.phases[-1].valid_accuracy, test.accuracy if test else None,
            test.ci95 if test else None, control.seconds, gain, test,
        )  # fmt: skip

    def _score(self, of: Trained) -> Score | None:
        return scored(of.outputs, self.labels, self.data.target) if len(self.labels) else None


def prefers(plan: Plan, reused: Trained, control: Trained) -> bool:
    """Tell whether the control is the better model by validation, where the plan leaves the choice to the figures."""
    return plan.unfreeze == AUTO and control.phases[-1].valid_loss < reused.phases[reused.best].valid_loss


def kept_last(done: Sequence[PhaseResult]) -> int:
    """Return the position of the best phase: the last that improved on those before it."""
    return max((place for place, phase in enumerate(done) if phase.kept), default=0)


def summary(plan: Plan, result: Result) -> str:
    """Say on the card, in a line, what a run's model is."""
    how = f"with {plan.reuse} reused" if result.kept == "reused" else "made anew, trained from scratch"
    return f"{plan.model} {how}, for {', '.join(result.classes[:20])}"


def lineage(plan: Plan, result: Result) -> Lineage:
    """Say where a run's model comes from; of a path to the data, what travels with the model is the file's name."""
    data = plan.data if ":" in plan.data else PurePath(plan.data).name
    choices = msgspec.to_builtins(replace(plan, data=data))
    kept = result.reused if result.kept == "reused" else ()
    return Lineage(plan.model, plan.reuse if kept else "", kept, data, result.fingerprint, result.run, choices)


def metrics(result: Result) -> dict[str, float | list[float]]:
    """Return the figures of a run's model for the card, and of the one beside it; of numbers, accuracies are R2."""
    word = "r2" if result.target == "number" else "accuracy"
    of = result.of_kept
    figures: dict[str, float | list[float]] = {f"valid_{word}": of.valid_accuracy}
    if of.test_accuracy is not None and of.test_accuracy_ci95 is not None:
        figures |= {f"test_{word}": of.test_accuracy, f"test_{word}_ci95": list(of.test_accuracy_ci95)}
    if result.scratch and result.scratch.test_accuracy is not None:
        figures[f"scratch_test_{word}"] = result.scratch.test_accuracy
    if result.kept == "scratch" and result.test_accuracy is not None:
        figures[f"reused_test_{word}"] = result.test_accuracy
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
