"""The arrays of a caffemodel, without its layers: `conv1/0` is the first array of the layer `conv1`."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError
from transfer.importers.caffe.blob import Blob
from transfer.importers.caffe.caffemodel import read_caffemodel
from transfer.weights.foreign import Foreign

FORMAT = "caffe"


def read(path: Path) -> Foreign:
    """Read the names, shapes and arrays of a caffemodel.

    A shape that is stated as (num, channels, height, width) keeps its four sizes, except that (1, 1, 1, k) is (k,) and
    (1, 1, n, k) is (n, k): so old files state biases and the kernels of dense layers.

    Raises:
        ZooError: it cannot be read, is damaged, or holds no array.
    """
    model = read_caffemodel(path)
    blobs = {blob.name: blob for of_layer in model.blobs.values() for blob in of_layer}
    if not blobs:
        raise ZooError(f"{path} holds no arrays", "expected the .caffemodel that Caffe's solver writes")
    shapes = {name: shape_of(blob) for name, blob in blobs.items()}
    return Foreign(FORMAT, "caffe", shapes, lambda name: blobs[name].array().reshape(shapes[name]))


def shape_of(blob: Blob) -> tuple[int, ...]:
    """Return a blob's shape without the ones that only the old form of shapes has in front."""
    if blob.legacy and blob.shape[:3] == (1, 1, 1):
        return blob.shape[3:]
    return blob.shape[2:] if blob.legacy and blob.shape[:2] == (1, 1) else blob.shape
