"""What a model says of a user's own samples: photographs, rows of a table, arrays, a data set."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from registry.errors import ZooError
from registry.shelf import Shelf
from registry.whole import whole
from zoo.output import table

if TYPE_CHECKING:
    from transfer.data.reading import Reading
    from transfer.data.records import Samples
    from transfer.predictions import Prediction
    from zoo.opening import DataRef, FileRef

STREAMS = ("csv", "jsonl")
FORMATS = ("table", *STREAMS)
Note = Callable[[str], None]
IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif")
SHOWN = 20


def predicted(
    name: str, text: str, options: Mapping[str, Any], most: int = 5, note: Note = print, backend: str = "auto"
) -> Iterator[Prediction]:
    """Yield what a model says of each sample that a user named.

    Args:
        name: of the model.
        text: a folder of images or an image, a table, arrays, or a data set (`transfer.data.kinds`); labels that are
            there are not looked at.
        options: how they are read and given to the model, as `zoo.plans.DataOptions`.
        most: how many classes of a sample are named.
        note: told what is left out, and what of the samples the model does not know.
        backend: what computes; of many samples the fastest on the first batch.

    Raises:
        ZooError: they cannot be read, or do not fit the model.
    """
    from zoo.opening import named_data, open_model
    from zoo.plans import data_options, read_before
    from zoo.running import check_backend, running

    check_backend(backend)
    shelf = Shelf()
    model, where = shelf.find(name), named_data(shelf, text)
    column = {key: value for key, value in read_before(model.card, where).items() if key == "image_column"}
    reading, imaging = data_options({**column, **options})
    parts = _parts(where, reading, note)
    backbone = open_model(shelf, model)
    from transfer.logits import likely_kind
    from transfer.predictions import predictions
    from transfer.presented import feed_of, fitted, remarks

    backbone = fitted(backbone, parts[0], imaging)
    if len(backbone.model.outputs) > 1:
        raise ZooError(
            f"{model.name} has several outputs",
            "give an .npy file, or an .npz with an array for each of its inputs, and --output FILE.npz",
        )
    for samples in parts:
        feed = feed_of(backbone, backbone.inputs, samples, where.name)
        for remark in remarks(feed):
            note(remark)
        kind, run = model.card.target or likely_kind(backbone.model), running(shelf, model, backend)
        yield from predictions(backbone.model, feed, samples, kind, model.card.classes, most, run)


def arrays_of(name: str, text: str) -> FileRef | None:
    """Return the file of arrays that a model takes as they are, of which it gives its outputs; None for data.

    That is an `.npy` file, and an `.npz` file with an array by the name of one of the model's inputs. What has samples
    by other names, labels or not, is data as any other: `transfer.data.arrays.keys`.

    Raises:
        ZooError: there is no such model, or an `.npz` file is broken.
    """
    from zoo.opening import FileRef, named_data

    shelf = Shelf()
    model, where = shelf.find(name), named_data(shelf, text)
    if not isinstance(where, FileRef) or where.path.suffix.lower() not in (".npy", ".npz"):
        return None
    if where.path.suffix.lower() == ".npz" and where.path.is_file():
        from transfer.data.arrays.keys import tells
        from transfer.data.arrays.npz import specs

        held = specs(where.path)
        return None if held.keys().isdisjoint(spec.name for spec in model.card.inputs) and tells(held) else where
    return where


def form_of(form: str | None, output: Path | None, *, arrays: bool = False) -> str:
    """Say how predictions are written: as asked for, or by the file's ending.

    Args:
        form: what was asked for.
        output: the file to write.
        arrays: whether the input is arrays, of which outputs may be written as they are.

    Raises:
        ZooError: there is no such form, or a file has another ending.
    """
    ending = output.suffix.lower().lstrip(".") if output else ""
    if form is not None and form not in FORMATS:
        raise ZooError(f"--format takes {', '.join(FORMATS)}; got {form!r}")
    if output and ending not in (*STREAMS, "npy", "npz"):
        raise ZooError(f"--output {output} has an ending that says no format", "FILE.csv, FILE.jsonl or FILE.npy")
    found = form or (ending if ending in STREAMS else "table")
    if output and found in STREAMS and ending not in STREAMS:
        raise ZooError(
            f"--format {found} does not fit --output {output}", f"--output {output.with_suffix(f'.{found}')}"
        )
    if output and found not in STREAMS and (ending in STREAMS or not arrays):
        raise ZooError(
            f"--output {output} cannot be written: a {found} is printed, and outputs as they are of arrays alone",
            f"--output {output.with_suffix('.csv')}, without --format",
        )
    return found


def _parts(where: DataRef, reading: Reading, note: Note) -> list[Samples]:
    """Find the samples, of each split that there is."""
    from transfer.data.arrays.samples import ArraySamples
    from transfer.data.images.samples import ImageSamples
    from transfer.data.kinds import KNOWN
    from transfer.data.tables import parts, reader
    from zoo import arrays
    from zoo.opening import FileRef, find_records

    path = where.path if isinstance(where, FileRef) else None
    if path is not None and path.is_file() and path.suffix.lower() in IMAGES:
        return [ImageSamples(path.parent, [path.name])]
    if path is not None and path.suffix.lower() == ".npy":
        return [ArraySamples.of(arrays.read(path), where.name)]
    if path is not None and not reading.image_column and parts.claims(path):
        found = reader.read_unlabelled(path, where.name, reading)
    else:
        found = find_records(where, reading, f"--input takes an image, an .npy file, {KNOWN}")
    for remark in (*found.remarks, *(f"left out: {one.where}: {one.why}" for one in found.broken)):
        note(remark)
    held = [part.samples for part in found.parts.values() if len(part)]
    if not held:
        raise ZooError(f"{where.name} holds no samples that can be read")
    return held


@contextmanager
def _destination(path: Path | None) -> Iterator[TextIO]:
    """Open what predictions are written to: standard output, or a file that appears whole or not at all."""
    if path is None:
        yield sys.stdout
        return
    try:
        with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error


def write(rows: Iterator[Prediction], form: str, path: Path | None, most: int = 5) -> int:
    """Write predictions as they come, and return how many there were.

    Args:
        rows: the predictions.
        form: `csv` (columns sample, class, probability, then class and probability of each of the top) or `jsonl`.
        path: a file, which appears whole or not at all; None for standard output.
        most: how many classes a CSV line names.
    """
    count = 0
    with _destination(path) as file:
        for count, row in enumerate(rows, start=1):
            if form == "csv" and count == 1:
                file.write(_line(_header(row, most)))
            file.write(_line(_cells(row, most)) if form == "csv" else f"{_json(row)}\n")
            file.flush()
    return count


def page(rows: Iterator[Prediction]) -> str:
    """Return the first predictions as a table; the others are counted."""
    shown: list[Prediction] = []
    more = 0
    for row in rows:
        if len(shown) < SHOWN:
            shown.append(row)
        else:
            more += 1
    if shown and shown[0].kind == "number":
        names = [name for name, _ in shown[0].top]
        body = table(["sample", *names], [[row.sample, *(f"{value:.6g}" for _, value in row.top)] for row in shown])
    else:
        lines = [[row.sample, row.label or "-", _share(row.probability), _others(row)] for row in shown]
        body = table(["sample", "class", "probability", "then"], lines, right=["probability"])
    return body + (f"\nand {more:,} more (--output FILE.csv writes all)" if more else "")


def document(rows: Iterator[Prediction]) -> dict[str, Any]:
    """Return predictions as `--json` prints them."""
    found = [_plain(row) for row in rows]
    return {"predictions": found, "count": len(found)}


def _plain(row: Prediction) -> dict[str, Any]:
    top = [{"class": name, "probability": value} for name, value in row.top]
    if row.kind == "number":
        return {"sample": row.sample, "values": dict(row.top)}
    return {"sample": row.sample, "class": row.label, "probability": row.probability, "top": top}


def _json(row: Prediction) -> str:
    import json

    return json.dumps(_plain(row), ensure_ascii=False)


def _header(row: Prediction, most: int) -> list[str]:
    if row.kind == "number":
        return ["sample", *(name for name, _ in row.top)]
    numbers = range(1, min(most, len(row.top)) + 1)
    return ["sample", "class", "probability", *(f"{word}{n}" for n in numbers for word in ("class", "probability"))]


def _cells(row: Prediction, most: int) -> list[str]:
    if row.kind == "number":
        return [row.sample, *(repr(value) for _, value in row.top)]
    top = [cell for name, value in row.top[:most] for cell in (name, f"{value:.6f}")]
    return [row.sample, row.label, "" if row.probability is None else f"{row.probability:.6f}", *top]


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _others(row: Prediction) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in row.top[1:])
