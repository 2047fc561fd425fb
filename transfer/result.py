"""What a run came to: the document that `--json` prints and `result.json` holds. Pure: no Keras."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from transfer.data.records import Broken
from transfer.evaluate import Score


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
        kept: whether it improved on the phases before it.
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
    """The same architecture from fresh weights on the same data and budget."""

    phases: tuple[PhaseResult, ...]
    valid_accuracy: float
    test_accuracy: float | None
    test_accuracy_ci95: tuple[float, float] | None
    seconds: float


@dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        run: its identifier.
        model, revision, data: what it started from.
        fingerprint: of the data's content.
        classes: the labels, in the order of the outputs.
        reuse, freeze: the regexes; `reused` the scopes that the first selects.
        cut: where the first phase cut.
        phases: in order; `best_phase` counts from 1.
        valid_accuracy, test_accuracy: of the best phase; the second is None where there are no test data.
        test_accuracy_ci95: Wilson's interval.
        test: the same in full, by class.
        scratch: None where it was not asked for.
        seed: of everything random.
        target: the labels' kind: `class`, `multilabel` or `number`.
        measure: what the accuracies are (`transfer.evaluate.MEASURES`).
        broken: the samples that were left out because they cannot be read.
        remarks: what a person should know of how the data were taken.
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
