"""Whether outputs that are reused answer what the labels ask. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Sequence

from registry.errors import ZooError
from transfer.data.target import Target
from transfer.graph import heads
from transfer.plan.selection import Selection
from transfer.plan.top import Top

WORDS = {"class": "one of several classes", "multilabel": "any of several labels", "number": "numbers"}
SHOWN = 8


def kept_outputs(top: Top, selection: Selection) -> tuple[str, ...]:
    """Return the layers that give the source's outputs and are to give the student's with the weights they have."""
    if top.units is not None or top.drop is not None:
        return ()
    return tuple(scope for scope in heads(selection.layers, selection.reused) if scope in selection.reused)


def check_answers(kind: str, kept: Sequence[str], target: Target, ref: str) -> None:
    """Refuse outputs of another kind than the labels.

    Args:
        kind: of the source's outputs, as on its card; empty where it is not known.
        kept: `kept_outputs`.
        target: what the labels are.
        ref: what the data are called.

    Raises:
        ZooError: the source gives numbers, and the labels are classes, or the like.
    """
    if kept and kind and kind != target.kind:
        raise ZooError(
            f"the reused layer {kept[0]} says {WORDS[kind]}; the labels of {ref} are {WORDS[target.kind]}",
            f"leave {kept[0]} out of --reuse: it is then made anew",
        )


def other_answers(classes: Sequence[str], kept: Sequence[str], target: Target) -> tuple[str, ...]:
    """Say where outputs that are kept stood for other classes than those of the labels.

    Args:
        classes: of the source's outputs; empty where they are not known.
        kept: `kept_outputs`.
        target: what the labels are.
    """
    if not kept or len(classes) != target.width or tuple(classes) == target.classes:
        return ()
    old, new = (", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "") for names in (classes, target.classes))
    return (f"the reused layer {kept[0]} was trained to say {old}; here the same outputs stand for {new}",)
