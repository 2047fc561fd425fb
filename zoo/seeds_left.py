"""A command's seeds where it is interrupted: what is done, what is not, and what to type for the rest."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from dataclasses import dataclass, replace

from registry.errors import ZooError
from registry.home import home
from zoo.findings_text import seeds_named
from zoo.several_seeds import Stopped, repeated
from zoo.transferring import Bars, Prepared, Run


class Interrupted(ZooError):  # noqa: N818  the name is the error's type under --json
    """Someone pressed Ctrl-C in the midst of training."""


@dataclass(frozen=True)
class Repetition:
    """A transfer with `seeds` seeds, from its plan's own upwards, of which the best is published under a name."""

    prepared: Prepared
    seeds: int
    publish_as: str | None = None

    def run(self, bars: Bars) -> list[Run]:
        """Carry it out.

        Raises:
            ZooError: as `repeated` does.
            Interrupted: it was; `zoo resume` knows of one run only, so what else was asked for is said.
        """
        try:
            return repeated(self.prepared, self.seeds, bars)
        except Stopped as stop:
            raise self._left(stop, _begun(stop)) from None

    def _left(self, stop: Stopped, begun: str) -> Interrupted:
        first, last = self.prepared.plan.seed, self.prepared.plan.seed + self.seeds - 1
        left = range(stop.seed + bool(begun), last + 1)
        said = [f"interrupted with seed {stop.seed} of {first} to {last}" if self.seeds > 1 else "interrupted"]
        said += [f"done: {', '.join(run.folder.id for run in stop.done)}"] if stop.done else []
        said += [f"not begun: {seeds_named(left)}"] if left and self.seeds > 1 else []
        steps = [f"zoo resume {begun} goes on with it"] if begun else []
        steps += [f"{self._rest(left)} does {seeds_named(left)}"] if left else []
        if self.publish_as:
            said.append(f"nothing is published as {self.publish_as}")
            run, which = (begun, "it") if begun and self.seeds == 1 else ("RUN", "the best")
            steps.append(f"zoo publish {run} --as {shlex.quote(self.publish_as)} publishes {which}")
        return Interrupted("; ".join(said), "; then ".join(steps))

    def _rest(self, left: range) -> str:
        from zoo.report import command

        again = command(replace(self.prepared.plan, seed=left[0]))
        return f"{again} --seeds {len(left)}" if len(left) > 1 else again


def _begun(stop: Stopped) -> str:
    """Return the identifier of the run that this process was carrying out; empty where it had not begun."""
    from transfer.runs import Runs

    for folder in reversed(Runs(home().runs).all()):
        with suppress(ZooError):
            status = folder.status
            if status.started < stop.since:
                break
            if status.process == os.getpid():
                return folder.id
    return ""
