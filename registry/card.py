"""The card: what travels with a model's weights, and its form on disk (`zoo.json`).

`zoo.json` is written by the program; `README.md` beside it is for people. Its canonical text (sorted keys, two
spaces, a final newline) names every file by its sha256, so the sha256 of that text names the whole revision.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from registry.columns import Column, check_columns
from registry.errors import ZooError
from registry.ref import check_name, check_path

SCHEMA = 1
CARD_FILE = "zoo.json"
SIGNATURE_FILE = "model.sig"  # beside it, and like it in no card: it signs the card, too
MAX_CARD_BYTES = 16 * 2**20
MOST = 2**62  # parameters or bytes, which databases count in 64 bits
SHA256 = re.compile(r"[0-9a-f]{64}")
RESIZES = ("", "stretch", "crop", "pad")
INTERPOLATIONS = ("bilinear", "bicubic", "nearest")


@dataclass(frozen=True)
class FileEntry:
    """One of a model's files: its path in the model's folder, size in bytes and sha256 in hex."""

    path: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        check_path(self.path)
        if not SHA256.fullmatch(self.sha256) or self.bytes < 0:
            raise ValueError(f"{self.path!r} has no valid sha256 and size")


@dataclass(frozen=True)
class TensorSpec:
    """An input or output: name, shape (None where it may vary) and dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class LayerInfo:
    """A layer: its scope, class, number of parameters, whether any of them can train, and what it reads.

    `inputs` holds the scopes of the layers whose outputs it takes; an input layer has none.
    """

    name: str
    type: str
    parameters: int
    trainable: bool = True
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preprocessing:
    """How raw numbers become the model's input: resized, `raw * scale + offset`, then reshaped.

    Integer arrays are raw; floating-point arrays are taken as prepared already, and only reshaped.

    Attributes:
        shape: one raw sample's shape, `(28, 28)`; of an image that is resized, the shape that it gets.
        dtype: the raw dtype, `uint8`.
        scale: a factor, `1/255`; or one for each place of the last axis, in the order that the model takes.
        offset: added after the factor; one, or one for each place of the last axis.
        channels: `bgr` where the model takes colours in that order, so that the last axis of raw samples, which are
            RGB, is turned round first; `rgb`, or empty where there are no colours.
        resize: how an image of another size gets this one, antialiased: `stretch`; `crop`, the middle of it in the
            new proportions; `pad`, all of it with zeros at both sides; or empty where other sizes are refused.
        interpolation: `bilinear`, `bicubic` or `nearest`, which is not antialiased.
        embedded: whether the model's file begins with these steps, so that plain Keras gives it raw samples.
    """

    shape: tuple[int, ...]
    dtype: str = "uint8"
    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0
    channels: str = ""
    resize: str = ""
    interpolation: str = "bilinear"
    embedded: bool = False

    def __post_init__(self) -> None:
        if self.channels not in ("", "rgb", "bgr"):
            raise ValueError(f"channels are {self.channels!r}; expected rgb, bgr or nothing")
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(value, tuple) and (not self.shape or len(value) != self.shape[-1]):
                raise ValueError(f"{name} has {len(value)} numbers for samples of shape {self.shape}")
        if self.channels == "bgr" and self.shape[-1:] != (3,):
            raise ValueError(f"samples of shape {self.shape} have no three colours on their last axis")
        self._check_resize()

    def _check_resize(self) -> None:
        if self.resize not in RESIZES:
            raise ValueError(f"resize is {self.resize!r}; expected {', '.join(RESIZES[1:])} or nothing")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation is {self.interpolation!r}; expected {', '.join(INTERPOLATIONS)}")
        if self.resize and (len(self.shape) not in (2, 3) or min(self.shape) < 1):
            raise ValueError(f"samples of shape {self.shape} are no images (height, width, channels) to resize")

    @property
    def formula(self) -> str:
        """The arithmetic, for people.

        >>> Preprocessing((28, 28), scale=0.5, offset=-1.0).formula
        'x * 0.5 - 1'
        >>> Preprocessing((8, 8, 3), offset=(-104.0, -117.0, -123.0), channels="bgr").formula
        'bgr(x) * 1 + (-104, -117, -123)'
        >>> Preprocessing((8, 6, 3), scale=2.0, resize="crop", interpolation="nearest").formula
        'crop(x, 8x6, nearest) * 2'
        """
        start = f"{self.resize}(x, {self.shape[0]}x{self.shape[1]}, {self.interpolation})" if self.resize else "x"
        start = f"bgr({start})" if self.channels == "bgr" else start
        return f"{start} * {_numbers(self.scale)}{self._added()}"

    def _added(self) -> str:
        if isinstance(self.offset, tuple):
            return f" + {_numbers(self.offset)}"
        return f" {'+' if self.offset > 0 else '-'} {abs(self.offset):.8g}" if self.offset else ""


