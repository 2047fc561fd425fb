"""What every format's files get that are empty, cut short, or something else than their names say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hostile_case import DAMAGE, Case, changing
from hostile_seeds import SEEDS

EMPTY, HALF, TEXT, PAGE, POINTER, ZIP = DAMAGE
TABLE = "it is no index of a TensorFlow checkpoint$"
INDEX = "is no TensorFlow checkpoint, or a damaged one: "
META = "is no meta-graph: it does not parse as a MetaGraphDef with nodes"
SAVED = "is no SavedModel: it does not parse as one, or holds no graph"
JSON = "is no index of weights: .*; expected {'weight_map': {NAME: FILE}}"
SAFE = "is no safetensors file, or a damaged one: its header is to have"
NET = "is no prototxt of a network: "
TORCH_ZIP = "is a zip archive, but none of PyTorch's: expected data.pkl in it, got holiday.txt"
NPZ = "is no .npz file: it holds holiday.txt; expected arrays, called NAME.npy"
SHORT, SUM = "m.ckpt.data-*: Read less bytes than requested", "m.ckpt.data-*: .*Checksum does not match"
LACKS = "is no zip archive, or a damaged one: it lacks the directory at its end"
OTHER = "is of no format that can be read"

# What is said of the file that is imported, where the damage shows at once: by seed, what is expected.
EXPECTED: Mapping[str, str] = {
    "keras": "a Keras 3 file (.keras)", "keras-h5": "a Keras HDF5 file (.h5, .hdf5)",
    "keras-weights": "Keras weights (.weights.h5, .h5)", "onnx": "an ONNX model (.onnx)",
    "tflite": "a TFLite model (.tflite)", "caffe": "a Caffe net (.prototxt and .caffemodel)",
    "caffe-weights": "a caffemodel", "safetensors": "safetensors, or an index of shards",
    "shards": "safetensors, or an index of shards", "keras-json": "a model", "frozen-graph": "a model",
    **dict.fromkeys(("torch-zip", "torch-legacy", "torchscript"), "a PyTorch file (.pt, .pth, pytorch_model.bin)"),
    **dict.fromkeys(("npz", "npy", "pickle"), "arrays of NumPy (.npz, .npy, pickles of arrays)"),
}  # fmt: skip
AT_ONCE: Mapping[str, str] = {
    EMPTY: "is empty", TEXT: "is plain text", PAGE: "is a web page",
    POINTER: "is a pointer of Git LFS, not the file itself",
}  # fmt: skip

# What is said of the rest, by seed and file, and by damage; `*` is for every damage that has none of its own.
SAID: Mapping[str, Mapping[str, str]] = {
    "keras:m.keras": {
        HALF: "is no Keras 3 file: expected a zip archive, got other or truncated bytes",
        ZIP: "is no Keras 3 file: it has no config.json and no model.weights.h5",
    },
    "keras-h5:m.h5": {HALF: "it is cut short: it has .* of .* bytes", ZIP: "it does not begin as HDF5 files do"},
    "keras-weights:m.weights.h5": {
        HALF: "it is cut short: it has .* of .* bytes",
        ZIP: "it does not begin as HDF5 files do",
    },
    "keras-json:m.json": {HALF: "is no JSON: ", TEXT: OTHER, ZIP: OTHER},
    "tfjs:m/model.json": {
        EMPTY: "is empty; expected a model", PAGE: "is a web page; expected a model",
        POINTER: "is a pointer of Git LFS, not the file itself; expected a model",
        HALF: "is no JSON: ", TEXT: OTHER, ZIP: OTHER,
    },
    "tfjs:m/group1-shard1of1.bin": {"*": "(group1-shard1of1.bin) hold .* bytes; expected 92 by its manifest"},
    "saved-model:m/saved_model.pb": {EMPTY: "is no SavedModel: it has 0 bytes", "*": SAVED},
    "saved-model:m/variables/variables.index": {"*": TABLE},
    "saved-model:m/variables/variables.data-00000-of-00001": {
        EMPTY: "variables.data-*: Read less", HALF: "variables.data-*: Read less", "*": "variables.data-*: .*Checksum",
    },
    "tf1-metagraph:m.ckpt.meta": {EMPTY: "is no meta-graph: it has 0 bytes", "*": META},
    "tf1-metagraph:m.ckpt.index": {"*": TABLE},
    "tf1-metagraph:m.ckpt.data-00000-of-00001": {EMPTY: SHORT, HALF: SHORT, "*": SUM},
    "frozen-graph:m.pb": {
        EMPTY: "is empty; expected a frozen TensorFlow graph (.pb)", ZIP: OTHER,
        HALF: "is no frozen graph: it does not parse as a GraphDef",
    },
    "tf-checkpoint:m.ckpt.index": {
        EMPTY: f"{INDEX}it has 0 bytes; expected at least 48", "*": f"{INDEX}its last bytes are not those of a table",
    },
    "tf-checkpoint:m.ckpt.data-00000-of-00001": {
        EMPTY: "m.ckpt.index declares 'd/bias' [2], which does not lie within its data",
        HALF: "m.ckpt.index declares 'd/kernel' [3, 2], which does not lie within its data",
        "*": "m.ckpt is damaged: cannot read 'd/kernel': .*Checksum does not match",
    },
    "onnx:m.onnx": {"*": "is no ONNX model: expected a ModelProto, got other or truncated bytes"},
    "tflite:m.tflite": {
        HALF: "is no TensorFlow Lite file, or a damaged one: ",
        ZIP: "is no TensorFlow Lite file, or a damaged one: it has no identifier TFL3",
    },
    "caffe:net.caffemodel": {HALF: "is no caffemodel, or is damaged: ", ZIP: "or is damaged: it is a zip archive"},
    "caffe:net.prototxt": {EMPTY: f"{NET}it has no layer", ZIP: "is no prototxt: it is not text", "*": NET},
    "caffe-weights:m.caffemodel": {HALF: "is no caffemodel, or is damaged: ", ZIP: "is damaged: it is a zip archive"},
    "torch-zip:m.pt": {HALF: LACKS, ZIP: TORCH_ZIP},
    "torchscript:m.pt": {HALF: LACKS, ZIP: TORCH_ZIP},
    "torch-legacy:m.pth": {HALF: "is damaged, or no pickle, at byte ", ZIP: TORCH_ZIP},
    "safetensors:m.safetensors": {"*": SAFE},
    "shards:model.safetensors.index.json": {"*": JSON},
    "shards:model-1.safetensors": {EMPTY: "is no safetensors file, or a damaged one: it has 0 bytes", "*": SAFE},
    "npz:m.npz": {HALF: LACKS, ZIP: NPZ},
    "npy:m.npy": {HALF: "is no .npy file, or a damaged one: EOF: reading array header", ZIP: NPZ},
    "pickle:m.pkl": {HALF: "is damaged, or no pickle, at byte ", ZIP: NPZ},
}  # fmt: skip

# Right content under a wrong name, where the name decides: by seed and new name, what is said.
RENAMED: Mapping[tuple[str, str], str] = {
    ("onnx", "m.pb"): "m.pb is of no format that can be read",
    ("onnx", "m.tflite"): "m.tflite is no TensorFlow Lite file, or a damaged one: it has no identifier TFL3",
    ("tflite", "m.onnx"): "m.onnx is no ONNX model: expected a ModelProto, got other or truncated bytes",
    ("frozen-graph", "m.onnx"): "m.onnx is no ONNX model: expected",
    ("keras", "m.h5"): "m.h5 is no HDF5 file, or is damaged: it does not begin as HDF5 files do",
    ("keras", "m.onnx"): "m.onnx is no ONNX model: expected a ModelProto, got other or truncated bytes",
    ("caffe-weights", "m.pt"): "m.pt is damaged, or no pickle, at byte ",
    ("npz", "m.keras"): "m.keras is no Keras 3 file: it has no config.json and no model.weights.h5",
    ("torch-zip", "m.keras"): "m.keras is no Keras 3 file: it has no config.json and no model.weights.h5",
    ("pickle", "m.safetensors"): "m.safetensors is no safetensors file, or a damaged one: its header is to have",
}


def cases() -> Iterator[Case]:
    """Yield every file of every format with every damage, and files under other names."""
    for seed, sound in SEEDS.items():
        for file in sound.files:
            for kind, change in DAMAGE.items():
                last = file.rpartition("/")[2]
                yield Case(seed, f"{last} is {kind}", changing(file, change), _message(seed, file, kind))
    for (seed, name), said in RENAMED.items():
        words = () if name.endswith((".keras", ".onnx", ".tflite", ".caffemodel")) else SEEDS[seed].words
        into = ("--into", "architecture") if name.endswith((".pt", ".safetensors")) else words
        rename = lambda folder, seed=seed, name=name: (folder / SEEDS[seed].name).rename(folder / name)  # noqa: E731
        yield Case(seed, f"called {name}", rename, _regex(said), into)


def _message(seed: str, file: str, kind: str) -> str:
    said = SAID[f"{seed}:{file}"]
    if kind in said:
        return _regex(said[kind])
    if kind in AT_ONCE and file == SEEDS[seed].name and (seed, kind) not in (("keras-json", TEXT), ("shards", TEXT)):
        return _regex(f"{Path(file).name} {AT_ONCE[kind]}; expected {EXPECTED[seed]}")
    return _regex(said["*"])


def _regex(said: str) -> str:
    """Return the regex of a message: as it stands, but for what stands for several characters."""
    return re.escape(said).replace(r"\.\*", ".*").replace(r"\$", "$")
