"""The worst mistakes of a run's model, and small pictures of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from registry.errors import ZooError
from transfer.data.arrays.samples import ArraySamples
from transfer.data.dataset import Array, Dataset, Split
from transfer.data.images.decode import decode
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.data.records import Samples
from transfer.data.tables.samples import TableSamples
from transfer.data.target import Target
from transfer.predicted import MOST, SIDE, TEXT, Mistake, Predictions

COLUMNS = 12  # of a table's row


def predictions(outputs: Array, data: Dataset, split: str) -> Predictions:
    """Put together what a model says of a split, with the worst of its mistakes.

    Args:
        outputs: of all samples of the split, `(n, k) float32`.
        data: what it was trained on.
        split: the split's name.
    """
    chosen = data.splits[split]
    loss = losses(outputs, chosen.y, data.target)
    rows = worst(outputs, chosen.y, data.target, loss)
    found = tuple(_mistake(chosen.samples, int(row), float(loss[row])) for row in rows)
    return Predictions(split, np.asarray(outputs, np.float32), chosen.y, found, _fingerprint(chosen))


def _fingerprint(split: Split) -> str:
    """Return the samples' fingerprint; none where one cannot be read any more, which is not worth a run."""
    try:
        return split.fingerprint
    except ZooError:
        return ""


def losses(outputs: Array, labels: NDArray[Any], target: Target) -> NDArray[np.float64]:
    """Return each sample's loss `(n,)`: cross-entropy in nats, of several labels their mean.

    Of numbers it is the mean squared error in units of the training labels' variance.
    """
    z = outputs.astype(np.float64)
    if target.kind == "class":
        z = z - z.max(axis=1, keepdims=True)
        found = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]
    elif target.kind == "multilabel":
        found = (np.maximum(z, 0) - z * labels + np.log1p(np.exp(-np.abs(z)))).mean(axis=1)
    else:
        found = (((z - labels) / (target.deviation or 1.0)) ** 2).mean(axis=1)
    return np.nan_to_num(np.asarray(found, np.float64), nan=np.inf)


def worst(
    outputs: Array, labels: NDArray[Any], target: Target, loss: NDArray[np.float64], most: int = MOST
) -> NDArray[np.int64]:
    """Return the rows that are wrong, the highest loss first; every number is wrong by something."""
    if target.kind == "class":
        wrong = outputs.argmax(axis=1) != labels
    elif target.kind == "multilabel":
        wrong = ((outputs > 0) != (labels > 0.5)).any(axis=1)
    else:
        wrong = loss > 0
    rows = np.flatnonzero(wrong)
    return rows[np.argsort(-loss[rows], kind="stable")][:most].astype(np.int64)


def _mistake(samples: Samples, row: int, loss: float) -> Mistake:
    """Describe a sample; what cannot be shown of it, such as a file that is gone by now, is left out."""
    where, text, picture = f"sample {row}", "", None
    try:
        where = samples.where(row)
        text = row_text(samples, row)
        picture = picture_of(samples, row)
    except Exception:  # whatever readers and decoders raise: a picture is not worth a run
        pass
    return Mistake(row, loss, where, text, picture)


def row_text(samples: Samples, row: int) -> str:
    """Return a table's row, `name = value` a line, as far as it is short; of other samples nothing."""
    if not isinstance(samples, TableSamples):
        return ""
    values = samples.take(np.array([row])).to_pylist()[0]
    lines = [f"{name} = {value}"[:80] for name, value in list(values.items())[:COLUMNS]]
    more = [f"and {len(values) - COLUMNS} more"] if len(values) > COLUMNS else []
    return "\n".join([*lines, *more])[:TEXT]


def picture_of(samples: Samples, row: int) -> NDArray[np.uint8] | None:
    """Return a small picture `(h, w, 1 or 3)` of a sample as it lies there; None where it is no image."""
    if isinstance(samples, ImageSamples | EncodedImages):
        with samples.open(row) as file:
            return small(decode(file, 3, samples.where(row)))
    if not isinstance(samples, ArraySamples) or not samples.single:
        return None
    array = np.asarray(samples.take(np.array([row])))[0]
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or min(array.shape[:2]) < 2:
        return None
    return small(array if array.dtype == np.uint8 else _stretched(array))


def small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink an image `(h, w, 1 or 3)` to at most `SIDE` pixels a side; smaller ones stay as they are."""
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    picture.thumbnail((SIDE, SIDE))
    array = np.asarray(picture)
    return array[..., None] if array.ndim == 2 else array


def _stretched(array: Array) -> NDArray[np.uint8]:
    """Spread numbers of any range over black to white."""
    numbers = np.nan_to_num(array.astype(np.float64))
    low, high = numbers.min(), numbers.max()
    stretched: NDArray[np.uint8] = ((numbers - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)
    return stretched
