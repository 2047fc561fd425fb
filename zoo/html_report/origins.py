"""The page's last sections: lineage, time, environment, and how to repeat it."""

from __future__ import annotations

from zoo.html_report.bars import Bar, bar_chart
from zoo.html_report.blocks import Block, Code, Facts, Figure, Section, Table
from zoo.html_report.told import Told
from zoo.output import count, size
from zoo.report import command

LEFT_OUT = 50


def lineage(told: Told) -> Section | None:
    """Say what the model comes from."""
    from_where = told.card.lineage if told.card else None
    if from_where is None or told.card is None:
        return None
    kept = f"{from_where.reuse}: {', '.join(from_where.reused)}" if from_where.reuse else "nothing: it is made anew"
    pairs = [
        ("Parent", from_where.parent),
        ("Kept of it", kept),
        ("Trained on", f"{from_where.data} ({from_where.fingerprint})"),
        ("Run", from_where.run),
        ("Parameters", f"{told.card.parameters:,} in {count(len(told.card.layers), 'layer')}"),
    ]
    return Section("Lineage", [Facts(pairs)])


def times(told: Told) -> Section | None:
    """Draw where the time went."""
    result = told.result
    if result is None:
        return None
    spent = result.seconds
    parts = [("reading the model", spent.import_), ("features", spent.extract)]
    parts += [(f"phase {number}", phase.seconds) for number, phase in enumerate(result.phases, 1)]
    parts += [("from scratch", spent.scratch)] if result.scratch else []
    parts.append(("the rest", max(0.0, spent.total - sum(seconds for _, seconds in parts))))
    bars = [Bar(name, seconds, f"{seconds:.2f} s") for name, seconds in parts]
    cache = result.cache
    state = "were there already" if cache.hit else f"{count(cache.extracted, 'sample')} extracted"
    title = f"Seconds, {spent.total:.1f} in all"
    facts = Facts([("Feature cache", f"{size(cache.bytes)}; {state}" if cache.key else "not used")])
    return Section("Where the time went", [Figure(bar_chart(title, bars), title), facts])


def left_out(told: Told) -> Section | None:
    """List the samples that cannot be read."""
    broken = told.result.broken if told.result else ()
    if not broken:
        return None
    rows = [[one.where, one.why] for one in broken[:LEFT_OUT]]
    more = f", of which these are the first {LEFT_OUT}" if len(broken) > LEFT_OUT else ""
    return Section(
        "Left out", [Table(["sample", "why"], rows, (0, 1))], f"{count(len(broken), 'sample')} cannot be read{more}."
    )


def repeat(told: Told) -> Section:
    """Give the command that does it again, and on what it was done."""
    blocks: list[Block] = [Code(command(told.plan)), Code(f"zoo replay {told.folder.id}")]
    if told.environment:
        known = told.environment
        packages = ", ".join(f"{name} {version}" for name, version in known.packages.items())
        blocks.append(Facts([
            ("Packages", packages), ("Python", known.python), ("System", known.platform),
            ("Processors", str(known.cpus)),
        ]))  # fmt: skip
    return Section("To repeat it", blocks, "The first makes the same choices; the second also compares what comes out.")
