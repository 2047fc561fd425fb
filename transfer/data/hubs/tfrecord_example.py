"""A record as a `tf.train.Example`, and its features in the form that the schema says."""

from __future__ import annotations

from typing import Any

import numpy as np

from registry.errors import ZooError
from transfer.data.dataset import Array
from transfer.data.hubs.tfrecord_schema import IMAGE, STRING, Form

KINDS = {"bytes_list": "bytes", "int64_list": "integers", "float_list": "floats", None: "nothing"}
ASK = "is schema.json right?"


def features_of(record: bytes, where: str) -> Any:
    """Return a record's features by name.

    Raises:
        ZooError: it is no `tf.train.Example`.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.train import Example

    try:
        return Example.FromString(record).features.feature
    except DecodeError as error:
        raise ZooError(f"{where} is no tf.train.Example", "expected records as tf.train.Example writes them") from error


def value_of(features: Any, name: str, form: Form | str, where: str) -> Any:
    """Return a feature's value: bytes of an image, a text, or an array of the form's dtype and shape.

    Raises:
        ZooError: the record lacks it, or it is in another form.
    """
    where = f"{where}: feature {name!r}"
    if name not in features:
        held = ", ".join(sorted(features)[:10]) or "none"
        raise ZooError(f"{where} is missing; the record has {held}", ASK)
    feature = features[name]
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else []
    if isinstance(form, str) or form.dtype == STRING:
        if kind != "bytes_list" or len(values) != 1:
            expected = "an image's bytes" if form == IMAGE else "a text"
            raise ZooError(f"{where} holds {len(values)} values of {KINDS[kind]}; expected {expected}", ASK)
        return values[0] if isinstance(form, str) else _text(values[0], where)
    return _array(values, kind, form, where)


def _text(value: bytes, where: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ZooError(f"{where} is no text in UTF-8", "expected text") from error


def _array(values: Any, kind: str | None, form: Form, where: str) -> Array:
    dtype = np.dtype(form.dtype)
    if kind == "bytes_list" and len(values) == 1 and len(values[0]) == form.count * dtype.itemsize:
        return np.frombuffer(values[0], dtype.newbyteorder("<")).astype(dtype).reshape(form.shape)
    fits = {"int64_list": "uifb", "float_list": "f"}.get(kind or "", "")
    if dtype.kind not in fits or len(values) != form.count:
        count = len(values[0]) if kind == "bytes_list" and len(values) == 1 else len(values)
        raise ZooError(f"{where} holds {count} {KINDS[kind]}; expected {form.count} of {form.dtype}", ASK)
    found = np.array(values)
    with np.errstate(over="ignore"):
        cast = found.astype(dtype)
    if kind == "int64_list" and not np.array_equal(cast.astype(np.int64), found):
        raise ZooError(f"{where} holds {found[cast.astype(np.int64) != found][0]}, which is no {form.dtype}", ASK)
    return cast.reshape(form.shape)
