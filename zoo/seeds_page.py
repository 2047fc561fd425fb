"""A transfer with several seeds in words: the table, what it comes to, and what was found. Text only."""

from __future__ import annotations

from collections.abc import Sequence

from transfer.controls.paired import SAMPLES, Difference, limit, over_seeds
from transfer.result import Result, Spread, spread
from zoo.findings_text import seeds_findings, seeds_named
from zoo.output import table
from zoo.phase_text import kept_model
from zoo.report import helped


def seeds_page(results: Sequence[Result], accuracy: Spread, scratch: Spread | None) -> str:
    """Return the table of several seeds with mean and deviation, which seeds keep what, and whether reuse helped.

    Args:
        results: a result a seed.
        accuracy: of the reused models: on the test samples, or on those of validation where there are none.
        scratch: of the models from scratch.
    """
    rows = [
        [f"{one.seed} *" if one.kept == "scratch" else str(one.seed), one.run, f"{one.valid_accuracy:.4f}",
         _or_dash(one.test_accuracy), _or_dash(one.scratch.test_accuracy if one.scratch else None)]
        for one in results
    ]  # fmt: skip
    tested = results[0].test_accuracy is not None
    for name in ("mean", "std"):
        figure = f"{getattr(accuracy, name):.4f}"
        rows.append([name, "", *(["", figure] if tested else [figure, "-"]), _or_dash(getattr(scratch, name, None))])
    measure = results[0].measure
    headers = ["seed", "run", f"valid {measure}", f"test {measure}", "from scratch"]
    text = table(headers, rows, right=headers[2:]) + _kept(results) + seeds_findings(results)
    difference = gain(results)
    return text + (f"\n\n{_helped(difference)}" if difference else "")


def gain(results: Sequence[Result]) -> Difference | None:
    """Compare runs with several seeds with training from scratch; None where they did not, or for a single seed."""
    reused = [one.test_accuracy for one in results if one.test_accuracy is not None]
    scratch = [one.scratch.test_accuracy for one in results if one.scratch and one.scratch.test_accuracy is not None]
    if not len(reused) == len(scratch) == len(results) > 1:
        return None
    each = [one.scratch.difference if one.scratch else None for one in results]
    return over_seeds(reused, scratch, each, limit(results[0].target))


def kept_words(results: Sequence[Result]) -> str:
    """Say how good the models are that are kept, be they reused or from scratch; of several seeds on average."""
    split = "validation" if results[0].of_kept.test_accuracy is None else "test"
    mean = spread([one.accuracy for one in results]).mean
    if len(results) > 1:
        return f"the mean {split} {results[0].measure} of the models that are kept is {mean:.4f}"
    return f"the {split} {results[0].measure} of {kept_model(results[0])}, which is kept, is {mean:.4f}"


def _kept(results: Sequence[Result]) -> str:
    """Say which seeds keep the model from scratch, and what the kept models reach; empty where none does."""
    anew = [one.seed for one in results if one.kept == "scratch"]
    if not anew:
        return ""
    kept = f"the model from scratch is kept with {seeds_named(anew)}: its validation loss is lower"
    return f"\n* {kept};\n  {kept_words(results)}"


def _helped(difference: Difference) -> str:
    alike = difference.over == SAMPLES
    return helped(difference) + ("\nall seeds differ alike: the interval is over the test samples" if alike else "")


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
