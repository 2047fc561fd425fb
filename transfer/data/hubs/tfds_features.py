"""Which features of a data set of TensorFlow Datasets are the sample, the label and the group. No import of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.data.hubs.labels import label_of
from transfer.data.reading import Reading


@dataclass(frozen=True)
class Use:
    """What is read of each example.

    Attributes:
        samples: the features that a model takes.
        label: the feature that holds the label.
        classes: the names of the label's values, where they are known.
        group: the feature that says which samples belong together, if any.
        encoded: the feature of `samples` that is read as an image's file, since the images' sizes differ.
        shape, dtype: of an only feature's arrays; None where the samples are a table's rows.
        named: features of single values that stand for names, which a table shows.
    """

    samples: tuple[str, ...]
    label: str
    classes: tuple[str, ...] = ()
    group: str | None = None
    encoded: str = ""
    shape: tuple[int, ...] | None = None
    dtype: np.dtype[Any] | None = None
    named: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All features that are read."""
        return (*self.samples, self.label, *((self.group,) if self.group else ()))


def use_of(features: Any, supervised: tuple[str | None, str | None], reading: Reading, where: str) -> Use:
    """Choose the features: an image, an array of one shape, or single values as a table's columns.

    Args:
        features: a `tfds.features.FeaturesDict`.
        supervised: the sample and the label, as far as the data set says.
        reading: what the user asks for.
        where: the data set, as an error calls it.

    Raises:
        ZooError: there are no such features.
    """
    if not hasattr(features, "items"):
        raise ZooError(f"{where} has no named features", "such data sets are not read")
    held = dict(features.items())
    label = label_of(list(held), reading, supervised[1], where)
    group = reading.group_column
    for name in (group, reading.image_column):
        if name is not None and name not in held:
            raise ZooError(f"{where} has no feature {name!r}; it has {', '.join(held)}")
    rest = {name: feature for name, feature in held.items() if name not in (label, group)}
    classes, image = _classes(held[label]), _image(rest, reading.image_column, supervised[0])
    if image is not None:
        return _image_use(image, rest[image], Use((image,), label, classes, group))
    return _numbers_use(rest, supervised[0], Use((), label, classes, group), where)


def _image(features: dict[str, Any], chosen: str | None, supervised: str | None) -> str | None:
    images = [name for name, feature in features.items() if _kind(feature) == "Image"]
    if chosen is not None:
        return chosen
    return supervised if supervised in images else images[0] if len(images) == 1 else None


def _image_use(name: str, feature: Any, use: Use) -> Use:
    shape = tuple(feature.shape)
    if None in shape:
        return Use((name,), use.label, use.classes, use.group, encoded=name)
    return Use((name,), use.label, use.classes, use.group, shape=shape, dtype=np.dtype(feature.np_dtype))


def _numbers_use(features: dict[str, Any], supervised: str | None, use: Use, where: str) -> Use:
    arrays = {name: one for name, one in features.items() if _is_array(one)}
    chosen = supervised if supervised in arrays else next(iter(arrays)) if len(arrays) == 1 else None
    cells = {name: one for name, one in features.items() if _kind(one) in CELLS and tuple(one.shape) == ()}
    if chosen is not None and (chosen == supervised or not cells):
        one = arrays[chosen]
        return Use((chosen,), use.label, use.classes, use.group, shape=tuple(one.shape), dtype=np.dtype(one.np_dtype))
    if not cells:
        held = ", ".join(f"{name} ({_kind(one)} {one.shape})" for name, one in features.items()) or "none"
        raise ZooError(
            f"{where} has no feature that a model takes: expected an image, numbers of one shape, or single values; "
            f"beside the label it has {held}",
            "choose the image: --image-column",
        )
    named = {name: _classes(one) for name, one in cells.items()}
    return Use(tuple(cells), use.label, use.classes, use.group, named=tuple((k, v) for k, v in named.items() if v))


CELLS = ("Scalar", "Tensor", "ClassLabel", "Text")


def _is_array(feature: Any) -> bool:
    shape = tuple(feature.shape) if _kind(feature) in ("Tensor", "Audio", "Video") else ()
    return bool(shape) and None not in shape and np.dtype(feature.np_dtype).kind in "uifb"


def _kind(feature: Any) -> str:
    return type(feature).__name__


def _classes(feature: Any) -> tuple[str, ...]:
    inner = getattr(feature, "feature", feature)  # of a sequence
    names = getattr(inner, "names", None)
    return tuple(names) if _kind(inner) == "ClassLabel" and names else ()
