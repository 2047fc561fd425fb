"""SavedModels: one signature, `serving_default`, whose inputs and outputs are called by their layers' scopes.

Beside the graph lies the model's config (`transfer.importers.savedmodel.keras_config`), and the weights are tracked by
their layers' scopes. So the way back needs no lift: it brings every layer and its scope, loops over time included.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from registry.errors import ZooError
from transfer.exporters.exported import About, Checked, compared, end_names, outputs_of
from transfer.exporters.quiet import quiet
from transfer.importers.keras2.loading import parts
from transfer.importers.savedmodel.keras_config import SIGNATURE, Recorded
from transfer.inputs import Arrays


def write(model: Any, path: Path, about: About) -> tuple[str, ...]:
    """Write a SavedModel folder; the batch, and whatever else may vary in the model, may vary.

    Raises:
        ZooError: a layer cannot be traced.
    """
    names, results = end_names(model)
    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for tensor, name in zip(model.inputs, names, strict=True)
    ]

    def serve(*given: Any) -> dict[str, Any]:
        found = model(given[0] if len(given) == 1 else list(given), training=False)
        return dict(zip(results, found if isinstance(found, list | tuple) else [found], strict=True))

    try:
        with quiet():
            served = _tracked(model)
            served.serve = tf.function(serve, input_signature=specs, autograph=False)
            tf.saved_model.save(served, str(path), signatures={SIGNATURE: served.serve})
    except (ValueError, TypeError, NotImplementedError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ZooError(f"the model cannot be traced for a SavedModel: {reason[:300]}") from error
    return _described(model, path, names, results)


def _tracked(model: Any) -> Any:
    """Return an object that holds every weight by its layer's scope, each once (Keras's own export writes it twice)."""
    served, held = tf.Module(), set[int]()
    served.layers = {}
    for scope, layer in parts(model):
        if layer.weights:
            served.layers[scope] = [weight.value for weight in layer.weights]
            held |= {id(weight) for weight in layer.weights}
    served.state = [weight.value for weight in model.variables if id(weight) not in held]
    return served


def _described(model: Any, path: Path, names: Sequence[str], results: Sequence[str]) -> tuple[str, ...]:
    """Write the config beside the graph where it can be read again."""
    try:
        Recorded.of(model, names, results).write(path)
    except ZooError as error:
        return (f"it comes back by its graph, not by its layers: {error.message}",)
    return ()


def check(model: Any, path: Path, inputs: Arrays) -> Checked:
    """Load the folder with TensorFlow alone and call its signature."""
    names, results = end_names(model)
    signature = tf.saved_model.load(str(path)).signatures[SIGNATURE]
    found = signature(**{name: tf.constant(array) for name, array in zip(names, inputs, strict=True)})
    return compared(outputs_of(model, inputs), [found[name] for name in results], f"TensorFlow {tf.__version__}")
