"""The worst mistakes, with their inputs."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer.predicted import Mistake, Predictions
from zoo.html_report.blocks import Gallery, Section, Shown
from zoo.html_report.calibration import sigmoid, softmax
from zoo.html_report.pictures import address
from zoo.html_report.told import Told
from zoo.phase_text import of_kept

NAMED = 4  # labels


def worst_mistakes(told: Told) -> Section | None:
    """Show the samples with the highest loss among those that are wrong."""
    said, result = told.predictions, told.result
    if said is None or result is None or not said.worst:
        return None
    shown = [_shown(one, said, result.classes, result.target) for one in said.worst if 0 <= one.row < len(said.labels)]
    if result.target == "number":
        lead = f"The {said.split} samples that are missed by most. {of_kept(result)}"
        return Section("Largest errors", [Gallery(shown)], lead.rstrip())
    lead = f"Of the {said.split} samples that are wrong, those with the highest loss; a wrong label shows here first."
    return Section("Worst mistakes", [Gallery(shown)], f"{of_kept(result)} {lead}".lstrip())


def _shown(one: Mistake, said: Predictions, classes: tuple[str, ...], kind: str) -> Shown:
    outputs, label = said.outputs[one.row], said.labels[one.row]
    title, detail = _texts(outputs, label, classes, kind)
    where = one.where if "://" in one.where else "/".join(PurePath(one.where).parts[-3:])
    return Shown(title, f"{detail}loss {one.loss:.3g}", where, one.text, address(one.picture))


def _texts(outputs: NDArray[Any], label: Any, classes: tuple[str, ...], kind: str) -> tuple[str, str]:
    if kind == "number":
        pairs = [
            f"{name}: {given:.4g} said, {true:.4g} true"
            for name, given, true in zip(classes, outputs, label, strict=True)
        ]
        return "; ".join(pairs[:NAMED]), ""
    if kind == "class":
        shares = softmax(outputs[np.newaxis])[0]
        best = int(shares.argmax())
        return f"{classes[best]}, not {classes[int(label)]}", f"said with {shares[best]:.1%}; "
    shares = sigmoid(outputs)
    wrong = np.flatnonzero((shares > 0.5) != (label > 0.5))
    wrong = wrong[np.argsort(-np.abs(shares - label)[wrong])]
    named = [f"{classes[place]} {'missed' if label[place] > 0.5 else 'wrongly said'}" for place in wrong[:NAMED]]
    return "; ".join(named), ""
