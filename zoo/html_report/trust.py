"""Whether the model's probabilities can be trusted: the reliability diagram."""

from __future__ import annotations

import numpy as np

from zoo.html_report.blocks import Block, Figure, Section, Text
from zoo.html_report.calibration import Bin, expected_error, reliability, sigmoid, softmax
from zoo.html_report.drawing import Scale, axes, box, canvas, dot, finished, hint, line
from zoo.html_report.lines import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH
from zoo.html_report.told import Told
from zoo.phase_text import of_kept

NOTABLE = 0.02  # how far apart mean confidence and accuracy must be to be called over- or underconfident


def calibration(told: Told) -> Section | None:
    """Draw how often samples are as the model says, by the probability that it says."""
    said, result = told.predictions, told.result
    if said is None or result is None or result.target == "number":
        return None
    if result.target == "class":
        shares = softmax(said.outputs)
        given, true = shares.max(axis=1), shares.argmax(axis=1) == said.labels
        words = ("probability of what is said", "share that is right")
    else:
        given, true = sigmoid(said.outputs).ravel(), (said.labels > 0.5).ravel()
        words = ("probability of a label", "share that has it")
    if not np.isfinite(given).all():
        return None
    bins = reliability(given, true)
    error, gap = expected_error(bins), float(given.mean() - true.mean())
    title = "Reliability diagram"
    text = f"Expected calibration error {error:.4f}: by so much probabilities and shares differ on average. "
    if result.target == "class":
        how = (
            "too sure of itself"
            if gap > NOTABLE
            else "too unsure of itself"
            if gap < -NOTABLE
            else "about as sure as it may be"
        )
        text += f"The mean confidence is {given.mean():.4f}, the accuracy {true.mean():.4f}: the model is {how}."
    lead = "Dots on the dashed line are probabilities that come true as often as they say; bars count samples."
    blocks: list[Block] = [Figure(_diagram(title, bins, words), title), Text(text)]
    return Section("Calibration", blocks, f"{of_kept(result)} {lead}".lstrip())


def _diagram(title: str, bins: list[Bin], labels: tuple[str, str]) -> str:
    svg = canvas(WIDTH, HEIGHT, title)
    x, y = Scale(0, 1, LEFT, WIDTH - RIGHT), Scale(0, 1, HEIGHT - BOTTOM, 12)
    axes(svg, x, y, labels)
    most = max(one.n for one in bins)
    for one in bins:
        tall = (y.start - y.end) * one.n / most
        hint(box(svg, (x.place(one.said) - 7, y.start - tall), (14, tall), "rail"), f"{one.n:,} samples")
    line(svg, (x.start, y.start, x.end, y.end), "ideal")
    for one in bins:
        line(svg, (x.place(one.said), y.place(one.said), x.place(one.said), y.place(one.true)), "s1")
        hint(dot(svg, x.place(one.said), y.place(one.true), "f0", 4.5),
             f"said {one.said:.3f}, true {one.true:.3f}, {one.n:,} samples")  # fmt: skip
    return finished(svg)
