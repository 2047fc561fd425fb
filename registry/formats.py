"""Which format a model is in, by the names of its files. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase
from posixpath import basename, dirname, join

UNKNOWN = "files"
Find = Callable[[Sequence[str]], str]


def format_of(paths: Collection[str]) -> tuple[str, str]:
    """Return a card's `format` and `weights` for a folder with these files; `(UNKNOWN, "")` where there is none.

    Where several formats are there, the one that keeps most of a model wins: the rows of `TABLE`, from the top.

    >>> format_of(["README.md", "a/model.ckpt.meta", "a/model.ckpt.index", "a/model.ckpt.data-00000-of-00001"])
    ('tf1-metagraph', 'a/model.ckpt')
    >>> format_of(["saved_model.pb", "variables/variables.index", "model.h5"])
    ('saved_model', '.')
    """
    ordered = sorted(paths, key=lambda path: (path.count("/"), path))
    for name, find in TABLE:
        if weights := find(ordered):
            return name, weights
    return UNKNOWN, ""


def _named(*patterns: str) -> Find:
    """Find the first file that fits the first pattern that any file fits."""

    def find(paths: Sequence[str]) -> str:
        fits = (path for pattern in patterns for path in paths if fnmatchcase(basename(path).lower(), pattern))
        return next(fits, "")

    return find


def _saved_model(paths: Sequence[str]) -> str:
    graph = _named("saved_model.pb")(paths)
    return (dirname(graph) or ".") if graph else ""


def _keras_h5(paths: Sequence[str]) -> str:
    """Find an HDF5 file, whole models before files of weights alone."""
    bare = [path for path in paths if path.lower().endswith(".weights.h5")]
    whole = [path for path in paths if path not in bare]
    find = _named("model.h5", "*.h5", "*.hdf5")
    return find(whole) or find(bare)


def _metagraph(paths: Sequence[str]) -> str:
    """Find the prefix of a whole TensorFlow 1 checkpoint, of the last step where there are several."""
    known = set(paths)
    prefixes = [path.removesuffix(".meta") for path in paths if path.endswith(".meta")]
    whole = [
        prefix
        for prefix in prefixes
        if f"{prefix}.index" in known and any(path.startswith(f"{prefix}.data-") for path in paths)
    ]
    return max(whole, key=lambda prefix: (-prefix.count("/"), _step(prefix)), default="")


def _step(prefix: str) -> int:
    """Read `tf.train.Saver`'s global step, `model.ckpt-1000`."""
    match = re.search(r"-(\d{1,18})$", prefix)
    return int(match[1]) if match else -1


def _tfjs(paths: Sequence[str]) -> str:
    folders = {dirname(path) for path in paths if fnmatchcase(basename(path).lower(), "group*-shard*of*")}
    return next((path for folder in sorted(folders) if (path := join(folder, "model.json")) in paths), "")


TABLE: tuple[tuple[str, Find], ...] = (
    ("keras", _named("model.keras", "*.keras")),
    ("saved_model", _saved_model),
    ("keras-h5", _keras_h5),
    ("tf1-metagraph", _metagraph),
    ("safetensors", _named("model.safetensors", "*.safetensors.index.json", "*.safetensors")),
    ("onnx", _named("model.onnx", "*.onnx")),
    ("tflite", _named("model.tflite", "*.tflite")),
    ("tfjs", _tfjs),
    ("caffe", _named("*.caffemodel")),
    ("gguf", _named("*.gguf", "*.ggml", "ggml*.bin")),
    (
        "pytorch",
        _named("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt"),
    ),
    ("frozen-graph", _named("frozen*.pb", "*.pb")),
    ("numpy", _named("*.npz", "*.npy")),
)
