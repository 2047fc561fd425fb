"""How it learnt: curves by phase, the same from scratch, and the phases in figures."""

from __future__ import annotations

from collections.abc import Sequence

from transfer.result import PhaseResult
from transfer.runs import EpochRow
from zoo.html_report.blocks import Block, Figure, Section, Table
from zoo.html_report.lines import Band, Series, extent, line_chart, wide
from zoo.html_report.told import SCRATCH, Told
from zoo.output import figure
from zoo.phase_text import FRESH, chosen, gained, loss, marked, passed_over, trains


def curves(told: Told) -> Section | None:
    """Draw loss and accuracy over the epochs, phase by phase; training from scratch has its own panels."""
    if not told.epochs:
        return None
    measure = told.result.measure if told.result else "accuracy"
    losses = [loss for row in told.epochs for loss in (row.train_loss, row.valid_loss) if loss == loss]
    log = wide(losses)
    shares = [row.valid_accuracy for row in told.epochs if row.valid_accuracy == row.valid_accuracy]
    ends = {"loss": extent(losses, log), "share": extent(shares)}
    blocks: list[Block] = []
    for phases, whose in ((told.numbers, ""), ([SCRATCH], ", from scratch")):
        rows = [row for phase in phases for row in told.of(phase)]
        if not rows:
            continue
        bands, marks = bands_of(told, phases), _best(told, phases)
        breaks = breaks_of(bands)
        loss = [
            Series("training", [(at, row.train_loss) for at, row in enumerate(rows, 1)], (), breaks),
            Series("validation", [(at, row.valid_loss) for at, row in enumerate(rows, 1)],
                   [(at, rows[at - 1].valid_loss) for at in marks], breaks),
        ]  # fmt: skip
        share = Series(
            f"validation {measure}", [(at, row.valid_accuracy) for at, row in enumerate(rows, 1)],
            [(at, rows[at - 1].valid_accuracy) for at in marks], breaks,
        )  # fmt: skip
        axis = "epoch" if len(phases) == 1 else "epoch, all phases"
        blocks += [
            Figure(line_chart(f"Loss{whose}", loss, (axis, "loss"), bands=bands, within=ends["loss"], log=log),
                   f"Loss{whose}"),
            Figure(line_chart(f"Validation {measure}{whose}", [share], (axis, measure), bands=bands,
                              within=ends["share"]), f"Validation {measure}{whose}"),
        ]  # fmt: skip
    lead = "Dots mark the epochs whose weights were kept. Panels of one kind share their scale."
    if told.result:
        other = passed_over(told.result)
        lead += f" The table's ✓ is the model that was chosen: {chosen(told.result)}{f'; {other}' if other else ''}."
    return Section("Learning curves", [*blocks, *_phases(told)], lead)


def bands_of(told: Told, phases: Sequence[int]) -> list[Band]:
    """Return the stretches of the epochs' axis that phases take; none where there is one phase."""
    if len(phases) < 2:
        return []
    bands, start = [], 0.5
    for phase in phases:
        end = start + len(told.of(phase))
        bands.append(Band(start, end, f"phase {phase}" if len(phases) < 6 else str(phase)))
        start = end
    return bands


def breaks_of(bands: Sequence[Band]) -> list[float]:
    """Return the epochs with which phases begin, but for the first."""
    return [band.start + 0.5 for band in bands[1:]]


def _best(told: Told, phases: Sequence[int]) -> list[int]:
    """Return the places of the best epochs among all, from 1."""
    found, start = [], 0
    for phase in phases:
        rows = told.of(phase)
        found.append(start + 1 + min(range(len(rows)), key=lambda place, rows=rows: _order(rows[place])))  # type: ignore[misc]
        start += len(rows)
    return found


def _order(row: EpochRow) -> float:
    return row.valid_loss if row.valid_loss == row.valid_loss else float("inf")


def _phases(told: Told) -> list[Block]:
    result = told.result
    if result is None:
        return []
    rows = [
        [marked(number, result, "✓"), trains(phase, result.phases[: number - 1]), *_figures(phase), gained(phase)]
        for number, phase in enumerate(result.phases, 1)
    ]
    name = "scratch ✓" if result.kept == "scratch" else "scratch"
    rows += [[name, FRESH, *_figures(phase), ""] for phase in (result.scratch.phases if result.scratch else ())]
    figures = ["rate", "epochs", "best", "train loss", "valid loss", f"valid {result.measure}", "seconds"]
    return [Table(["phase", "trains", *figures, "gain"], rows, words=(0, 1, 9))]


def _figures(phase: PhaseResult) -> list[str]:
    return [
        f"{phase.lr:g}", str(phase.epochs), str(phase.best_epoch), loss(phase.train_loss), loss(phase.valid_loss),
        figure(phase.valid_accuracy), f"{phase.seconds:.1f}",
    ]  # fmt: skip
