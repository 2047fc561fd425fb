"""What a diagnosis found, in lines for people. Text only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transfer.finding import Finding
from transfer.result import Result

ANEW = "from scratch"


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
        yield from ((ANEW, finding) for finding in phase.findings)


def seeds_findings(results: Sequence[Result]) -> str:
    """Return a line for each finding of several seeds, with those that have it, as it was in the first of them."""
    seeds: dict[tuple[bool, str, str], list[int]] = {}
    first: dict[tuple[bool, str, str], Finding] = {}
    for one in results:
        for where, finding in findings_of(one):
            trouble = (where == ANEW, finding.kind, finding.layer)
            if one.seed not in seeds.setdefault(trouble, []):
                seeds[trouble].append(one.seed)
            first.setdefault(trouble, finding)
    return "".join(f"\n! {_of_seeds(had, *trouble)}: {first[trouble]}" for trouble, had in seeds.items())


def _of_seeds(seeds: list[int], anew: bool, *_: str) -> str:
    which = seeds_named(seeds) + ("" if len(seeds) == 1 else ", as in the first")
    return f"{ANEW}, {which}" if anew else which


def numbered(phases: list[int]) -> str:
    """Name phases by their numbers, in order.

    >>> numbered([2]), numbered([1, 2, 3]), numbered([1, 3])
    ('phase 2', 'phases 1 to 3, as in the first', 'phases 1 and 3, as in the first')
    """
    return f"phase {phases[0]}" if len(phases) == 1 else f"phases {listed(phases)}, as in the first"


def seeds_named(seeds: Sequence[int]) -> str:
    """Name rising seeds.

    >>> seeds_named([2]), seeds_named([0, 1, 2])
    ('seed 2', 'seeds 0 to 2')
    """
    return f"seed{'' if len(seeds) == 1 else 's'} {listed(seeds)}"


def listed(numbers: Sequence[int]) -> str:
    """List rising numbers.

    >>> listed([2]), listed([1, 2, 3]), listed([1, 3])
    ('2', '1 to 3', '1 and 3')
    """
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    most, last = ", ".join(map(str, numbers[:-1])), str(numbers[-1])
    return f"{most} and {last}" if most else last
