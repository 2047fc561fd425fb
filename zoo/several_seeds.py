"""A transfer carried out with several seeds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from registry.errors import ZooError
from zoo.transferring import Bars, Prepared, Run


class Stopped(KeyboardInterrupt):
    """An interruption: the seed it was in, when that began (Unix seconds), and the runs that were done before it."""

    def __init__(self, seed: int, since: float, done: Sequence[Run]) -> None:
        super().__init__(f"interrupted with seed {seed}")
        self.seed = seed
        self.since = since
        self.done = tuple(done)


def repeated(prepared: Prepared, seeds: int, bars: Bars) -> list[Run]:
    """Carry a transfer out with several seeds, from its plan's own upwards; each gets progress of its own.

    Raises:
        ZooError: training diverged with some seed; the runs with the others have been done.
        Stopped: it was interrupted.
    """
    from transfer.cluster.connecting import used
    from transfer.fitting.fitted import DivergenceError

    runs, lost = list[Run](), dict[int, DivergenceError]()
    with used(prepared.cluster):
        for seed in range(prepared.plan.seed, prepared.plan.seed + seeds):
            since = time.time()
            try:
                with bars() as watch:
                    runs.append(replace(prepared, plan=replace(prepared.plan, seed=seed)).run(watch))
            except DivergenceError as error:
                lost[seed] = error
            except KeyboardInterrupt:
                raise Stopped(seed, since, runs) from None
    if lost:
        raise _of_seeds(lost, runs)
    return runs


def _of_seeds(lost: Mapping[int, ZooError], runs: Sequence[Run]) -> ZooError:
    first = next(iter(lost.values()))
    if len(lost) == 1 and not runs:
        return first
    many, seeds = len(lost) + len(runs), ", ".join(map(str, lost))
    which = f"seed{'' if len(lost) == 1 else 's'} {seeds} of {many}" if runs else f"all of {many} seeds"
    done = ", ".join(run.folder.id for run in runs)
    kept = f"; the runs with the others are done, and a mean of them alone would flatter: {done}" if runs else ""
    return ZooError(f"with {which}, {first.message}{kept}", first.hint)
