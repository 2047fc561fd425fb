"""What `zoo import` prints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from registry.model import Model
from zoo.output import count, table

if TYPE_CHECKING:
    from transfer.imported import Imported, Mapped
    from zoo.publishing import Importable

MOST_SOURCES = 4  # of a layer's weights that are named
SHARED = re.compile(r".+[/.:]")  # what names share, up to their last separator


def document(importable: Importable, model: Model | None) -> dict[str, Any]:
    """Return what `zoo import --json` prints."""
    imported = importable.imported
    return {
        "name": importable.spot.name, "revision": model.revision if model else None, "format": imported.format,
        "layers": len(imported.layers), "mapped": imported.layers, "unmapped": list(imported.unmapped),
        "random": imported.random, "native_share": imported.native_share, "compared_with": imported.compared_with,
        "max_abs_difference": imported.max_abs_difference, "max_rel_difference": imported.max_rel_difference,
        "preprocessing": imported.preprocessing, "classes": imported.classes, "notes": imported.notes,
    }  # fmt: skip


def page(importable: Importable, model: Model | None) -> str:
    """Return what `zoo import` prints: each layer and where its weights came from, what was left out, the proof."""
    imported = importable.imported
    rows = [_row(one, imported.model) for one in imported.layers]
    parts = [table(["layer", "type", "shape", "parameters", "from"], rows, right=["parameters"])]
    if imported.unmapped:
        parts.append(table(["left out", "names", "such as"], _left_out(imported.unmapped), right=["names"]))
    parts.append("\n".join([*_proof(imported), *_unsaid(imported, importable.spot.name)]))
    parts += ["\n".join(f"note: {note}" for note in imported.notes)] if imported.notes else []
    name = importable.spot.name
    stored = f"stored as {model.ref}" if model else f"nothing stored (--dry-run); it would become {name}"
    return "\n\n".join([*parts, f"{stored}\nnext: zoo layers {name}"])


def _row(one: Mapped, model: Any) -> list[str]:
    return [one.scope, one.type, _shape(model, one.scope), f"{one.parameters:,}", _from(one.sources)]


def _from(sources: Sequence[str]) -> str:
    """Write what names share once.

    >>> _from(["conv1/kernel", "conv1/bias"])
    'conv1/{kernel, bias}'
    >>> _from(["a.weight", "b.weight", "c.weight", "d.weight", "e.weight"])
    'a.weight b.weight c.weight d.weight and 1 more'
    """
    shown, left = sources[:MOST_SOURCES], len(sources) - MOST_SOURCES
    cut = SHARED.match(commonprefix(list(shown))) if len(shown) > 1 else None  # noqa: RUF071  by character is meant
    shared = cut[0] if cut else ""
    listed = f"{shared}{{{', '.join(name.removeprefix(shared) for name in shown)}}}" if shared else " ".join(shown)
    return listed + (f" and {left} more" if left > 0 else "")


def _shape(model: Any, scope: str) -> str:
    """Write a layer's output as `? 14 14 512`; of several outputs the first."""
    from transfer.backbone import layer_of

    output = layer_of(model, scope).output
    first = output[0] if isinstance(output, list | tuple) else output
    return " ".join("?" if size is None else str(size) for size in first.shape)


def _proof(imported: Imported) -> list[str]:
    held = sum(one.parameters for one in imported.layers)
    lines = [f"{held:,} parameters, {imported.native_share:.1%} of them in native Keras layers"] if held else []
    if imported.max_abs_difference is None:
        return [*lines, "not compared: nothing here runs the original"]
    against = f", {imported.compared_with}" if imported.compared_with else ""
    return [
        *lines,
        f"largest difference from the original{against}: {imported.max_abs_difference:.2g} "
        f"(relative {imported.max_rel_difference or 0.0:.2g})",
    ]


def _unsaid(imported: Imported, name: str) -> list[str]:
    """Say what the model lacks: values, and how raw data become its input."""
    lines = []
    if imported.random:
        first = ", ".join(imported.random[:MOST_SOURCES])
        lines.append(f"without a value in the file: {count(len(imported.random), 'weight')}, such as {first}")
    if imported.preprocessing:
        lines.append(f"preprocessing: {imported.preprocessing.formula}")
    else:
        lines.append("preprocessing: unknown, so only prepared floating-point data are taken; --preprocess states it")
    return lines


def _left_out(unmapped: Mapping[str, str]) -> list[Sequence[str]]:
    by_reason: dict[str, list[str]] = {}
    for name, why in unmapped.items():
        by_reason.setdefault(why, []).append(name)
    return [[why, f"{len(names):,}", ", ".join(names[:3])] for why, names in by_reason.items()]
