"""A model run over many samples for its outputs themselves, by TensorFlow or by what is faster and agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.watch import Watch, silent
from transfer.engines.extractor import Extractor
from transfer.feeding import Feed, Sliced, every
from transfer.inputs import Arrays

CLOSE = 1e-5  # relative: what people read is held to less than features are


@dataclass(frozen=True)
class Running:
    """How a model is run; used as `transfer.extract.forward` is.

    A few batches are left to TensorFlow, and so is what it does in a second.

    Attributes:
        backend: a name of `transfer.engines.table`, or `auto`.
        folder: where choices are kept, so that the same samples get the same numbers again.
        name: what names the model: its revision.
    """

    backend: str
    folder: Path
    name: str

    def __call__(
        self, model: Any, feed: Feed | Sliced, *, stage: str = "extract", watch: Watch = silent
    ) -> Iterator[Arrays]:
        """Yield the model's outputs, batch by batch.

        Raises:
            ZooError: as `transfer.extract.forward`; or the backend that was asked for is not installed, has no form for
                a layer, or computes other numbers.
        """
        if len(feed):
            rows, extractor = every(feed), Extractor(self.backend, self.folder, len(feed), CLOSE)
            ready = extractor.ready(model, feed, rows, ["outputs", self.name])
            yield from ready.run(feed, rows, stage=stage, watch=watch)
