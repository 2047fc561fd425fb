"""Pages and JSON documents about models: what `show`, `layers` and `import` print. Text only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from registry.card import LayerInfo, TensorSpec
from registry.columns import Column, width_of
from registry.model import Model
from transfer.plan.selection import Selection
from zoo.output import figure, size, table

if TYPE_CHECKING:
    from zoo.catalogue import Kin

COLUMNS = 8  # of a table that are named
MANY = 40  # layers, of which some may be counted only
LONG = 6  # layers of one fate that are counted together


def card_document(model: Model, kin: Kin) -> dict[str, Any]:
    """Return what `zoo show --json` prints."""
    card = model.card
    return {
        "name": model.name, "revision": model.revision, "source": model.source, "card": card, "inputs": card.inputs,
        "outputs": card.outputs, "layers": card.layers, "files": card.files, "lineage": card.lineage,
        "origin": model.origin or None, "tags": kin.tags, "branches": kin.branches, "children": kin.children,
        "signed": kin.signed,
    }  # fmt: skip


def card_page(model: Model, kin: Kin) -> str:
    """Return what `zoo show` prints."""
    card = model.card
    facts = [
        ("name", model.name), ("revision", model.revision), ("source", model.source), ("summary", card.summary),
        ("task", card.task), ("license", card.license), ("format", card.format), ("inputs", _tensors(card.inputs)),
        ("outputs", _tensors(card.outputs)), ("classes", ", ".join(card.classes)), ("columns", _columns(card.columns)),
        ("preprocessing", _prepared(model)), ("data", card.data), ("tags", " ".join(card.tags)),
        ("also named", " ".join((*kin.branches, *kin.tags))), ("pulled from", model.origin),
        ("signed", "yes" if kin.signed else ""),
    ]  # fmt: skip
    if card.lineage:
        origin = card.lineage
        facts.append(("parent", origin.parent + (f", {origin.reuse!r} reused" if origin.reuse else "")))
    facts.append(("children", ", ".join(kin.children)))
    facts += [(name.replace("_", " "), figure(value)) for name, value in card.metrics.items()]
    head = "\n".join(f"{name + ':':<24}{value}" for name, value in facts if value)
    files = [[file.path, size(file.bytes), file.sha256[:16]] for file in card.files]
    layers = [[layer.name, layer.type, f"{layer.parameters:,}"] for layer in card.layers]
    return "\n\n".join([
        head,
        table(["layer", "type", "parameters"], layers, right=["parameters"]),
        table(["file", "size", "sha256"], files, right=["size"]),
    ])  # fmt: skip


def layers_document(selection: Selection) -> dict[str, Any]:
    """Return what `zoo layers --json` prints."""
    layers = [
        {
            "name": layer.name, "type": layer.type, "parameters": layer.parameters,
            "reused": layer.name in selection.reused, "frozen": layer.name in selection.frozen,
        }
        for layer in selection.layers
    ]  # fmt: skip
    return {"layers": layers, "cut": selection.cut if selection.reused else ()}


def layers_page(selection: Selection, gone: Collection[str] = (), *, short: bool = False) -> str:
    """Return the table of layers, what becomes of each, and where the cut lies.

    Args:
        selection: what is reused and frozen.
        gone: the layers that are left out.
        short: leave out what stands in long stretches of one fate, where there are many layers.
    """
    fate = fates(selection, gone)
    rows = [[layer.name, layer.type, f"{layer.parameters:,}", fate[layer.name]] for layer in selection.layers]
    if short and len(rows) > MANY:
        rows = _shortened(selection.layers, rows)
    text = table(["layer", "type", "parameters", "role"], rows, right=["parameters"])
    if not selection.reused:
        return text + f"\n\n{counted(selection.layers)}; --reuse REGEX shows what a transfer would keep"
    kept = [layer for layer in selection.layers if layer.name in selection.reused]
    held = [layer for layer in selection.layers if layer.name in selection.frozen]
    return f"{text}\n\nreused {counted(kept)}; frozen {counted(held)}; {edge(selection, gone)}"


def _shortened(layers: Sequence[LayerInfo], rows: Sequence[list[str]]) -> list[list[str]]:
    """Keep the first two and the last of each long stretch of layers with one fate, and count those between."""
    roles: list[str] = []
    for row in rows:
        roles.append(row[-1] or (roles[-1] if roles else ""))  # what has no weights goes with what is below it
    found = list[list[str]]()
    for role, places in groupby(range(len(rows)), key=roles.__getitem__):
        stretch = list(places)
        between = stretch[2:-1]
        shown = [rows[place] for place in stretch]
        if len(between) >= LONG:
            held = sum(layers[place].parameters for place in between)
            shown[2:-1] = [[f"… {len(between)} more", "", f"{held:,}", role]]
        found += shown
    return found


def edge(selection: Selection, gone: Collection[str] = ()) -> str:
    """Say where the cut lies; `gone` are the layers that are left out."""
    from transfer.plan.dropping import cut_without

    cut = cut_without(selection, gone)
    inputs = {layer.name for layer in selection.layers if not layer.inputs}
    if inputs.issuperset(cut):
        return "cut at the input: a layer trains below all that is frozen, and nothing is cached"
    return f"cut after {', '.join(cut)}"


def fates(selection: Selection, gone: Collection[str] = ()) -> dict[str, str]:
    """Say of each layer what a transfer does with it in its first phase; `gone` are those that it leaves out."""
    if not selection.reused:
        return {layer.name: "" for layer in selection.layers}
    below = selection.below

    def fate(layer: LayerInfo) -> str:
        if layer.name in gone:
            return "left out"
        if not layer.parameters:
            return ""
        if layer.name in selection.reused:
            return "reused, frozen" if layer.name in selection.frozen else "reused, trained"
        return "re-initialised, trained" if layer.name in below else "new, trained"

    return {layer.name: fate(layer) for layer in selection.layers}


def counted(layers: Sequence[LayerInfo]) -> str:
    """Count layers with parameters, and their parameters."""
    held = [layer for layer in layers if layer.parameters]
    word = "layer" if len(held) == 1 else "layers"
    return f"{len(held)} {word} with {sum(layer.parameters for layer in held):,} parameters"


def _tensors(specs: Sequence[TensorSpec]) -> str:
    return "; ".join(
        f"{spec.name} ({', '.join('?' if size is None else str(size) for size in spec.shape)}) {spec.dtype}"
        for spec in specs
    )


def _columns(columns: Sequence[Column]) -> str:
    """Name the first few columns of a table, and how many numbers all are encoded as."""
    if not columns:
        return ""
    more = f" and {len(columns) - COLUMNS} more" if len(columns) > COLUMNS else ""
    named = ", ".join(f"{column.name} ({column.kind})" for column in columns[:COLUMNS])
    return f"{named}{more}; {width_of(columns)} numbers a row"


def _prepared(model: Model) -> str:
    how = model.card.preprocessing
    if how is None:
        return "unknown" if model.card.layers and not model.card.columns else ""
    return f"{how.dtype} ({', '.join(map(str, how.shape))}), {how.formula}"
