"""What a person should know of data before a transfer begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from registry.errors import ZooError
from zoo.output import count

if TYPE_CHECKING:
    from zoo.api import Prepared


def notes(prepared: Prepared) -> Iterator[str]:
    """Yield notes: what is left out, what is there twice, how images are given, what views will cost."""
    from transfer.data.tables.samples import TableSamples
    from transfer.own_scaling import own_scaling
    from transfer.plan.answers import kept_outputs, other_answers
    from transfer.plan.selection import unfrozen
    from transfer.presented import feed_of, remarks
    from transfer.student import Student

    data, imaging = prepared.data, prepared.plan.imaging
    yield from data.remarks
    student = Student(prepared.source.model, prepared.selection, prepared.plan.top, data.target)
    if student.gone:
        yield f"left out of the model's architecture: {', '.join(student.gone)}"
    yield from student.remarks
    yield from unfrozen(prepared.plan.freeze, prepared.selection)
    kept = kept_outputs(prepared.plan.top, prepared.selection)
    yield from other_answers(prepared.source.classes, kept, data.target)
    if data.broken:
        yield f"left out {count(len(data.broken), 'sample')} that cannot be read; the report lists them"
    samples = data.train.samples
    if isinstance(samples, TableSamples):
        from transfer.data.tables.columns import fit_columns

        yield from samples.remarks
        with suppress(ZooError):  # columns that the source does not know, and that nothing is learned from
            yield from fit_columns(samples.table, samples.names, samples.index, str(samples.path)).remarks
        for name, split in data.splits.items():
            feed = feed_of(prepared.source, prepared.source.inputs, split.samples, f"{data.ref}: {name}")
            yield from (f"{name}: {remark}" for remark in remarks(feed))
    how = prepared.source.preprocessing
    if how is not None and how.resize:
        yield f"images are given to the model at {how.shape[0]}x{how.shape[1]} pixels ({how.resize})"
    own = own_scaling(prepared.source.model)
    if own is not None and how is not None and (remark := own.remark(how)):
        yield remark
    if imaging.augment and prepared.plan.cached:
        views, n = imaging.recorded, len(data.train)
        yield f"{views} views of {n:,} training images: {views * n:,} samples go through the layers below a cut"