def _numbers(value: float | tuple[float, ...]) -> str:
    return f"({', '.join(f'{one:.8g}' for one in value)})" if isinstance(value, tuple) else f"{value:.8g}"


@dataclass(frozen=True)
class Lineage:
    """Where a model came from.

    Attributes:
        parent: the reference with revision of the model whose layers were reused, or the imported path.
        reuse: the regex that chose them.
        reused: the scopes whose weights were kept at the start.
        data: the data reference, and `fingerprint` of its content.
        run: the run's identifier.
        plan: all choices of the run, as its `plan.json`.
    """

    parent: str
    reuse: str = ""
    reused: tuple[str, ...] = ()
    data: str = ""
    fingerprint: str = ""
    run: str = ""
    plan: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """Everything the program knows of a model.

    Attributes:
        name: the catalogue name.
        format: how the weights are stored: `keras`, `tf1-metagraph`.
        weights: what to open: a file, or a checkpoint's prefix, relative to the model's folder.
        task: a Hugging Face pipeline tag, or empty.
        summary: one line for people.
        license: an SPDX identifier, or empty.
        tags: words to find it by.
        classes: the names of the outputs, in their order; empty where they have none.
        target: what the outputs are: `class`, `multilabel` or `number`; empty where it is not known.
        inputs, outputs: names, shapes, dtypes.
        preprocessing: None where it is not known.
        columns: of a table, in the order in which their numbers make up the input; empty where samples are no rows.
        layers: from the input upwards.
        files: all but `zoo.json` itself.
        tests: an `.npz` among the files with stored inputs and outputs (key `outputs`), or empty.
        data: the default data: an `.npz` among the files, or a data reference, or empty.
        metrics: figures by name, such as `test_accuracy`.
        lineage: None for a model that was made from nothing.
        schema: the version of this form.
    """

    name: str
    format: str
    weights: str
    task: str = ""
    summary: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    target: str = ""
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    preprocessing: Preprocessing | None = None
    columns: tuple[Column, ...] = ()
    layers: tuple[LayerInfo, ...] = ()
    files: tuple[FileEntry, ...] = ()
    tests: str = ""
    data: str = ""
    metrics: dict[str, float | list[float]] = field(default_factory=dict)
    lineage: Lineage | None = None
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for path in (self.weights, self.tests):
            if path not in ("", "."):  # nothing, and the whole folder
                check_path(path)
        check_columns(self.columns)
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths) or {CARD_FILE, SIGNATURE_FILE} & set(paths):
            raise ValueError(f"its files are listed twice, or hold {CARD_FILE} or {SIGNATURE_FILE}")
        if any(layer.parameters < 0 for layer in self.layers) or self.parameters > MOST or self.bytes > MOST:
            raise ValueError("its numbers of parameters or bytes are impossible")

    @property
    def parameters(self) -> int:
        """How many numbers the layers hold."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def bytes(self) -> int:
        """The files' sizes, added up."""
        return sum(file.bytes for file in self.files)


def encode(card: Card) -> bytes:
    """Write a card as the canonical text of `zoo.json`; the inverse of `decode`."""
    text = msgspec.json.encode(card, order="sorted")
    return msgspec.json.format(text, indent=2) + b"\n"


def decode(text: bytes, where: str = CARD_FILE) -> Card:
    """Read a card from the text of a `zoo.json`.

    Raises:
        ZooError: it is no card of this schema; the message names the field.
    """
    if len(text) > MAX_CARD_BYTES:
        raise ZooError(f"{where} is {len(text)} bytes long; a card has at most {MAX_CARD_BYTES}")
    try:
        card = msgspec.json.decode(text, type=Card)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ZooError(f"{where} is no model card: {error}") from error
    if card.schema > SCHEMA:
        raise ZooError(
            f"{where} has schema {card.schema}; this version reads up to {SCHEMA}",
            "pip install --upgrade zoo",
        )
    check_name(card.name)
    return card


def revision_of(card: Card) -> str:
    """Name a revision by its content: the sha256 of the card's canonical text, in hex."""
    return hashlib.sha256(encode(card)).hexdigest()


def renamed(card: Card, name: str) -> Card:
    """Return the card under another name."""
    return replace(card, name=check_name(name))
