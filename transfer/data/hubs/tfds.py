"""`tfds:NAME[/CONFIG][:VERSION]`: the data sets of TensorFlow Datasets.

Only what the installed package knows how to make, or what lies prepared in its folder (`TFDS_DATA_DIR`); no script from
elsewhere is run. What is not prepared is, which downloads it from where its owners keep it.
"""

from __future__ import annotations

import io
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from typing import Any

from registry.errors import ZooError, near
from registry.extras import need
from registry.watch import Watch, silent
from transfer.data.hubs.parts import parts_of, unused
from transfer.data.hubs.tfds_features import Use, use_of
from transfer.data.hubs.tfds_rows import found_of
from transfer.data.reading import Reading
from transfer.data.records import Found
from transfer.files.shown import first_line

EXTRA = "tfds"
NAME = re.compile(r"\w+(/[\w.-]+)?(:(\d+|\*)(\.(\d+|\*)){2})?", re.ASCII)
FOLDER = "TFDS_DATA_DIR"


def read(name: str, reading: Reading, watch: Watch = silent) -> Found:
    """Read a data set.

    Args:
        name: such as `mnist`, `cifar10_corrupted/blur_1`, `iris:2.0.0`.
        reading: what the user asks for.
        watch: told when a data set is prepared.

    Raises:
        ZooError: there is no such data set, it cannot be prepared, or has no features that a model takes.
    """
    if not NAME.fullmatch(name):
        raise ZooError(f"{name!r} is no name of TensorFlow Datasets: expected NAME[/CONFIG][:VERSION]", "tfds:mnist")
    where = f"tfds:{name}"
    with _quiet():
        tfds = need("tensorflow_datasets", EXTRA)
        builder = _builder(tfds, name)
        use = use_of(builder.info.features, _supervised(builder), reading, where)
        _prepare(tfds, builder, where, watch)
        parts = parts_of(builder.info.splits, where)
        examples = {part: _examples(tfds, builder, split, use) for part, split in parts.items()}
        found = found_of(examples, use, reading, where)
        return replace(found, remarks=(*found.remarks, *unused(builder.info.splits, parts, where)))


def _builder(tfds: Any, name: str) -> Any:
    try:
        return tfds.builder(name, try_gcs=False, data_dir=os.environ.get(FOLDER))
    except tfds.core.registered.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        plain = re.split("[/:]", name)[0]
        hint = f"{name} is not prepared in its folder either" if plain in known else near(plain, known)
        raise ZooError(f"TensorFlow Datasets has no data set {name!r}", hint) from error
    except Exception as error:  # of a version or config that there is not: AssertionError, ValueError and others
        raise ZooError(f"tfds:{name} cannot be opened: {first_line(error, 300)}", f"tfds:{plain_name(name)}") from error


def plain_name(name: str) -> str:
    """Return a data set's name without config and version.

    >>> plain_name("iris:2.0.0"), plain_name("glue/cola")
    ('iris', 'glue')
    """
    return re.split("[/:]", name)[0]


def _supervised(builder: Any) -> tuple[str | None, str | None]:
    """Return the features that are the sample and the label, where the data set says so and each is one."""
    keys = builder.info.supervised_keys
    sample, label = keys[:2] if keys else (None, None)
    return (sample if isinstance(sample, str) else None, label if isinstance(label, str) else None)


def _prepare(tfds: Any, builder: Any, where: str, watch: Watch) -> None:
    if builder.is_prepared():
        return
    watch(f"preparing {where}", 0, 1, str(builder.info.download_size))
    try:
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    except Exception as error:  # whatever a data set's own code, or its download, runs into
        elsewhere = f"check the connection, or prepare it where there is one: tfds build {builder.info.full_name}"
        lacking = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
        raise ZooError(
            f"{where} cannot be prepared: {type(error).__name__}: {first_line(error, 300)}",
            f"pip install {lacking}" if lacking else elsewhere,
        ) from error
    watch(f"preparing {where}", 1, 1)


def _examples(tfds: Any, builder: Any, split: str, use: Use) -> Iterator[Any]:
    """Yield a split's examples in their order on disk, of each the features that are used, as NumPy has them."""
    decoders = {use.encoded: tfds.decode.SkipDecoding()} if use.encoded else None
    wanted = tfds.decode.PartialDecoding(dict.fromkeys(use.names, True), decoders)
    data = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=wanted,
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    yield from tfds.as_numpy(data)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep its bars, remarks and log lines off the terminal: we report in our own words."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
