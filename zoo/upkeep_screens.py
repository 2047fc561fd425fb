"""Pages and JSON documents about the catalogue's state: what `verify` and `doctor` print. Text only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.output import table

if TYPE_CHECKING:
    from registry.rebuild import Rebuilt
    from zoo.checkup import Check
    from zoo.verifying import Verdict


def verify_document(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return what `zoo verify --json` prints."""
    rows = [{"name": one.name, "revision": one.revision, "ok": one.ok, "problems": one.problems} for one in verdicts]
    return {"models": rows, "count": len(rows), "ok": all(one.ok for one in verdicts)}


def verify_page(verdicts: Sequence[Verdict]) -> str:
    """Return what `zoo verify` prints: what is wrong, then how many are right."""
    bad = [one for one in verdicts if not one.ok]
    lines = [f"{one.name}@{one.revision[:12]}: {problem}" for one in bad for problem in one.problems]
    right = len(verdicts) - len(bad)
    return "\n".join(
        [*lines, f"{right} of {len(verdicts)} revisions verified" + (f", {len(bad)} damaged" if bad else "")]
    )


def checks_page(checks: Sequence[Check]) -> str:
    """Return what `zoo doctor` prints."""
    rows = [[one.name, "ok" if one.ok else "PROBLEM", one.found] for one in checks]
    hints = [f"hint: {one.name}: {one.hint}" for one in checks if not one.ok and one.hint]
    return "\n".join([table(["check", "state", "found"], rows), *hints])


def rebuilt_page(done: Rebuilt) -> str:
    """Return what `zoo doctor --rebuild` prints."""
    kept = [f"the old catalogue is kept as {done.old}"] if done.old else []
    lost = [f"lost: {one}" for one in done.lost]
    return "\n".join([f"rebuilt: {done.revisions} revisions, {done.tags} tags", *lost, *kept, "next: zoo verify"])
