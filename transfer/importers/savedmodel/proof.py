"""The proof of a model that was made from layers' configs: the graph, whose loops are run for it only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import tensorflow as tf

from registry.errors import ZooError
from transfer.imported import Imported
from transfer.importers.keras2.reason import reason
from transfer.importers.metagraph.checkpoint import Checkpoint
from transfer.importers.metagraph.compare import WHOLE, Original, compare
from transfer.importers.metagraph.ends import Ends, Start
from transfer.importers.metagraph.fold import Folded
from transfer.importers.metagraph.graph import Graph
from transfer.importers.metagraph.restore import own_restore
from transfer.importers.metagraph.safety import LOOPING


def proven(
    found: Imported,
    meta: Any,
    starts: Sequence[Start],
    outputs: Sequence[str],
    checkpoint: Checkpoint,
    seed: int | None,
) -> Imported:
    """Return an import with how far it is from the original.

    Args:
        found: what was made from configs.
        meta: the `MetaGraphDef`.
        starts: where it starts in the graph, in the order of the model's inputs.
        outputs: the tensors where it ends, likewise.
        checkpoint: the weights.
        seed: of the inputs; None compares nothing.

    Raises:
        ZooError: it computes other numbers, or one of both cannot run.
    """
    if seed is None:
        return found
    ends = Ends(tuple(starts), tuple(outputs), Folded(Graph({}), (), {}, {}))
    own = own_restore(meta, checkpoint.shapes)
    rows = min((layer.input_dim for layer in found.model.layers if hasattr(layer, "input_dim")), default=WHOLE)
    original = Original(meta, meta.graph_def, ends, checkpoint, own, {}, rows, LOOPING)
    try:
        difference = compare(found.model, original, seed)
    except (ValueError, TypeError, tf.errors.OpError) as error:  # the original's own are refused in `compare`
        raise ZooError(f"the model that the configs describe does not run: {reason(error)}") from error
    return replace(
        found,
        max_abs_difference=difference.largest,
        max_rel_difference=difference.relative,
        compared_with=f"TensorFlow {tf.__version__}",
    )
