"""What data are, as a page; and a contact sheet of images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.errors import ZooError
from registry.shelf import Shelf
from zoo.output import count, table

if TYPE_CHECKING:
    from transfer.data.dataset import Dataset
    from transfer.data.inspection import Inspection

SHOWN = 20  # classes, broken samples and twins


def inspected(text: str, options: Mapping[str, Any], model: str | None, sheet: Path | None) -> tuple[Inspection, str]:
    """Look at data, and say how a model would take them.

    Args:
        text: what the user named.
        options: how they are read, as `zoo.plans.DataOptions`.
        model: whose preprocessing is to be told; None for none.
        sheet: where a contact sheet is to be written; None for none.

    Returns:
        What was found, and how the model would take it: empty without one.

    Raises:
        ZooError: the data cannot be read, the model takes no such samples, or a sheet is asked of what are no images.
    """
    from transfer.data.inspection import inspect
    from zoo.opening import named_data, read_data
    from zoo.plans import data_options

    shelf = Shelf()
    reading, imaging = data_options(options)
    data = read_data(named_data(shelf, text), reading)
    taken = _taken(shelf, model, data, imaging) if model else ""
    if sheet is not None:
        _draw(data, sheet)
    return inspect(data), taken


def _taken(shelf: Shelf, name: str, data: Dataset, imaging: Any) -> str:
    """Say how a model would take the samples, and try it with the first."""
    import numpy as np

    from zoo.opening import open_model

    source = open_model(shelf, shelf.find(name))
    from transfer.presented import feed_of, to_train

    source = to_train(source, data.train.samples, imaging)
    feed = feed_of(source, source.inputs, data.train.samples, data.ref)
    first = feed.read(np.arange(min(16, len(feed))))
    how = source.preprocessing
    lines = [f"{name} takes {', '.join(map(str, source.inputs))}"]
    if source.columns:
        lines += [f"  {column}" for column in source.columns]
    elif how is not None:
        lines.append(f"  each is {how.formula}, of {how.dtype} samples")
    else:
        lines.append("  its card states no preprocessing: numbers are taken as they are")
    lines += [
        f"  the first {len(array)} become {array.min():.4g} to {array.max():.4g}" for array in first if array.size
    ]
    return "\n".join(lines)


def _draw(data: Dataset, path: Path) -> None:
    import numpy as np

    if data.kind != "images" or data.target.kind != "class":
        raise ZooError(f"{data.ref} are no images with one class each: there is nothing for a contact sheet")
    from transfer.data.images.sheet import contact_sheet

    labels = np.array(data.classes, np.str_)[data.train.y]
    images: Any = data.train.samples
    contact_sheet(images, labels, path, classes=data.classes)


def page(found: Inspection) -> str:
    """Return what was found, for people."""
    parts = [_head(found), _classes(found), _numbers(found), _summary(found), _twins(found), _broken(found)]
    return "\n\n".join(part for part in parts if part)


def _head(found: Inspection) -> str:
    counts = ", ".join(f"{n:,} {name}" for name, n in found.samples.items())
    line = f"{found.ref}: {found.kind}, {counts}; target {found.target}; fingerprint {found.fingerprint[:12]}"
    return "\n".join([line, *found.remarks])


def _classes(found: Inspection) -> str:
    if not found.classes:
        return ""
    names = [name for name, n in found.samples.items() if n]
    total = {name: max(1, found.samples[name]) for name in names}
    rows = [
        [one.name, *(f"{one.counts.get(name, 0):,}" for name in names),
         *([f"{one.counts.get('train', 0) / total['train']:.1%}"] if "train" in total else [])]
        for one in found.classes[:SHOWN]
    ]  # fmt: skip
    headers = ["class", *names, *(["of training"] if "train" in total else [])]
    more = _more(len(found.classes), "class", "classes")
    balance = "" if found.balance is None else f"\nthe smallest class has {found.balance:.2f} of the largest"
    return table(headers, rows, right=headers[1:]) + more + balance


def _numbers(found: Inspection) -> str:
    if not found.numbers:
        return ""
    headers = ["number", "split", "least", "mean", "largest"]
    rows = [[one.name, one.split, *(f"{v:.6g}" for v in (one.least, one.mean, one.largest))] for one in found.numbers]
    return table(headers, rows, right=headers[2:])


def _summary(found: Inspection) -> str:
    rows = [[name, word, text] for name, words in found.summary.items() for word, text in words.items()]
    return table(["split", "samples'", "values"], rows) if rows else ""


def _twins(found: Inspection) -> str:
    same = found.duplicates
    lines = [f"in {one.split} and in {one.other}: {count(one.count, 'sample')}" for one in same.shared]
    lines += [f"  {twins.other_where} is {twins.where}" for twins in same.twins[:SHOWN]]
    lines += [f"there twice or more: {count(n, 'sample')} of {name}" for name, n in same.repeated.items()]
    return "\n".join(lines) or "no sample is in two splits, and none is there twice"


def _broken(found: Inspection) -> str:
    if not found.broken:
        return ""
    lines = [f"  {one.where}: {one.why}" for one in found.broken[:SHOWN]]
    head = f"left out, for they cannot be read: {len(found.broken):,}"
    return "\n".join([head, *lines]) + _more(len(found.broken), "", "")


def _more(n: int, one: str, many: str) -> str:
    left = n - SHOWN
    return f"\nand {left:,} more {one if left == 1 else many}".rstrip() if left > 0 else ""
