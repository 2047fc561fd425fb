"""Where a plan is carried out, if not in this process alone: a Ray cluster. Imports nothing, for the options."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import ChoiceError

AUTO = "auto"
CLIENT = "ray://"
PLACE = re.compile(r"[^\s/:@]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")
LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster. What a plan comes to does not depend on it, so that it is no part of the plan.

    Attributes:
        address: `HOST:PORT` of its head, or `auto` for the one that this machine belongs to; None starts one here,
            which ends with the command.
        workers: how many processes extract and train, one CPU each; None for all of its CPUs.
    """

    address: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ChoiceError(f"--workers is {self.workers}; expected 1 or more")
        if self.address is not None and self.address.startswith(CLIENT):
            raise ChoiceError(
                f"--address {self.address} is that of a Ray client, through which no data can go",
                "run zoo on a machine of the cluster: --address auto",
            )
        if self.address not in (None, AUTO) and not PLACE.fullmatch(str(self.address)):
            raise ChoiceError(f"--address {self.address!r} cannot be read", "auto, or HOST:PORT of the cluster's head")


def cluster_of(engine: str | None, address: str | None = None, workers: int | None = None) -> Cluster | None:
    """Return where a user wants a plan to be carried out; None for this process.

    Raises:
        ChoiceError: there is no such engine, or a choice that only a cluster has is made for none.

    >>> cluster_of("ray", workers=2)
    Cluster(address=None, workers=2)
    """
    if engine not in (None, *ENGINES):
        raise ChoiceError(f"there is no engine {engine!r}", f"there are: {', '.join(ENGINES)}")
    if engine == RAY:
        return Cluster(address, workers)
    for name, given in (("--address", address), ("--workers", workers)):
        if given is not None:
            raise ChoiceError(f"{name} is of a cluster, and the engine is {LOCAL}", "--engine ray")
    return None
