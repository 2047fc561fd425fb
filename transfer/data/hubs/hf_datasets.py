"""`hf://datasets/ORG/NAME[/CONFIG][@REVISION]`: data of the Hugging Face Hub, of Parquet, CSV or folders of images.

The hub is the one of `HF_ENDPOINT`; what it sends is kept in the cache of the package `datasets`. No script of a
repository is run: only the package's own readers of these three formats are used.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from registry.errors import ZooError
from registry.extras import need
from transfer.data.hubs.hf_rows import found_of
from transfer.data.hubs.parts import parts_of, unused
from transfer.data.reading import Reading
from transfer.data.records import Found
from transfer.files.shown import first_line, shown

EXTRA = "datasets"
NAME = re.compile(r"(?P<repo>[\w.-]+(/[\w.-]+)?)(/(?P<config>[\w.-]+))?(@(?P<revision>[\w./-]+))?", re.ASCII)
READERS = ("parquet", "csv", "imagefolder")


@dataclass(frozen=True)
class Address:
    """Which data set of the hub: `ORG/NAME`, one of its configurations, a branch, tag or commit."""

    repo: str
    config: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address.

        Raises:
            ZooError: it is none.

        >>> Address.parse("org/name@v1")
        Address(repo='org/name', config=None, revision='v1')
        >>> Address.parse("org/name/small").config
        'small'
        """
        found = NAME.fullmatch(text)
        if found is None or ".." in text:
            raise ZooError(
                f"{shown(text, 200)!r} is no data set's name: expected ORG/NAME[/CONFIG][@REVISION]",
                "hf://datasets/ylecun/mnist",
            )
        return cls(found["repo"], found["config"], found["revision"])


def read(name: str, reading: Reading) -> Found:
    """Read a data set.

    Args:
        name: such as `ylecun/mnist`, `org/name/config@v1`.
        reading: what the user asks for.

    Raises:
        ZooError: there is no such data set, it cannot be had, is in another format, or has no features that a model
            takes.
    """
    address = Address.parse(name)
    where = f"hf://datasets/{name}"
    with _quiet(need("datasets", EXTRA)) as datasets:
        held = _loaded(datasets, address, where)
        parts = parts_of(held, where)
        found = found_of({part: held[split] for part, split in parts.items()}, reading, where)
        return replace(found, remarks=(*found.remarks, *unused(held, parts, where)))


def _loaded(datasets: Any, address: Address, where: str) -> Any:
    try:
        builder = datasets.load_dataset_builder(address.repo, name=address.config, revision=address.revision)
        reader = type(builder).__module__.rpartition(".")[2]
        if reader not in READERS:
            raise ZooError(
                f"{where} is in a format that is not read ({reader}); expected {', '.join(READERS)}",
                "download it, and give its files as --data",
            )
        builder.download_and_prepare()
        return builder.as_dataset()
    except ZooError:
        raise
    except Exception as error:  # of the package, of huggingface_hub, or of its HTTP library
        raise _explained(datasets, error, where) from error


def _explained(datasets: Any, error: Exception, where: str) -> ZooError:
    names = {kind.__name__ for kind in type(error).__mro__}
    hub = datasets.config.HF_ENDPOINT
    said = first_line(_cause(error), 300)
    if "OfflineModeIsEnabled" in names or "offline" in said.lower():
        return ZooError(f"{where} needs the network, and Hugging Face is set offline", "unset HF_HUB_OFFLINE")
    if "DatasetNotFoundError" in names or "RevisionNotFoundError" in names:
        return ZooError(
            f"{hub} has no data set {where.removeprefix('hf://datasets/')}, or it is private: {said}",
            "check the name, or hf auth login",
        )
    if "DataFilesNotFoundError" in names or "EmptyDatasetError" in names:
        return ZooError(f"{where} has no files of a known format: {said}", f"expected {', '.join(READERS)}")
    if names & {"ConnectionError", "TimeoutException", "TransportError", "ConnectError"}:
        return ZooError(f"{hub} cannot be reached: {said}", "check the connection and HF_ENDPOINT, and try again")
    if "Config name is missing" in str(error) or "BuilderConfig" in str(error):
        return ZooError(f"{where}: {shown(' '.join(str(error).split()), 300)}", f"{where.partition('@')[0]}/CONFIG")
    return ZooError(f"{where} cannot be read: {said}", f"look at {hub}/datasets/{where.removeprefix('hf://datasets/')}")


def _cause(error: BaseException) -> BaseException:
    """Find what is below `An error occurred while generating the dataset`."""
    return error.__cause__ if type(error).__name__.startswith("DatasetGeneration") and error.__cause__ else error


@contextmanager
def _quiet(datasets: Any) -> Iterator[Any]:
    """Keep the packages' bars, remarks and log lines off the terminal: we report in our own words."""
    loggers = [logging.getLogger(name) for name in ("datasets", "huggingface_hub", "fsspec")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield datasets
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()
