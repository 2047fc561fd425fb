"""The model config that `zoo export` writes into a SavedModel: `assets.extra/keras.json`.

It is what `model.to_json()` of Keras 3 returns, and one member more: `"signature": {"inputs": […], "outputs": […]}`,
what `serving_default` calls the model's ends, in its order. Values: pure, but for reading and writing the file.
`assets.extra/` is where a SavedModel takes files that TensorFlow does not read (tensorflow.org/guide/saved_model).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.files.json_text import parsed
from transfer.importers.keras2 import trusted

FILE, SIGNATURE = "assets.extra/keras.json", "serving_default"
LARGEST = 1 << 28  # bytes; a GraphLayer's graph lies in its config
HINT = "without that file the model is made from the graph: delete it and import again"


@dataclass(frozen=True)
class Recorded:
    """What the file says.

    Attributes:
        config: the model's, as `model.to_json()` writes it.
        inputs: what the signature calls the model's inputs, in its order.
        outputs: the same for its outputs.
    """

    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Recorded:
        """Describe a model, as far as it can be read again.

        Raises:
            ZooError: it holds a class that is not Keras's own, or a number that JSON has not.
        """
        made = cls(json.loads(model.to_json()), tuple(inputs), tuple(outputs))
        found = read_text(made.text(), f"the config of {model.name}")
        trusted.cleaned(found.config, f"the config of {model.name}")
        return found

    def text(self) -> str:
        """Return the file's text; the inverse of `read_text`."""
        ends = {"inputs": list(self.inputs), "outputs": list(self.outputs)}
        return json.dumps({**self.config, "signature": ends}, ensure_ascii=False)

    def write(self, folder: Path) -> None:
        """Write it into a SavedModel."""
        file = folder / FILE
        file.parent.mkdir(exist_ok=True)
        file.write_text(self.text(), encoding="utf-8")


def recorded(folder: Path) -> bool:
    """Tell whether a SavedModel holds the file."""
    return (folder / FILE).is_file()


def read_file(folder: Path) -> Recorded:
    """Read it.

    Raises:
        ZooError: it is damaged or too large.
    """
    file = folder / FILE
    if file.stat().st_size > LARGEST:
        raise ZooError(f"{file} is too large for a model config: expected at most {LARGEST >> 20} MB", HINT)
    return read_text(file.read_bytes(), str(file))


def read_text(text: str | bytes, where: str) -> Recorded:
    """Read its text.

    Args:
        text: JSON.
        where: the file, as an error calls it.

    Raises:
        ZooError: it is no JSON object, or its `signature` is no two lists of names.
    """
    try:
        found = parsed(text, where)
    except ZooError as error:
        raise ZooError(error.message, HINT) from error
    ends = found.pop("signature", None)
    sides: list[Any] = [ends.get(key) for key in ("inputs", "outputs")] if isinstance(ends, dict) else []
    if len(sides) != 2 or not all(_are_names(side) for side in sides):
        raise ZooError(f"{where} is damaged: expected a signature with the names of inputs and outputs", HINT)
    return Recorded(found, tuple(sides[0]), tuple(sides[1]))


def _are_names(side: Any) -> bool:
    return isinstance(side, list) and all(isinstance(name, str) for name in side) and 0 < len(set(side)) == len(side)
