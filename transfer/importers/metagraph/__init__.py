"""TensorFlow 1 meta-graphs (`.meta`, `.index`, `.data-…`) as native Keras models.

Importing this package imports no TensorFlow; `read` does.
"""

from __future__ import annotations

from pathlib import Path

from registry.watch import Watch, silent
from transfer.imported import Imported
from transfer.importers.metagraph.prefix import prefix_of

__all__ = ["prefix_of", "read"]


def read(
    path: Path | str,
    *,
    input: str | None = None,
    output: str | None = None,
    compare: bool = True,
    seed: int = 0,
    watch: Watch = silent,
) -> Imported:
    """Import a TensorFlow 1 checkpoint as a functional Keras model.

    Args:
        path: the prefix of its files, which may end in a slash, one of them, or a folder that holds one checkpoint.
        input: the input tensor, `X:0` or `X`, or several, separated by commas; None finds it.
        output: the output tensors, likewise; None finds it: what the loss is computed from, else the last layer.
        compare: run the original graph beside the model on random inputs, and refuse a model that differs.
        seed: of those inputs.
        watch: called with progress.

    Raises:
        ZooError: files are missing or damaged, the input or output cannot be told, an operation may not run, or
            the model differs from the original by more than 1e-4 of its largest output.
    """
    from transfer.importers.metagraph import reader

    return reader.read(path, input, output, seed if compare else None, watch)
