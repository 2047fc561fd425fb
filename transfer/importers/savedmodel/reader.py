"""From a SavedModel to a Keras model, step by step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from registry.errors import ZooError
from registry.watch import Watch
from transfer.imported import Imported
from transfer.importers.metagraph.checkpoint import Checkpoint, open_checkpoint
from transfer.importers.metagraph.ends import start_of
from transfer.importers.metagraph.files import parsed
from transfer.importers.metagraph.graph import Graph
from transfer.importers.metagraph.lower import lowered
from transfer.importers.metagraph.reader import imported
from transfer.importers.savedmodel import keras_config
from transfer.importers.savedmodel.account import accounted
from transfer.importers.savedmodel.by_config import model_of, same_ends
from transfer.importers.savedmodel.choice import Asked, asked_for, ends_of, signature_of
from transfer.importers.savedmodel.folder import FILE, HINT, VARIABLES, content, folder_of, weights
from transfer.importers.savedmodel.hub import preprocessing
from transfer.importers.savedmodel.keras_config import SIGNATURE, read_file, recorded
from transfer.importers.savedmodel.keras_layers import described, from_layers
from transfer.importers.savedmodel.plain import plain, root
from transfer.importers.savedmodel.proof import proven
from transfer.importers.savedmodel.signature import graph_of, signatures
from transfer.scope import scope_of

FORMAT = "saved_model"


def read(
    path: Path | str, input: str | None, output: str | None, signature: str | None, seed: int | None, watch: Watch
) -> Imported:
    """Import a SavedModel; see `transfer.importers.savedmodel.read`."""
    folder = folder_of(path)
    meta = _meta(folder)
    prefix = weights(folder)
    checkpoint = open_checkpoint(prefix, watch) if prefix else Checkpoint(str(folder / VARIABLES), {}, None)
    if recorded(folder) and not (input or output) and signature in (None, SIGNATURE):
        return _by_config(folder, meta, checkpoint, seed)
    held = signature_of(meta, signature, checkpoint, str(folder), named=bool(input and output))
    whole = lowered(meta.graph_def)
    graph = plain(whole, {node.name for node in meta.graph_def.node})
    asked = asked_for(graph, held, input, output, str(folder))
    try:
        ends = ends_of(meta, graph, asked, held)
    except ZooError as error:
        if input or output or signature or not described(folder):
            raise
        return _by_layers(folder, meta, graph, asked, checkpoint, seed, error)
    inner = [name for name in ends.folded.graph.nodes if name not in whole.nodes]
    around = root(inner) if meta.HasField("object_graph_def") else ""
    found = imported(FORMAT, meta, graph, ends, checkpoint, seed, watch, around)
    known = preprocessing(folder, found.model)
    return accounted(replace(found, notes=(*found.notes, *asked.notes), preprocessing=known), meta, graph)


def _by_config(folder: Path, meta: Any, checkpoint: Checkpoint, seed: int | None) -> Imported:
    """Return the model that `zoo export` put down, compared with the signature.

    Raises:
        ZooError: its config is damaged or refused, or it is another model than the signature runs.
    """
    held, graph = read_file(folder), Graph.of(meta.graph_def.node)
    signed = signatures(meta).get(SIGNATURE)
    names = (set(held.inputs), set(held.outputs))
    if signed is None or names != (set(signed.inputs), set(signed.outputs)):
        raise ZooError(
            f"{folder / keras_config.FILE} names other inputs or outputs than {SIGNATURE}", keras_config.HINT
        )
    asked_for(graph, signed, None, None, str(folder))  # refuses tensors that are not there
    starts = [start_of(meta.graph_def, graph, signed.inputs[name], name) for name in held.inputs]
    found = model_of(folder, held, meta, checkpoint, FORMAT)
    same_ends(found.model, starts, len(held.outputs), str(folder / keras_config.FILE))
    return proven(found, meta, starts, [signed.outputs[name] for name in held.outputs], checkpoint, seed)


def _by_layers(
    folder: Path, meta: Any, graph: Graph, asked: Asked, checkpoint: Checkpoint, seed: int | None, refused: ZooError
) -> Imported:
    """Return the model that the configs of Keras 2 describe, compared with the signature.

    Raises:
        ZooError: there is none either; the reason why the graph cannot be imported counts then.
    """
    try:
        found = from_layers(folder, meta, checkpoint, FORMAT)
    except ZooError as error:
        raise ZooError(f"{refused.message}; {error.message}", refused.hint) from error
    starts = [start_of(meta.graph_def, graph, tensor, label) for tensor, label in asked.inputs]
    byname = {scope_of(tensor.name): tensor for tensor in found.model.inputs}
    ordered = [start for name in byname for start in starts if start.label == name]
    return proven(found, meta, ordered if len(ordered) == len(byname) else starts, asked.outputs, checkpoint, seed)


def _meta(folder: Path) -> Any:
    data = content(folder)
    saved = parsed(SavedModel, data)
    if saved is None or not saved.meta_graphs:
        raise ZooError(f"{folder / FILE} is no SavedModel: it does not parse as one, or holds no graph", HINT)
    meta = graph_of(saved.meta_graphs, str(folder))
    if not meta.graph_def.node:
        raise ZooError(f"{folder / FILE} is no SavedModel: its graph holds no operations", HINT)
    return meta
