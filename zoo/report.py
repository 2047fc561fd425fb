"""A run in words: the tables of the terminal and of `report.md`. Text only."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from transfer.cache_dtypes import FLOAT32
from transfer.controls.paired import SAMPLES, Difference
from transfer.data.reading import Reading
from transfer.engines.table import AUTO
from transfer.evaluate import Score
from transfer.plan.hyperparameters import Training
from transfer.plan.imaging import Imaging
from transfer.plan.plan import Plan
from transfer.result import PhaseResult, Result
from transfer.runs import REPORT, RunFolder
from zoo.findings_text import findings_lines
from zoo.output import count, figure, percent_interval, table
from zoo.phase_text import FRESH, chosen, kept_model, loss, marked, named, of_kept, passed_over, trains
from zoo.top_text import top_words

PHASES = ["phase", "trains", "lr", "epochs", "best", "valid loss"]
SCRATCH = "the same architecture from scratch"
READING = ("target", "target_type", "image_column", "group_column", "ignore_columns", "classes", "limit_per_class")
IMAGING = ("resize", "preprocess", "augment", "views")


def phases_table(result: Result) -> str:
    """Return the table of phases, then training from scratch."""
    rows = [
        [marked(number, result), trains(phase, result.phases[:number - 1]), *_figures(phase)]
        for number, phase in enumerate(result.phases, start=1)
    ]  # fmt: skip
    if result.scratch:
        mark = "scratch *" if result.kept == "scratch" else "scratch"
        rows += [[mark, FRESH, *_figures(phase)] for phase in result.scratch.phases]
    headers = [*PHASES, f"valid {result.measure}", "seconds"]
    other = passed_over(result)
    legend = f"\n* {chosen(result)}: chosen" + (f"\n  {other}" if other else "")
    return table(headers, rows, right=headers[2:]) + legend + findings_lines(result)


def verdict(result: Result) -> str:
    """Return the test accuracies, and a sentence on whether reuse helped."""
    if result.test_accuracy is None or result.test_accuracy_ci95 is None or result.test is None:
        return f"no test data: {validated(result)}"
    rows = [["reused", *_accuracy(result.test_accuracy, result.test_accuracy_ci95)]]
    scratch = result.scratch
    if scratch is None or scratch.test_accuracy is None or scratch.test_accuracy_ci95 is None:
        return f"{_test_table(rows, result)}{_errors(result)}"
    rows.append(["from scratch", *_accuracy(scratch.test_accuracy, scratch.test_accuracy_ci95)])
    gain = result.test_accuracy - scratch.test_accuracy
    said = helped(scratch.difference) if scratch.difference else f"{gain:+.4f} over {SCRATCH}"
    if result.kept == "scratch":
        said += "\nthe model from scratch is kept: its validation loss is lower than that of every phase"
    return f"{_test_table(rows, result)}{_errors(result)}\n\n{said}"


def validated(result: Result) -> str:
    """Say how good the model that is kept is by validation, where there are no test data."""
    whose = f"{kept_model(result)}, which is kept," if result.kept == "scratch" else "the chosen phase"
    return f"the validation {result.measure} of {whose} is {result.of_kept.valid_accuracy:.4f}"


def helped(difference: Difference, rival: str = SCRATCH) -> str:
    """Say whether reuse was better than something else.

    >>> helped(Difference(0.0753, 0.0691, 0.0815, 10, "seeds"))
    'reuse helped: +0.0753 (0.0691 to 0.0815, paired over 10 seeds) over the same architecture from scratch'
    """
    how = f"{difference.mean:+.4f} ({interval(difference)}, paired over {difference.n:,} {difference.over})"
    if difference.sign > 0:
        return f"reuse helped: {how} over {rival}"
    advice = "try fewer layers in --reuse, or another model"
    if difference.sign < 0:
        return f"reuse did not help: {how} against {rival}; {advice}"
    more = "more samples to test on, or --seeds N" if difference.over == SAMPLES else "more seeds"
    return f"reuse and {rival} cannot be told apart: {how}; {more} would tell"


def interval(difference: Difference) -> str:
    """Write the interval of a difference, as text."""
    return f"{difference.low:.4f} to {difference.high:.4f}"


def command(plan: Plan) -> str:
    """Return the command that repeats a plan, with the options that differ from the defaults."""
    words = ["zoo", "transfer", plan.model, "--data", plan.data, "--reuse", plan.reuse]
    words += ["--freeze", plan.freeze] if plan.freeze else []
    for choice in plan.unfreeze or ("none",):
        words += ["--unfreeze", choice] if choice != "auto" else []
    words += top_words(plan.top)
    words += _changed(plan.training, Training(), tuple(name for name in vars(plan.training) if name != "diagnose"))
    words += [] if plan.training.diagnose else ["--no-diagnose"]
    words += [] if plan.compare_scratch else ["--no-compare-scratch"]
    words += [] if plan.cached else ["--no-cache"]
    words += [] if plan.backend == AUTO else ["--backend", plan.backend]
    words += [] if plan.cache_dtype == FLOAT32 else ["--cache-dtype", plan.cache_dtype]
    words += _changed(plan.reading, Reading(), READING) + _changed(plan.imaging, Imaging(), IMAGING)
    words += ["--split", "/".join(map(str, plan.reading.split))] if plan.reading.split else []
    words += ["--image-size", "x".join(map(str, plan.imaging.size))] if plan.imaging.size else []
    words += [f"--{name}" for name in ("skip-broken", "paranoid") if getattr(plan.reading, name.replace("-", "_"))]
    return shlex.join([*words, "--seed", str(plan.seed)])


def score_line(kind: str, score: Score) -> str:
    """Return what a table of figures by class leaves out; `kind` is the target's."""
    if kind != "number":
        return f"95 % interval {percent_interval(score.ci95)}; loss {score.loss:.4f} nats"
    low, high = score.ci95
    return (
        f"95 % interval of R2 {low:.4f} to {high:.4f}; mean absolute error {score.errors['mae']:.6g}, "
        f"root mean squared error {score.errors['rmse']:.6g}"
    )


