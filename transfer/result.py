"""What a run came to: the document that `--json` prints and `result.json` holds. Pure: no Keras."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from transfer.controls.paired import Difference
from transfer.data.records import Broken
from transfer.evaluate import Score
from transfer.finding import Finding


@dataclass(frozen=True)
class PhaseResult:
    """A phase that was carried out.

    Attributes:
        train: scopes of the layers that trained.
        frozen: scopes of the reused layers that did not.
        cut: the scopes whose outputs it trained on.
        lr: the learning rate.
        epochs: how many ran; `best_epoch` is the one whose weights were kept, from 1.
        seconds: of compiling and training.
        train_loss, valid_loss, valid_accuracy: of the best epoch; losses in nats.
        kept: whether it improved on all phases before it.
        gained: whether it improved on where it began.
        reused: scopes of the layers that began with the source's weights.
        findings: what was wrong with its training.
    """

    train: tuple[str, ...]
    frozen: tuple[str, ...]
    cut: tuple[str, ...]
    lr: float
    epochs: int
    best_epoch: int
    seconds: float
    train_loss: float
    valid_loss: float
    valid_accuracy: float
    kept: bool = True
    gained: bool = True
    reused: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class CacheUse:
    """The first cut's cache key; whether all cuts lay in the cache; of all cuts together the bytes, the seconds, and
    how many samples had to be extracted.
    """  # fmt: skip

    key: str
    hit: bool
    bytes: int
    seconds: float
    extracted: int = 0


@dataclass(frozen=True)
class Seconds:
    """Where the time went. `import` is a keyword of Python: in JSON it has no underscore."""

    import_: float
    extract: float
    train: float
    scratch: float
    total: float


@dataclass(frozen=True)
class Scratch:
    """The same architecture from fresh weights on the same data and budget.

    `difference` is the reused model's figure less this one's, over the test samples; None where there are too few.
    `test` is its score in full; None without test data, and in runs of earlier versions.
    """

    phases: tuple[PhaseResult, ...]
    valid_accuracy: float
    test_accuracy: float | None
    test_accuracy_ci95: tuple[float, float] | None
    seconds: float
    difference: Difference | None = None
    test: Score | None = None


@dataclass(frozen=True)
class Result:
    """A finished run: what the reused model reached, beside it what the same from scratch did, and which one is kept.

    What is said of "the result" is said of the model that is kept, which is what would be published: `of_kept`,
    `valid_loss`, `accuracy`. All other figures are the reused model's, or below `scratch` the other's.

    Attributes:
        run: its identifier.
        model, revision, data: what it started from.
        fingerprint: of the data's content.
        classes: the labels, in the order of the outputs.
        reuse, freeze: the regexes; `reused` the scopes that the first selects.
        cut: where the first phase cut.
        phases: in order; `best_phase` counts from 1.
        valid_accuracy, test_accuracy: of the reused model, in its best phase; the second is None where there are no
            test data.
        test_accuracy_ci95: Wilson's interval.
        test: the same in full, by class; of the reused model too.
        scratch: None where it was not asked for.
        seed: of everything random.
        target: the labels' kind: `class`, `multilabel` or `number`.
        measure: what the accuracies are (`transfer.evaluate.MEASURES`).
        broken: the samples that were left out because they cannot be read.
        remarks: what a person should know of how the data were taken, and of the new layers.
        kept: which model the run's is: `reused`, or `scratch` where the plan leaves the choice to the figures and the
            control has the lower validation loss.
    """

    run: str
    model: str
    revision: str
    data: str
    fingerprint: str
    classes: tuple[str, ...]
    reuse: str
    freeze: str | None
    reused: tuple[str, ...]
    cut: tuple[str, ...]
    phases: tuple[PhaseResult, ...]
    best_phase: int
    valid_accuracy: float
    test_accuracy: float | None
    test_accuracy_ci95: tuple[float, float] | None
    test: Score | None
    scratch: Scratch | None
    cache: CacheUse
    seconds: Seconds
    seed: int
    target: str = "class"
    measure: str = "accuracy"
    broken: tuple[Broken, ...] = ()
    remarks: tuple[str, ...] = ()
    kept: str = "reused"

    @property
    def of_kept(self) -> Result | Scratch:
        """The figures of the model that is kept."""
        return self.scratch if self.kept == "scratch" and self.scratch else self

    @property
    def valid_loss(self) -> float:
        """Of the model that is kept."""
        of = self.of_kept
        return of.phases[-1 if of is self.scratch else self.best_phase - 1].valid_loss

    @property
    def accuracy(self) -> float:
        """Of the model that is kept: on the test samples, or on those of validation where there are none."""
        of = self.of_kept
        return of.valid_accuracy if of.test_accuracy is None else of.test_accuracy


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over seeds; the deviation of one value is 0."""

    mean: float
    std: float


def spread(values: Sequence[float]) -> Spread:
    """Summarise one figure over seeds.

    >>> spread([1.0, 3.0])
    Spread(mean=2.0, std=1.4142135623730951)
    """
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)
