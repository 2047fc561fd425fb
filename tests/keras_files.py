"""Files of every Keras, made as each wrote them, of TF.js, and broken ones."""

from __future__ import annotations

import base64
import json
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def drawn(model: Any, seed: int = 0) -> Any:
    """Give every weight random values, also those that begin as zeros or ones; variances stay positive."""
    draws = np.random.default_rng(seed)
    for weight in model.weights:
        values = draws.uniform(0.2, 0.8, weight.shape) - (0 if "variance" in weight.name else 0.5)
        if "float" in str(weight.dtype):
            weight.assign(values.astype("float32"))
    return model


def h5(
    path: Path,
    config: Mapping[str, Any],
    groups: Mapping[str, Sequence[NDArray[Any]]],
    version: str = "1.2.2",
    backend: str = "",
) -> Path:
    """Write a whole model by hand, as Keras 1 and 2 lay it out."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["model_config"] = json.dumps(config).encode()
        if backend:
            file.attrs["backend"] = backend.encode()
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name in groups]
        for name, arrays in groups.items():
            group = weights.create_group(name)
            names = [f"{name}_W{number}" for number in range(len(arrays))]
            group.attrs["weight_names"] = [one.encode() for one in names]
            for one, array in zip(names, arrays, strict=True):
                group.create_dataset(one, data=array)
    return path


def tfjs(folder: Path, model: Any, quantised: str = "", shards: int = 1, script: bool = False) -> Path:
    """Write a TF-Keras model as TF.js's converter does: JSON, and its weights in shards."""
    folder.mkdir()
    entries, data = [], b""
    for weight in model.weights:
        entry, stored = _entry(weight.name.split(":")[0], np.asarray(weight), quantised)
        entries.append(entry)
        data += stored
    names = [f"group1-shard{number + 1}of{shards}" + ("" if script else ".bin") for number in range(shards)]
    length = -(-len(data) // shards)
    for number, name in enumerate(names):
        piece = data[number * length : (number + 1) * length]
        if script:
            text = base64.b64encode(piece).decode()
            (folder / f"{name}.min.js").write_text(f'!function(e){{e.exports="{text}"}}({{}});')
        else:
            (folder / name).write_bytes(piece)
    topology = {"keras_version": "2.2.4", "backend": "tensorflow", "model_config": json.loads(model.to_json())}
    content = {"format": "layers-model", "modelTopology": topology}
    content["weightsManifest"] = [{"paths": names, "weights": entries}]
    if script:
        (folder / "model.min.js").write_text(f"!function(e){{e.exports={minified(content)}}}({{}});")
    else:
        (folder / "model.json").write_text(json.dumps(content))
    return folder


def minified(value: Any) -> str:
    """Write JSON as a minifier does: bare keys, `!0` for true, no zeros before points."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key)}:{minified(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(minified(item) for item in value) + "]"
    if isinstance(value, bool):
        return "!0" if value else "!1"
    text = json.dumps(value)
    return text.replace("0.", ".", 1) if isinstance(value, float) and text.startswith(("0.", "-0.")) else text


def _key(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)


def _entry(name: str, array: NDArray[Any], quantised: str) -> tuple[dict[str, Any], bytes]:
    entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": "float32"}
    if not quantised:
        return entry, array.astype("<f4").tobytes()
    if quantised == "float16":
        return {**entry, "quantization": {"dtype": "float16", "original_dtype": "float32"}}, array.astype(
            "<f2"
        ).tobytes()
    least, levels = float(array.min()), np.iinfo(quantised).max
    scale = (float(array.max()) - least) / levels or 1.0
    stored = np.round((array - least) / scale).astype(np.dtype(quantised).newbyteorder("<"))
    return {**entry, "quantization": {"dtype": quantised, "min": least, "scale": scale}}, stored.tobytes()


def rezipped(source: Path, path: Path, change: Callable[[str, bytes], bytes | None], **extra: bytes) -> Path:
    """Copy a zip archive, with each entry changed (None leaves it out) and others added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            data = change(entry.filename, old.read(entry))
            if data is not None:
                new.writestr(entry.filename, data)
        for name, data in extra.items():
            new.writestr(name, data, zipfile.ZIP_DEFLATED)
    return path


def reconfigured(source: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Copy a `.keras` file with its config changed in place."""

    def edit(name: str, data: bytes) -> bytes:
        if name != "config.json":
            return data
        config = json.loads(data)
        change(config)
        return json.dumps(config).encode()

    return rezipped(source, path, edit)


def claiming(path: Path, name: str, size: int) -> Path:
    """Let a zip archive's directory claim another size for an entry."""
    data = bytearray(path.read_bytes())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        length = struct.unpack_from("<H", data, at + 28)[0]
        if data[at + 46 : at + 46 + length] == name.encode():
            struct.pack_into("<I", data, at + 24, size)
    path.write_bytes(data)
    return path
