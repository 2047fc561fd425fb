"""What a diagnosis found, in lines for people. Text only."""

from __future__ import annotations

from collections.abc import Iterator

from transfer.finding import Finding
from transfer.result import Result


def findings_lines(result: Result) -> str:
    """Return a line for each finding of a run's phases, each behind a line break; empty where all is well."""
    return "".join(f"\n! {where}: {finding}" for where, finding in _found(result))


def _found(result: Result) -> Iterator[tuple[str, Finding]]:
    for number, phase in enumerate(result.phases, start=1):
        yield from ((f"phase {number}", finding) for finding in phase.findings)
    for phase in result.scratch.phases if result.scratch else ():
        yield from (("from scratch", finding) for finding in phase.findings)
