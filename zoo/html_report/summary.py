"""The page's first sections: what was done, and what came out."""

from __future__ import annotations

import time

from registry.errors import first_few
from transfer.plan.plan import AUTO
from transfer.result import Result
from zoo.html_report.bars import Interval, interval_chart
from zoo.html_report.blocks import Block, Facts, Figure, Section, Table, Text
from zoo.html_report.told import Told
from zoo.output import count, percent_interval
from zoo.phase_text import of_kept
from zoo.report import SCRATCH, helped, validated

NAMED = 12  # classes or layers


def done(told: Told) -> Section:
    """Say what was done: model, data, selection, and how it stands."""
    plan, result = told.plan, told.result
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(told.status.started))
    target = f"{result.target}: {first_few(result.classes, NAMED)}" if result else ""
    pairs = [
        ("Model", plan.model),
        ("Data", plan.data + (f" (fingerprint {result.fingerprint[:12]})" if result else "")),
        ("Target", target),
        ("Reused", f"{plan.reuse}" + (f": {first_few(result.reused, NAMED)}" if result else "")),
        ("Frozen at first", plan.freeze or "all that is reused"),
        ("Then", "unfrozen from the top while it helps" if plan.unfreeze == AUTO else ", ".join(plan.unfreeze)),
        ("Seed", str(plan.seed)),
        ("Started", f"{started}; {told.status.state}"),
    ]
    notes: list[Block] = [Text(f"Note: {remark}.") for remark in (result.remarks if result else ())]
    if told.status.state != "done":
        why = f": {told.status.why}" if told.status.why else ""
        notes.insert(0, Text(f"This run is {told.status.state}{why}. Shown is what it came to.", "bad"))
    return Section("What was done", [*notes, Facts([pair for pair in pairs if pair[1]])])


def verdict(told: Told) -> Section | None:
    """Say how good the model is, and whether reuse helped."""
    result = told.result
    if result is None:
        return None
    if result.test is None or result.test_accuracy_ci95 is None or result.test_accuracy is None:
        return Section("Verdict", [Text(f"There are no test data: {validated(result)}.")])
    intervals = [Interval("reused", result.test_accuracy, *result.test_accuracy_ci95)]
    scratch = result.scratch
    if scratch and scratch.test_accuracy is not None and scratch.test_accuracy_ci95 is not None:
        intervals.append(Interval("from scratch", scratch.test_accuracy, *scratch.test_accuracy_ci95))
    rows = [[one.name, f"{one.value:.4f}", percent_interval((one.low, one.high))] for one in intervals]
    title = f"Test {result.measure} with 95 % intervals, {count(result.test.n, 'sample')}"
    blocks = [
        *_helped(result), Table(["", f"test {result.measure}", "95 % interval"], rows, narrow=True),
        Figure(interval_chart(title, intervals, f"test {result.measure}"), title), *_errors(result),
    ]  # fmt: skip
    return Section("Verdict", blocks)


def _helped(result: Result) -> list[Block]:
    scratch = result.scratch
    if scratch is None or scratch.test_accuracy is None or result.test_accuracy is None:
        return []
    kept = [Text("Kept is the model from scratch, whose validation loss is lower.")] if result.kept == "scratch" else []
    if scratch.difference:
        tone = {1: "good", -1: "bad", 0: ""}[scratch.difference.sign]
        return [Text(_sentence(helped(scratch.difference)), tone), *kept]
    return [Text(f"{result.test_accuracy - scratch.test_accuracy:+.4f} over {SCRATCH}."), *kept]


def _errors(result: Result) -> list[Block]:
    test = result.of_kept.test
    errors = test.errors if test else {}
    if not errors:
        return []
    names = {"mae": "Mean absolute error", "rmse": "Root mean squared error"}
    said: list[Block] = [Text(of_kept(result))] if result.scratch else []
    return [*said, Facts([(names.get(name, name), f"{value:.6g}") for name, value in errors.items()])]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
