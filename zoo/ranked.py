"""What a ranking came to: the models that fit some data, the best first, and those that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transfer.plan.plan import Plan
    from transfer.transferability.bootstrap import Resampled

SIZE = "size"


@dataclass(frozen=True)
class Ranked:
    """A model that fits.

    Attributes:
        name: in the catalogue.
        plan: a transfer that keeps all but its output layer.
        parameters: of the whole model.
        scores: by name; None where one makes no sense for these labels or this model.
        score: of the one that ranks.
        drawn: that score over draws of the samples; None where it is the size, which does not depend on them.
        seconds: for opening, extracting and scoring; for reading features and scoring where they are remembered.
        remembered: whether it did not have to be opened.
        rank, rank_by_size: from 1.
        reached: the validation figure after a transfer; None where none was made.
        trained_here: whether it, or a model that it was made from, was trained on these very data.
    """

    name: str
    plan: Plan
    parameters: int
    scores: Mapping[str, float | None]
    score: float
    drawn: Resampled | None
    seconds: float
    remembered: bool = False
    rank: int = 0
    rank_by_size: int = 0
    reached: float | None = None
    trained_here: bool = False

    @property
    def ci95(self) -> tuple[float, float] | None:
        """Of the score that ranks."""
        return self.drawn.ci95 if self.drawn else None

    def behind(self, first: Ranked) -> tuple[float, float] | None:
        """Return the 95 % interval of what the score lacks of another's, paired over the same draws of samples."""
        return (first.drawn - self.drawn).ci95 if first.drawn and self.drawn else None


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
        kind: of the labels: `class`, `multilabel` or `number`.
        measure: what probe, k-NN and transfers count.
        by: the score that ranks.
        models, left: those that fit, and the others.
        seconds: for all, without transfers.
    """

    data: str
    kind: str
    measure: str
    by: str
    models: tuple[Ranked, ...]
    left: tuple[Left, ...]
    seconds: float

    @property
    def ties(self) -> tuple[str, ...]:
        """The models that cannot be told apart from the first: the interval of what they lack of it holds 0."""
        first = self.models[0]
        found = {one.name: one.behind(first) for one in self.models[1:]}
        return tuple(name for name, behind in found.items() if behind and behind[0] <= 0)

    @property
    def correlations(self) -> dict[str, float] | None:
        """How far the ranking by each score, and that by size, agree with the transfers; None where they are too few.

        A score that not all models have which were trained is left out.
        """
        from transfer.transferability.correlation import weighted_tau

        done = [one for one in self.models if one.reached is not None]
        reached = [one.reached for one in done if one.reached is not None]
        columns = {by: [one.scores[by] for one in done] for by in self.models[0].scores}
        columns[SIZE] = [float(one.parameters) for one in done]
        told = {by: [each for each in column if each is not None] for by, column in columns.items()}
        found = {by: weighted_tau(column, reached) for by, column in told.items() if len(column) == len(reached)}
        return {by: tau for by, tau in found.items() if not isnan(tau)} or None


def in_order(models: Sequence[Ranked]) -> tuple[Ranked, ...]:
    """Give models their ranks, the best first; of equal scores the smaller model is first."""
    sizes = sorted(models, key=lambda one: (-one.parameters, one.name))
    places = {one.name: place for place, one in enumerate(sizes, start=1)}
    best = sorted(models, key=lambda one: (-one.score, one.parameters, one.name))
    return tuple(replace(one, rank=place, rank_by_size=places[one.name]) for place, one in enumerate(best, start=1))
