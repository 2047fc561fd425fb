"""What goes into an exported file and what comes out of it, in words: it holds the bare model, and none of its card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from registry.card import Card, Preprocessing, TensorSpec
from registry.columns import width_of
from registry.errors import first_few
from transfer.backbone import Backbone, output_specs
from transfer.inputs import FLOATING, ModelInput
from transfer.logits import gives_probabilities, likely_kind
from transfer.raw_table import can_take_rows


def said(backbone: Backbone, card: Card) -> tuple[str, ...]:
    """Say what an exported model takes and gives, a sentence each, and where there is a file that takes raw samples.

    Args:
        backbone: the model as it is exported, with what its card says of raw samples and classes.
        card: the model's in the catalogue, whose own file may begin with what the export lacks.
    """
    takes, how = backbone.inputs, backbone.preprocessing
    ends = [_taken(one, backbone, how if len(takes) == 1 or _fits(one, how) else None) for one in takes]
    names = [f"input {one.name}: " if len(takes) > 1 else "input: " for one in takes]
    lines = [*(f"{name}{end}" for name, end in zip(names, ends, strict=True)), _given(backbone, card.target)]
    embedded = card.preprocessing is not None and card.preprocessing.embedded
    if embedded or can_take_rows(backbone.model, card.columns):
        raw = "samples" if embedded else "rows"
        lines.append(f"raw {raw} go into the {card.weights} that zoo publish {card.name} --to DIR/NAME writes")
    return tuple(lines)


def _fits(one: ModelInput, how: Preprocessing | None) -> bool:
    """Tell whether raw samples as the card states them can be meant for one of several inputs."""
    if how is None:
        return False
    sizes = [size for size in one.shape if size is not None]
    alike = len(sizes) == len(one.shape) and math.prod(sizes) == math.prod(how.shape)
    return alike or (
        len(one.shape) == len(how.shape)
        and all(want in (None, got) for want, got in zip(one.shape, how.shape, strict=True))
    )


def _taken(one: ModelInput, backbone: Backbone, how: Preprocessing | None) -> str:
    form = f"{one.dtype} {_sizes(one.shape)}"
    if one.indices is not None or not one.dtype.startswith(FLOATING):
        low, high = one.limits
        return f"{form}, whole numbers" + (f" from {low} to {high}" if one.indices is not None else "")
    if backbone.columns:
        names = first_few(column.name for column in backbone.columns)
        return (
            f"{form}, the {width_of(backbone.columns)} numbers that a row is encoded as (columns {names}); "
            "the encoding is no part of the file"
        )
    if how is None:
        return f"{form}, prepared as for the model's training; the card does not say how"
    raw = f"x is {how.dtype}{', in RGB' if how.shape[-1:] == (3,) else ''}"
    return f"prepared {form}: {how.formula}, where {raw}; the card's preprocessing is no part of the file"


def _given(backbone: Backbone, target: str) -> str:
    specs = output_specs(backbone.model)
    if len(specs) > 1:
        listed = "; ".join(f"{spec.name} {_shape(spec)}" for spec in specs)
        return f"outputs: {listed}, as the model's last layers give them: no softmax or sigmoid is added"
    (spec,) = specs
    if target == "number":
        return f"output: {_shape(spec)}, numbers{_of(backbone.classes)} as they are"
    squashed = gives_probabilities(backbone.model)
    if len(spec.shape) != 2 or not (squashed or target or backbone.classes):
        return f"output: {_shape(spec)}, as the last layer gives it: no softmax or sigmoid is added"
    kind = target or likely_kind(backbone.model)
    return f"output: {_shape(spec)}, {_answer(backbone, kind, spec.shape[1] == 1, squashed=squashed)}"


def _answer(backbone: Backbone, kind: str, single: bool, *, squashed: bool) -> str:
    of = _of(backbone.classes)
    if single and kind != "multilabel":
        second = (
            f"{backbone.classes[1]} against {backbone.classes[0]}"
            if len(backbone.classes) == 2
            else "the second of two classes"
        )
        share = f"the probability of {second}"
        return share if squashed else f"a logit: its sigmoid is {share}"
    if squashed:
        return f"probabilities{of}"
    return f"logits{of}: {'the sigmoid of each' if kind == 'multilabel' else 'softmax'} makes probabilities of them"


def _of(classes: Sequence[str]) -> str:
    return f" of {first_few(classes)}" if classes else ""


def _shape(spec: TensorSpec) -> str:
    return f"{spec.dtype} {_sizes(spec.shape[1:])}"


def _sizes(sizes: Sequence[Any]) -> str:
    """Write a batch's shape.

    >>> _sizes((None, 64, 3))
    '(n, ?, 64, 3)'
    """
    return f"({', '.join(['n', *('?' if size is None else str(size) for size in sizes)])})"
