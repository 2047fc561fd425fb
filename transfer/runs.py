"""Runs on disk: one folder each below `$ZOO_HOME/runs`. Pure of Keras, so that `zoo runs` starts at once.

A folder holds `plan.json`, `status.json`, `metrics.jsonl` (a line an epoch), and once it is done `result.json`,
`model.keras` with its weights as `model.safetensors` and its stored test `test.npz`, `card.json` (what it would be
published with), `predictions.npz` and `report.md`. `environment.json` is written at the beginning, and by what a run is
resumed after each phase (`transfer.checkpoints`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from registry.card import Card
from registry.errors import ZooError, near
from registry.home import make_folder
from registry.whole import whole
from transfer import json_lines
from transfer.alone import alone, held
from transfer.environment import Environment, environment
from transfer.layer_health import LayerHealth
from transfer.plan.plan import Plan
from transfer.result import Result
from transfer.run_status import STATUS, Status, recorded

T = TypeVar("T")
PLAN, METRICS, RESULT, CARD, MODEL, REPORT = (
    "plan.json", "metrics.jsonl", "result.json", "card.json", "model.keras", "report.md",
)  # fmt: skip
WEIGHTS, TESTS = "model.safetensors", "test.npz"
ENVIRONMENT = "environment.json"


@dataclass(frozen=True)
class EpochRow:
    """A line of `metrics.jsonl`; `phase` is 0 for training from scratch; losses in nats; `layers` from the input on."""

    phase: int
    epoch: int
    train_loss: float
    valid_loss: float
    valid_accuracy: float
    layers: tuple[LayerHealth, ...] = ()


@dataclass(frozen=True)
class RunFolder:
    """One run's folder."""

    path: Path

    @property
    def id(self) -> str:
        """The run's identifier: the folder's name."""
        return self.path.name

    @property
    def model(self) -> Path:
        """The best phase's model."""
        return self.path / MODEL

    @property
    def model_files(self) -> dict[str, Path]:
        """What is published of it, by the path that it gets."""
        paths = {name: self.path / name for name in (MODEL, WEIGHTS, TESTS)}
        if not paths[WEIGHTS].exists():  # a run of version 0.1
            del paths[WEIGHTS]
        return paths

    @property
    def report(self) -> Path:
        """The account for people."""
        return self.path / REPORT

    @property
    def plan(self) -> Plan:
        """The run's choices."""
        return self._read(PLAN, Plan)

    @property
    def result(self) -> Result:
        """What it came to.

        Raises:
            ZooError: it did not end, or the file is broken.
        """
        if not (self.path / RESULT).exists():
            raise ZooError(f"the run {self.id} has no result: it is {self.status.state}", "zoo runs lists all")
        return self._read(RESULT, Result)

    @property
    def card(self) -> Card:
        """What its model would be published with; it has no name yet.

        Raises:
            ZooError: the run did not end.
        """
        self.result  # noqa: B018  says how a run without a result stands
        return self._read(CARD, Card)

    @property
    def status(self) -> Status:
        """How it stands; one that no process carries out any more counts as interrupted."""
        plan = self.path / PLAN
        planned = plan.exists() and not (self.path / STATUS).exists()
        status = Status("running", plan.stat().st_mtime) if planned else self._read(STATUS, Status)
        gone = status.state == "running" and not held(self.path)
        return replace(status, state="interrupted") if gone else status

    @property
    def environment(self) -> Environment | None:
        """On what it was begun; None of a run of version 0.1."""
        return self._read(ENVIRONMENT, Environment) if (self.path / ENVIRONMENT).exists() else None

    def write(self, name: str, value: object) -> None:
        """Write a value as one of the folder's JSON files, whole or not at all."""
        text = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
        with whole(self.path / name) as temporary:
            temporary.write_bytes(text)

    def log(self, rows: list[EpochRow]) -> None:
        """Append epochs to the metrics."""
        json_lines.append(self.path / METRICS, rows)

    def epochs(self) -> list[EpochRow]:
        """Read the metrics back."""
        rows = json_lines.read(self.path / METRICS, EpochRow)
        return list({(row.phase, row.epoch): row for row in rows}.values())  # a phase that was resumed comes twice

    def _read(self, name: str, kind: type[T]) -> T:
        path = self.path / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError, ZooError) as error:  # of a value that was checked when it was built
            why = error.strerror if isinstance(error, OSError) else error
            raise ZooError(f"{path} cannot be read: {why}", "zoo runs lists all runs, and what is broken") from error


class Runs:
    """The folder of all runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, name: str) -> RunFolder:
        """Return the run of that identifier, or of an unambiguous beginning of one; `last` is the newest.

        Raises:
            ZooError: there is none, or there are several.
        """
        known = [folder.id for folder in self.all()]
        matching = known[-1:] if name == "last" else [one for one in known if one == name or one.startswith(name)]
        if name in matching:
            matching = [name]
        if len(matching) != 1:
            several = f"{len(matching)} runs begin with" if matching else "no run is named"
            raise ZooError(f"{several} {name!r}", near(name, matching or known))
        return RunFolder(self.root / matching[0])

    def all(self) -> list[RunFolder]:
        """Return every run, the oldest first; also one that was killed before it had more than a plan."""
        found = {path.parent for name in (PLAN, STATUS) for path in self.root.glob(f"*/{name}")}
        return [RunFolder(path) for path in sorted(found)]

    @contextmanager
    def new(self, plan: Plan, fingerprint: str = "") -> Iterator[RunFolder]:
        """Open a folder for a run, and record in it how the run ends."""
        folder = self._folder(plan)
        with alone(folder.path):
            folder.write(PLAN, plan)
            folder.write(ENVIRONMENT, environment())
            with recorded(partial(folder.write, STATUS), fingerprint):
                yield folder

    @contextmanager
    def again(self, folder: RunFolder) -> Iterator[RunFolder]:
        """Take a run up again that did not end, and record how it ends.

        Raises:
            ZooError: another process carries it out.
        """
        with alone(folder.path), recorded(partial(folder.write, STATUS), folder.status.fingerprint):
            yield folder

    def _folder(self, plan: Plan) -> RunFolder:
        make_folder(self.root)
        model = plan.model.partition("@")[0].replace("/", "-").strip("-.") or "model"
        stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{model}"
        for number in range(1, 1000):
            path = self.root / (stem if number == 1 else f"{stem}-{number}")
            try:
                path.mkdir()
                return RunFolder(path)
            except FileExistsError:
                continue
            except OSError as error:
                raise ZooError(
                    f"cannot create the run folder {path}: {error.strerror}",
                    "set ZOO_HOME to a writable folder",
                ) from error
        raise ZooError(f"cannot find a free name for a run like {stem} in {self.root}")


def plain(result: Result) -> dict[str, object]:
    """Return a result as the `--json` document, with the figures of the model that is kept beside the reused one's."""
    document = asdict(result)
    document["seconds"]["import"] = document["seconds"].pop("import_")
    document |= {
        "accuracy": result.accuracy,
        "kept_valid_accuracy": result.of_kept.valid_accuracy,
        "kept_test_accuracy": result.of_kept.test_accuracy,
        "kept_test_accuracy_ci95": result.of_kept.test_accuracy_ci95,
    }
    return document
