"""What a diagnosis found, in lines for people. Text only."""

from __future__ import annotations

from collections.abc import Iterator

from transfer.finding import Finding
from transfer.result import Result


def findings_lines(result: Result) -> str:
    """Return a line for each finding of a run's phases, each behind a line break; empty where all is well."""
    return "".join(f"\n! {where}: {finding}" for where, finding in findings_of(result))


def findings_of(result: Result) -> Iterator[tuple[str, Finding]]:
    """Yield what was found, with where: trouble with one layer in several phases once, as it was first."""
    phases: dict[tuple[str, str], list[int]] = {}
    first: dict[tuple[str, str], Finding] = {}
    for number, phase in enumerate(result.phases, start=1):
        for finding in phase.findings:
            trouble = (finding.kind, finding.layer)
            phases.setdefault(trouble, []).append(number)
            first.setdefault(trouble, finding)
    yield from ((numbered(numbers), first[trouble]) for trouble, numbers in phases.items())
    for phase in result.scratch.phases if result.scratch else ():
        yield from (("from scratch", finding) for finding in phase.findings)


def numbered(phases: list[int]) -> str:
    """Name phases by their numbers, in order.

    >>> numbered([2]), numbered([1, 2, 3]), numbered([1, 3])
    ('phase 2', 'phases 1 to 3, as in the first', 'phases 1 and 3, as in the first')
    """
    if len(phases) == 1:
        return f"phase {phases[0]}"
    all_between = len(phases) > 2 and phases[-1] - phases[0] == len(phases) - 1
    listed = f"{', '.join(map(str, phases[:-1]))} and {phases[-1]}"
    return f"phases {f'{phases[0]} to {phases[-1]}' if all_between else listed}, as in the first"
