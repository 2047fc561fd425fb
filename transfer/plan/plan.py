"""The plan: every choice of a transfer as one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from transfer.cache_dtypes import CACHE_DTYPES, FLOAT32
from transfer.data.reading import Reading
from transfer.engines.table import AUTO as AUTO_BACKEND
from transfer.engines.table import NAMES
from transfer.plan.checks import check, one_of
from transfer.plan.hyperparameters import Training
from transfer.plan.imaging import Imaging
from transfer.plan.top import Top

AUTO, GRADUAL = ("auto",), ("gradual",)


@dataclass(frozen=True)
class Plan:
    """All that decides a run, but for the bytes of the model and of the data.

    Attributes:
        model: the reference with revision.
        data: the data reference.
        reuse: the regex of the layers whose weights are kept.
        freeze: the regex of those of them that stay fixed in the first phase; None means all, `none` no one.
        unfreeze: `("auto",)`, `("gradual",)`, `()` for a single phase, or one regex a further phase.
        top, training: see there.
        reading: how the data are read.
        imaging: how images are given to the model.
        compare_scratch: also train the same architecture from fresh weights.
        cached: train from cached features; False runs the frozen layers in every step, with the same result.
        backend: what extracts features: a name of `transfer.engines.table`, or `auto`.
        cache_dtype: what the cache stores them as: a name of `transfer.cache_dtypes`.
        seed: of fresh weights, dropout and the order of samples.
    """

    model: str
    data: str
    reuse: str
    freeze: str | None = None
    unfreeze: tuple[str, ...] = AUTO
    top: Top = field(default_factory=Top)
    training: Training = field(default_factory=Training)
    reading: Reading = field(default_factory=Reading)
    imaging: Imaging = field(default_factory=Imaging)
    compare_scratch: bool = True
    cached: bool = True
    seed: int = 0
    backend: str = AUTO_BACKEND
    cache_dtype: str = FLOAT32

    def __post_init__(self) -> None:
        one_of("--backend", self.backend, NAMES)
        one_of("--cache-dtype", self.cache_dtype, tuple(CACHE_DTYPES))
        if not self.cached:
            hint = "leave one of them out"
            check(self.backend == AUTO_BACKEND, "--backend says what extracts features, and --no-cache has none", hint)
            stored = "--cache-dtype says how features are stored, and --no-cache stores none"
            check(self.cache_dtype == FLOAT32, stored, hint)