def write_report(folder: RunFolder, plan: Plan, result: Result) -> None:
    """Write `report.md` into a run's folder."""
    test = result.of_kept.test
    per_class = [[name, f"{share:.4f}"] for name, share in (test.per_class if test else {}).items()]
    parts = [
        f"# {result.run}",
        f"`{plan.model}` with `{plan.reuse}` reused ({named(result.reused)}), on `{plan.data}`\n"
        f"(fingerprint `{result.fingerprint[:12]}`), seed {result.seed}. Cut after {', '.join(result.cut)}.",
        "## Phases",
        f"```\n{phases_table(result)}\n```",
        "Losses are in nats.",
        "## Test",
        f"```\n{verdict(result)}\n```",
        of_kept(result) if per_class else "",
        f"```\n{table([result.target, result.measure], per_class, right=[result.measure])}\n```" if per_class else "",
        "\n".join(f"Note: {remark}." for remark in result.remarks),
        _left_out(result),
        "## To repeat it",
        f"```\n{command(plan)}\n```",
    ]
    (folder.path / REPORT).write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _figures(phase: PhaseResult) -> list[str]:
    return [
        f"{phase.lr:g}", str(phase.epochs), str(phase.best_epoch), loss(phase.valid_loss),
        figure(phase.valid_accuracy), f"{phase.seconds:.1f}",
    ]  # fmt: skip


def _accuracy(value: float, interval: tuple[float, float]) -> list[str]:
    return [f"{value:.4f}", f"{interval[0]:.4f} to {interval[1]:.4f}"]


def _test_table(rows: Sequence[Sequence[str]], result: Result) -> str:
    n = f"{result.test.n:,}" if result.test else ""
    headers = ["test", result.measure, "95 % interval", "samples"]
    return table(headers, [[*row, n] for row in rows], right=["samples"])


def _errors(result: Result) -> str:
    test = result.of_kept.test
    errors = test.errors if test else {}
    if not errors:
        return ""
    whose = f"{kept_model(result)}: " if result.scratch else ""
    return f"\n{whose}mean absolute error {errors['mae']:.6g}, root mean squared error {errors['rmse']:.6g}"


def _left_out(result: Result) -> str:
    if not result.broken:
        return ""
    lines = [f"- {one.where}: {one.why}" for one in result.broken]
    return "\n".join([f"## Left out\n\n{count(len(lines), 'sample')} cannot be read:\n", *lines])


def _changed(value: object, default: object, names: Sequence[str]) -> list[str]:
    words: list[str] = []
    for name in names:
        chosen = getattr(value, name)
        if chosen != getattr(default, name):
            words += [f"--{name.replace('_', '-')}", str(chosen)]
    return words
