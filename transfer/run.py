"""Carry out a plan: train, choose the best phase, evaluate it once, record the result."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.account import Account, Trained, cache_use, lineage, metrics, prefers, summary
from transfer.backbone import Backbone, model_inputs
from transfer.cache import FeatureCache
from transfer.changing import changes
from transfer.cluster.cluster import Cluster
from transfer.data.dataset import Dataset
from transfer.draft import STORED, draft
from transfer.extract import outputs
from transfer.features import Inputs
from transfer.fitting.fitted import DivergenceError
from transfer.inputs import ModelInput
from transfer.mistakes import predictions
from transfer.plan.plan import Plan
from transfer.plan.selection import choose
from transfer.predicted import write
from transfer.presented import feed_of, preparation
from transfer.result import Result, Seconds
from transfer.runs import CARD, RESULT, RunFolder
from transfer.split import freeze
from transfer.student import Student
from transfer.training import Trainer


@dataclass(frozen=True)
class Job:
    """A plan with the things that it speaks of.

    Attributes:
        plan: the choices.
        source: the backbone to start from, as it takes the data (`transfer.presented.to_train`).
        data: the labelled samples.
        folder: where the run is recorded.
        cache: where features are kept.
        watch: where progress goes.
        cluster: where it is carried out; None for this process.
    """

    plan: Plan
    source: Backbone
    data: Dataset
    folder: RunFolder
    cache: FeatureCache
    watch: Watch = silent
    cluster: Cluster | None = None

    def run(self, import_seconds: float = 0.0) -> Result:
        """Train, choose, evaluate, and write the result and the best model into the folder.

        Raises:
            ZooError: the plan does not fit the model or the data, or training diverged.
        """
        start = time.perf_counter()
        source = self.source
        selection = choose(source.layers, self.plan.reuse, self.plan.freeze)
        student = Student(source.model, selection, self.plan.top, self.data.target)
        model = student.build(self.plan.seed, kept=selection.reused)
        takes = model_inputs(model)
        inputs = self._inputs(source, takes)
        target = self.data.target
        trainer = Trainer(
            self.plan, student, inputs, target, preparation(source), changes(self.plan, source, takes, target),
            self.folder, self.cache, self.watch, self.cluster,
        )  # fmt: skip
        model, done = trainer.phases(model)
        reused = Trained(model, tuple(done), trainer.tested(model, done), sum(phase.seconds for phase in done))
        control = self._control(trainer, sum(phase.epochs for phase in done))
        kept = control if control and prefers(self.plan, reused, control) else reused
        cache = cache_use(trainer.cached)
        spent = Seconds(
            import_seconds, cache.seconds, reused.seconds, control.seconds if control else 0.0,
            import_seconds + time.perf_counter() - start,
        )  # fmt: skip
        remarks = (*student.remarks, *self.cache.said, *trainer.said)
        of = Account(self.plan, self.data, self.folder.id, selection, inputs["test"].labels, remarks)
        result = of.result(reused, control, kept, cache, spent)
        self._predict(kept, inputs)
        self._save(kept.model, source, result, inputs["valid"])
        return result

    def _inputs(self, source: Backbone, takes: Sequence[ModelInput]) -> dict[str, Inputs]:
        """Give each split as the model takes it; what does not fit is said here, before anything trains."""
        inputs = {
            name: Inputs(feed_of(source, takes, split.samples, f"{self.data.ref}: {name}"), split.y)
            for name, split in self.data.splits.items()
        }
        for split in inputs.values():
            split.feed.read(np.arange(min(1, len(split))))
        return inputs

    def _control(self, trainer: Trainer, epochs: int) -> Trained | None:
        """Train the same architecture from scratch; None where that is not asked for, or where it diverges."""
        if not self.plan.compare_scratch:
            return None
        start = time.perf_counter()
        try:
            model, done = trainer.scratch(epochs)
        except DivergenceError:
            return None
        return Trained(model, (done,), outputs(model, trainer.inputs["test"].feed), time.perf_counter() - start)

    def _predict(self, kept: Trained, inputs: dict[str, Inputs]) -> None:
        """Record what the model says of the test samples, of validation where there are none, and its mistakes."""
        split = "test" if len(inputs["test"]) else "valid"
        said = kept.outputs if split == "test" else outputs(kept.model, inputs[split].feed)
        write(self.folder.path, predictions(said, self.data, split))

    def _save(self, model: Any, source: Backbone, result: Result, valid: Inputs) -> None:
        freeze(model, ())
        stored = valid.feed.read(np.arange(min(STORED, len(valid))))
        try:
            card = draft(
                model,
                self.folder.model,
                stored,
                preprocessing=source.preprocessing,
                columns=source.columns,
                classes=self.data.classes,
                target=self.data.target.kind,
                lineage=lineage(self.plan, result),
                task=source.task,
                data=self.plan.data if ":" in self.plan.data else "",
                metrics=metrics(result),
                tags=("transfer",),
                summary=summary(self.plan, result),
            )
            self.folder.write(CARD, card)
            self.folder.write(RESULT, result)
        except (OSError, RuntimeError) as error:  # Keras and h5py raise the second on a full disk
            raise ZooError(
                f"cannot write the result into {self.folder.path}: {_why(error)}",
                "free some space, or set ZOO_HOME to a folder on another disk",
            ) from error


def _why(error: OSError | RuntimeError) -> str:
    """Return what the system said; HDF5 may tell it in the middle of a text.

    >>> _why(RuntimeError("Can't decrement id ref count (file write failed: errno = 28, error message = 'No space')"))
    'No space left on device'
    """
    number = getattr(error, "errno", None) or next(iter(re.findall(r"errno = (\d+)", str(error))), 0)
    return os.strerror(int(number)) if int(number) else str(error)
