"""Which reader takes a file of weights: the table, and the choice from it. Readers are imported when needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from registry.errors import ZooError
from transfer.files.mistaken import refuse_mistaken
from transfer.files.named import named
from transfer.weights import claims
from transfer.weights.foreign import Foreign

HERE = "transfer.weights.readers"


@dataclass(frozen=True)
class Reader:
    """One format of weights.

    Attributes:
        format: its name in cards.
        what: for people.
        module: the module whose `read(path)` returns a `Foreign`.
        claims: tells from names and first bytes whether a path is of this format.
    """

    format: str
    what: str
    module: str
    claims: Callable[[Path], bool]

    def read(self, path: Path) -> Foreign:
        """Read the names, shapes and arrays at a path; see the module's `read`."""
        refuse_mistaken(path, self.what)
        with named(path):
            found: Foreign = import_module(self.module).read(path)
        return found


def reader_for(path: Path) -> Reader:
    """Choose the reader of a path.

    Raises:
        ZooError: there is nothing at the path, or no reader claims it.
    """
    for reader in READERS:
        if reader.claims(path):
            return reader
    refuse_mistaken(path, "weights")
    if not path.exists():
        raise ZooError(f"{path} does not exist", "give a file, a folder, a checkpoint's prefix, or a name of zoo list")
    known = "; ".join(reader.what for reader in READERS)
    raise ZooError(f"{path} holds no weights alone that can be read", f"these can be: {known}")


READERS = (
    Reader("pytorch", "a PyTorch file (.pt, .pth, pytorch_model.bin)", f"{HERE}.torch_file", claims.pytorch),
    Reader("safetensors", "safetensors, or an index of shards", f"{HERE}.safetensors", claims.safetensors),
    Reader("numpy", "arrays of NumPy (.npz, .npy, pickles of arrays)", f"{HERE}.numpy_file", claims.numpy),
    Reader("tf-checkpoint", "a TensorFlow checkpoint (.index, .data)", f"{HERE}.tf_checkpoint", claims.tf_checkpoint),
    Reader("keras-h5", "Keras weights (.weights.h5, .h5)", f"{HERE}.keras_h5", claims.hdf5),
    Reader("caffe", "a caffemodel", "transfer.importers.caffe.weights", claims.caffe),
)
