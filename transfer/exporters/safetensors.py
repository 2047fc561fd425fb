"""The weights alone, as one safetensors file (`transfer.safetensors_file`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer import safetensors_file
from transfer.exporters.exported import About, Checked
from transfer.inputs import Arrays


def write(model: Any, path: Path, about: About) -> tuple[str, ...]:
    """Write all weights, called `scope/kernel`.

    The file does not say which model it belongs to: the same weights are to be the same bytes.
    """
    safetensors_file.write(model, path)
    return ("it holds weights and no architecture: to use them, name one (zoo import FILE --into MODEL)",)


def check(model: Any, path: Path, inputs: Arrays) -> Checked:
    """Read the file and compare each array with the weight of its name, byte by byte.

    Raises:
        ZooError: a weight is missing, or is another.
    """
    stored = safetensors_file.read(path)
    held = safetensors_file.named(model)
    wrong = sorted(stored.keys() ^ held.keys())
    wrong += [name for name in stored.keys() & held.keys() if not _same(stored[name], held[name])]
    if wrong:
        raise ZooError(f"the exported weights are not the model's: {', '.join(wrong[:5])}")
    return Checked("the model's weights, byte by byte", 0.0, 0.0)


def _same(stored: Any, weight: Any) -> bool:
    held = np.asarray(weight.value)
    return bool(held.shape == stored.shape and held.dtype == stored.dtype and held.tobytes() == stored.tobytes())
