"""TF.js layers models: `model.json` (or a bundler's `model.min.js`) with binary shards, quantised or not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.files.json_text import parsed
from transfer.imported import Imported
from transfer.importers.keras2.arrays import Writer
from transfer.importers.keras2.build import Built, build
from transfer.importers.keras2.fill import Source, Sources, fill, weights_of
from transfer.importers.keras2.flatten import flatten
from transfer.importers.keras2.proof import Proof, with_tf_keras
from transfer.importers.keras_h5 import ROOM, major_of, notes_of
from transfer.importers.tfjs.manifest import listed
from transfer.importers.tfjs.names import owners
from transfer.importers.tfjs.reference import reference
from transfer.importers.tfjs.script import exported

FORMAT = "tfjs"
FILES = ("model.json", "model.min.js", "model.js")
LARGEST = 1 << 28


def read(path: Path | str, *, compare: bool = True, seed: int = 0, watch: Watch = silent) -> Imported:
    """Import a TF.js layers model.

    Args:
        path: the model file, or its folder.
        compare: run the original in TF-Keras too, where it is installed.
        seed: of the inputs that it is run on.
        watch: called with progress.

    Raises:
        ZooError: the file or a shard is missing, damaged or of another size; it is a graph model; it holds a layer
            that is not Keras's own, or weights that do not fit its architecture.
    """
    model = model_file(Path(path))
    content = _content(model)
    topology = _topology(content, model)
    writer = Writer(_major(str(topology.get("keras_version", ""))))
    config = topology.get("model_config", topology)
    config = parsed(config, f"the topology in {model}") if isinstance(config, str) else config
    graph = flatten(config if isinstance(config, Mapping) else {}, str(model), writer.major)
    held = {
        entry.name: Source(entry.name, entry.shape, partial(entry.load, shards))
        for entry, shards in listed(content.get("weightsManifest"), model.parent, model)
    }
    built = build(graph, str(model), sum(math.prod(source.shape) for source in held.values()) + ROOM)
    scopes = [scope for scope, layer in built.layers.items() if weights_of(layer)]
    shared = owners(held, scopes, str(model))
    by_scope: Sources = {scope: [held[name] for name in names] for scope, names in shared.items()}
    layers = fill(graph, built.layers, by_scope, writer, str(model), watch=watch)
    proof = _proof(config, held, built, model, seed) if compare else Proof()
    return Imported(
        built.model,
        FORMAT,
        layers,
        max_abs_difference=proof.difference.largest if proof.difference else None,
        max_rel_difference=proof.difference.relative if proof.difference else None,
        notes=(*graph.notes, *notes_of(graph, built, writer.major), *proof.notes),
        compared_with=proof.runtime,
    )


def model_file(path: Path) -> Path:
    """Return the model file of a path.

    Raises:
        ZooError: there is none.
    """
    if path.is_dir():
        found = [path / name for name in FILES if (path / name).is_file()]
        if not found:
            raise ZooError(f"{path} holds no TF.js model: expected one of {', '.join(FILES)}")
        return found[0]
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    return path


def _content(model: Path) -> Mapping[str, Any]:
    if model.stat().st_size > LARGEST:
        raise ZooError(f"{model} is too large for a model file: expected at most {LARGEST >> 20} MB")
    data = model.read_bytes()
    if model.suffix != ".js":
        return parsed(data, str(model))
    found = exported(data.decode("utf-8", "replace"), str(model))
    if not isinstance(found, Mapping):
        raise ZooError(f"{model} exports a text: expected a model's JSON")
    return found


def _topology(content: Mapping[str, Any], model: Path) -> Mapping[str, Any]:
    topology = content.get("modelTopology")
    if not isinstance(topology, Mapping):
        raise ZooError(f"{model} is no TF.js model: expected a modelTopology")
    if content.get("format") == "graph-model" or "node" in topology:
        raise ZooError(
            f"{model} is a TF.js graph model: its operations are fused for a browser, and it has no layers",
            "import the SavedModel or Keras file that it was converted from",
        )
    return topology


def _major(version: str) -> int:
    return major_of(version) if version[:2] in ("1.", "2.", "3.") else 2  # TF.js writes its own, with Keras 2's layers


def _proof(config: Any, held: Mapping[str, Source], built: Built, model: Path, seed: int) -> Proof:
    return with_tf_keras(partial(reference, config, held, str(model)), built, f"the original {model.name}", seed)
