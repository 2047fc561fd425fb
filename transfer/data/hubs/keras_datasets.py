"""`keras:NAME`: the data sets that Keras brings, from its cache (`KERAS_HOME/datasets`) or downloaded to it.

Keras checks the files of all but Fashion MNIST by their hashes, each time that they are opened.
"""

from __future__ import annotations

import io
import lzma
import os
import pickle
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

from registry.errors import ZooError, near
from transfer.data.arrays.found import Labelled, found
from transfer.data.arrays.samples import ONLY
from transfer.data.reading import Reading
from transfer.data.records import Found
from transfer.files.shown import first_line

CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# The names of each one's classes, where Keras's documentation has them.
NAMES: Mapping[str, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": CLOTHES,
    "cifar10": THINGS,
    "cifar100": (),
    "california_housing": (),
    "boston_housing": (),
}
REMOVED = "; the file in the cache had another content than Keras's, which has removed it"
DAMAGED = (
    *(ValueError, EOFError, KeyError, TypeError, zlib.error, zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError),
    pickle.UnpicklingError,
)


def read(name: str, reading: Reading) -> Found:
    """Read a data set; what is not in Keras's cache is downloaded.

    Args:
        name: such as `mnist`.
        reading: what the user asks for.

    Raises:
        ZooError: there is no such data set, it cannot be downloaded, or its files are damaged.
    """
    plain = name.strip().lower().replace("-", "_")
    if plain not in NAMES:
        raise ZooError(f"Keras has no data set of images or numbers called {name!r}", near(plain, NAMES))
    where = f"keras:{plain}"
    if reading.targets or reading.image_column or reading.group_column:
        raise ZooError(f"{where} has samples and labels only", "leave out --target, --image-column and --group-column")
    train, test = _loaded(plain, where)
    parts = {
        part: Labelled({ONLY: x}, f"{where}: {part}", y, NAMES[plain])
        for part, (x, y) in {"train": train, "test": test}.items()
    }
    return found(where, parts, reading)


def _loaded(plain: str, where: str) -> Any:
    module = import_module(f"keras.datasets.{plain}")
    told = io.StringIO()
    try:
        with redirect_stdout(told), warnings.catch_warnings():  # it shows a bar of its own, and remarks
            warnings.simplefilter("ignore")
            return module.load_data()
    except DAMAGED as error:
        raise ZooError(
            f"{where}: the files in Keras's cache are damaged: {first_line(error, 200)}", f"remove them from {_cache()}"
        ) from error
    except OSError as error:
        raise ZooError(f"{where} cannot be read: {first_line(error, 200)}", f"look at {_cache()}") from error
    except Exception as error:  # Keras raises a plain Exception where a download fails
        if "URL fetch failure" not in str(error):
            raise
        removed = REMOVED if "local file was found" in told.getvalue() else ""
        raise ZooError(
            f"{where} cannot be downloaded: {first_line(error, 200)}{removed}",
            f"check the connection, or put the files into {_cache()} as Keras leaves them there",
        ) from error


def _cache() -> str:
    return f"{os.environ.get('KERAS_HOME') or '~/.keras'}/datasets"
