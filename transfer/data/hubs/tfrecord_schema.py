"""`schema.json` beside TFRecord files: what their records hold.

    {
      "features": {
        "image": "image",
        "label": {"dtype": "int64", "shape": []}
      },
      "label": "label",
      "classes": ["cat", "dog"],
      "group": "patient"
    }

`features` names each feature of a record (a `tf.train.Example`) that is read; others are not looked at. `"image"`
stands for an encoded image: one value of bytes. Else `dtype` is one of NumPy's numbers (`uint8`, `int64`, `float32` …)
or `string`, and `shape` a sample's sizes, `[]` for a single value; integers may come as a list of int64 or, as the
numbers of a raw image do, as one value of bytes, little-endian. `label` is the feature that holds the labels; without
it there are none. `classes` (optional) are the names of an integer label's values, `group` (optional) the feature that
says which samples belong together. All other features are samples: one image, one array, or an array for each input by
its name.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import msgspec
import numpy as np

from registry.errors import ZooError
from transfer.files.json_text import decoded

FILE = "schema.json"
LARGEST = 2**22  # bytes
IMAGE, STRING = "image", "string"
MOST_NUMBERS = 2**31
EXPECTED = '{"features": {NAME: "image" or {"dtype": "float32", "shape": [28, 28]}}, "label": NAME, "classes": [...]}'


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers, or the text, of a feature."""

    dtype: str
    shape: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many values it has."""
        return prod(self.shape)


class Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What records hold."""

    features: dict[str, Form | str]
    label: str | None = None
    classes: tuple[str, ...] = ()
    group: str | None = None

    @property
    def samples(self) -> tuple[str, ...]:
        """The features that a model takes."""
        return tuple(name for name in self.features if name not in (self.label, self.group))

    @property
    def image(self) -> str | None:
        """The feature that is an encoded image, if any."""
        return next((name for name in self.samples if self.features[name] == IMAGE), None)


def read_schema(folder: Path) -> Schema:
    """Read the schema of a folder's TFRecord files.

    Raises:
        ZooError: it is missing, or no schema.
    """
    path = folder / FILE
    if not path.is_file():
        raise ZooError(f"there is no {FILE} in {folder}, which says what its TFRecord files hold", f"write {EXPECTED}")
    schema: Schema = decoded(path, Schema, LARGEST, f"{path} is no schema of TFRecord files", EXPECTED)
    for name, form in schema.features.items():
        _check(form, f"{path}: feature {name!r}")
    for role, named in (("label", schema.label), ("group", schema.group)):
        if named is not None and (named not in schema.features or schema.features[named] == IMAGE):
            raise ZooError(f"{path}: the {role} {named!r} is none of the features, or an image", f"write {EXPECTED}")
    if not schema.samples:
        raise ZooError(f"{path} has no feature beside label and group", f"write {EXPECTED}")
    if schema.image is not None and len(schema.samples) > 1:
        raise ZooError(
            f"{path} has the image {schema.image!r} beside other samples: {', '.join(schema.samples)}",
            "leave out of the schema what the model does not take",
        )
    return schema


def _check(form: Form | str, where: str) -> None:
    if isinstance(form, str):
        if form != IMAGE:
            raise ZooError(f'{where} is {form!r}; expected "image", or a dtype and a shape', f"write {EXPECTED}")
        return
    if min(form.shape, default=1) < 1 or form.count > MOST_NUMBERS or len(form.shape) > 8:
        raise ZooError(f"{where} has the shape {list(form.shape)}; expected sizes above 0")
    if form.dtype == STRING:
        if form.shape:
            raise ZooError(f"{where} is text of the shape {list(form.shape)}; text is a single value, of the shape []")
        return
    try:
        known = np.dtype(form.dtype).kind in "uifb"
    except TypeError:
        known = False
    if not known:
        raise ZooError(f"{where} has the dtype {form.dtype!r}; expected such as uint8, int64, float32, or string")
