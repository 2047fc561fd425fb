"""Where the model errs: confusions of classes, single labels, numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transfer.predicted import Predictions
from transfer.result import Result
from zoo.html_report.bars import Bar, bar_chart
from zoo.html_report.blocks import Block, Figure, Section, Table
from zoo.html_report.drawing import number
from zoo.html_report.grids import heat_map
from zoo.html_report.lines import scatter
from zoo.html_report.told import Told
from zoo.phase_text import of_kept

MOST = 30  # classes of a heat map, and bars
SQUARE = 10  # classes of a heat map that has something beside it
CONFUSIONS, POINTS, COLUMNS = 10, 1500, 4
REUSED = "Of the reused model, which is not kept: this run, of an earlier version, has no such figures of the other."


def per_class(told: Told) -> Section | None:
    """Draw the figure of each class, label or number; of many the lowest. A single number has none of its own."""
    result = told.result
    if result is None or result.test is None:
        return None
    kept = result.of_kept.test
    test, whose = (kept, of_kept(result)) if kept else (result.test, REUSED)
    if not test.per_class:
        return None
    if result.target == "number" and len(result.classes) == 1:
        return None
    items = list(test.per_class.items())
    if len(items) > MOST:
        items = sorted(items, key=lambda item: item[1])[:MOST]
    bars = [Bar(name, share, f"{share:.4f}") for name, share in items]
    what = {"class": "class", "multilabel": "label", "number": "number"}[result.target]
    title = f"Test {result.measure} by {what}" + (f", the lowest {MOST}" if len(bars) < len(test.per_class) else "")
    return Section(f"By {what}", [Figure(bar_chart(title, bars, 1.0), title)], whose)


def errors(told: Told) -> Section | None:
    """Draw how outputs differ from labels, by the kind of the target."""
    said, result = told.predictions, told.result
    if said is None or result is None:
        return None
    if result.target == "class":
        return _confusions(said, result)
    return _labels(said, result) if result.target == "multilabel" else _numbers(said, result)


def confusion(said: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count samples by their label (rows) and by what is said of them (columns)."""
    return np.bincount(labels * classes + said, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def _confusions(said: Predictions, result: Result) -> Section:
    names = result.classes
    counts = confusion(said.outputs.argmax(axis=1).astype(np.int64), said.labels, len(names))
    blocks: list[Block] = []
    if len(names) <= MOST:
        title = f"Confusion matrix of the {said.split} samples"
        blocks.append(Figure(heat_map(title, names, counts.tolist()), title, wide=len(names) > SQUARE))
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [divmod(int(place), len(names)) for place in order if wrong.flat[place]]
    rows = [[names[true], names[given], f"{wrong[true, given]:,}", f"{wrong[true, given] / counts[true].sum():.1%}"]
            for true, given in pairs]  # fmt: skip
    if rows:
        blocks.append(Table(["is", "said", "samples", "of its class"], rows, words=(0, 1), narrow=len(names) <= SQUARE))
    lead = "A row is what samples are, a column what the model says; shades are shares of a row."
    return Section("Confusions", blocks, f"{of_kept(result)} {lead}".lstrip())


def _labels(said: Predictions, result: Result) -> Section:
    given, true = said.outputs > 0, said.labels > 0.5
    hit, said_so, is_so = (given & true).sum(axis=0), given.sum(axis=0), true.sum(axis=0)
    rows = []
    for place, name in enumerate(result.classes):
        precision, recall = _share(hit[place], said_so[place]), _share(hit[place], is_so[place])
        f1 = _share(2 * hit[place], said_so[place] + is_so[place])
        rows.append([name, f"{is_so[place]:,}", f"{said_so[place]:,}", *map(_figure, (precision, recall, f1))])
    lead = "Precision: how many that are said are so; recall: how many that are so are said; F1: their harmonic mean."
    headers = ["label", "are so", "said", "precision", "recall", "F1"]
    return Section("Label by label", [Table(headers, rows)], f"Of the {said.split} samples. {of_kept(result)} {lead}")


def _numbers(said: Predictions, result: Result) -> Section:
    chosen = np.unique(np.linspace(0, len(said.labels) - 1, min(POINTS, len(said.labels))).astype(int))
    blocks: list[Block] = []
    for place, name in enumerate(result.classes[:COLUMNS]):
        given = said.outputs[chosen, place].astype(float)
        true = said.labels[chosen, place].astype(float)
        left = given - true
        blocks += [
            Figure(scatter(f"{name}: predicted against true", list(zip(true.tolist(), given.tolist(), strict=True)),
                           ("true", "predicted"), diagonal=True), f"{name}: predicted against true"),
            Figure(scatter(f"{name}: residuals", list(zip(given.tolist(), left.tolist(), strict=True)),
                           ("predicted", "predicted less true"), diagonal=False), f"{name}: residuals"),
        ]  # fmt: skip
    whole = said.outputs.astype(np.float64) - said.labels
    rows = [
        [name, number(float(whole[:, place].mean())), number(float(whole[:, place].std())),
         number(float(np.abs(whole[:, place]).max()))]
        for place, name in enumerate(result.classes)
    ]  # fmt: skip
    table = Table(["number", "mean residual", "deviation", "largest"], rows)
    lead = f"Of the {said.split} samples; the dashed line is a perfect model. {of_kept(result)}"
    return Section("Residuals", [*blocks, table], lead.rstrip())


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
