"""A phase in words, for the terminal and the page. Text only."""

from __future__ import annotations

from collections.abc import Sequence

from transfer.layer_health import LARGEST
from transfer.result import PhaseResult, Result
from zoo.output import figure

FRESH = "all layers, fresh"  # what trains from scratch
MANY = 5  # layers, which are not all named


def marked(number: int, result: Result, mark: str = "*") -> str:
    """Return a phase's number, with a mark where the run's model is that phase's."""
    return f"{number} {mark}" if number == result.best_phase and result.kept == "reused" else str(number)


def kept_model(result: Result) -> str:
    """Name the model that is kept."""
    return "the model from scratch" if result.kept == "scratch" else "the reused model"


def of_kept(result: Result) -> str:
    """Say that figures are of the model that is kept, in a sentence; empty where there is no other."""
    return f"Of {kept_model(result)}, which is kept." if result.scratch else ""


def chosen(result: Result) -> str:
    """Say by what the marked model was chosen."""
    among = " of the phases with reused layers" if passed_over(result) else ""
    return f"the lowest validation loss{among}"


def passed_over(result: Result) -> str:
    """Say that training from scratch was better by validation and is not kept, where that is so; else empty."""
    lowest = result.scratch.phases[-1].valid_loss if result.scratch and result.kept == "reused" else result.valid_loss
    if lowest >= result.valid_loss:
        return ""
    return f"from scratch it is lower, {loss(lowest)}: only --unfreeze auto would keep that model"


def trains(phase: PhaseResult, before: Sequence[PhaseResult]) -> str:
    """Say what trains in a phase: of the first, and where layers are made anew, all; else what comes to it.

    Args:
        phase: the phase.
        before: those before it.
    """
    if not before or phase.reused != before[-1].reused:
        anew = [scope for scope in (before[-1].reused if before else ()) if scope not in phase.reused]
        dropped = f"{named(anew)} anew; " if anew else ""
        return dropped + (f"all but {named(phase.frozen)}" if phase.frozen else "all layers")
    return f"+ {named([scope for scope in phase.train if scope not in before[-1].train])}"


def gained(phase: PhaseResult) -> str:
    """Say whether a phase paid: `best so far`, `better` than where it began, or `no gain`."""
    return "best so far" if phase.kept else "better" if phase.gained else "no gain"


def loss(value: float) -> str:
    """Write a loss, or that it is none (`transfer.layer_health.LARGEST` stands for it).

    >>> loss(0.25), loss(LARGEST)
    ('0.2500', 'no number')
    """
    return "no number" if value >= LARGEST else figure(value)


def named(scopes: Sequence[str]) -> str:
    """Name a few layers, or of many the first and the last.

    >>> named(["a", "b"]), named(["a", "b", "c", "d", "e"])
    ('a, b', 'a … e (5 layers)')
    """
    if len(scopes) < MANY:
        return ", ".join(scopes)
    return f"{scopes[0]} … {scopes[-1]} ({len(scopes)} layers)"
