"""Read TensorFlow checkpoints without their graph: `.index` and `.data` files of version 1 and 2, or one old file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import ZooError
from transfer.files.mistaken import AGAIN
from transfer.files.shown import first_line, shown
from transfer.weights.claims import prefix_of
from transfer.weights.foreign import Foreign
from transfer.weights.readers.tf_bundle import Declared, bundle, single
from transfer.weights.readers.tf_names import weights


def read(path: Path) -> Foreign:
    """Read the names, shapes and arrays of a checkpoint, by its prefix, one of its files, or its folder.

    Raises:
        ZooError: there is none, a file of it is missing, or it is damaged.
    """
    prefix = prefix_of(path)
    if prefix is None and path.is_dir() and (several := sorted(path.glob("*.index"))):
        raise ZooError(
            f"the folder {path} holds {len(several)} checkpoints: {', '.join(one.name for one in several[:5])}",
            f"name one of them: {several[-1].with_suffix('')}",
        )
    if prefix is None:
        raise ZooError(
            f"there is no TensorFlow checkpoint at {path}: expected {path}.index and {path}.data-00000-of-00001",
            "give the prefix that the files share, such as my/model.ckpt, or one of the files",
        )
    declared = bundle(prefix) if Path(f"{prefix}.index").is_file() else single(Path(prefix))
    names, states = weights(declared.variables)
    if not names:
        raise ZooError(f"the checkpoint {prefix} holds no weights; expected variables of numbers")
    shapes = {name: declared.variables[key].shape for name, key in names.items()}
    arrays = _Arrays(prefix)
    return Foreign(
        "tf-checkpoint",
        "tensorflow",
        shapes,
        lambda name: arrays.load(names[name], shapes[name]),
        _notes(declared, states),
    )


def _notes(declared: Declared, states: int) -> tuple[str, ...]:
    notes = []
    if states:
        notes.append(f"{states} variables of optimisers and counters are left out")
    texts = [name for name in declared.others if name != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    if texts:
        notes.append(f"{len(texts)} variables that hold no numbers are left out: {shown(', '.join(texts[:5]), 200)}")
    return tuple(notes)


class _Arrays:
    """Reads arrays of a checkpoint by TensorFlow, which is opened once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    @cached_property
    def _reader(self) -> Any:
        import tensorflow as tf

        return tf.compat.v1.train.NewCheckpointReader(self._prefix)

    def load(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Read a variable.

        Raises:
            ZooError: the checkpoint is damaged; TensorFlow compares checksums.
        """
        import tensorflow as tf

        try:
            array = np.asarray(self._reader.get_tensor(name))
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            reason = shown(first_line(error), 200)
            raise ZooError(
                f"the checkpoint {self._prefix} is damaged: cannot read {shown(name, 200)!r}: {reason}",
                AGAIN,
            ) from error
        if array.shape != shape:
            raise ZooError(f"the checkpoint {self._prefix} is damaged: {name!r} is {array.shape}, expected {shape}")
        return array
