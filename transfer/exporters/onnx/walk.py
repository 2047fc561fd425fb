"""From a model's layers to nodes, models within models included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from registry.errors import ZooError
from transfer.backbone import nodes
from transfer.exporters.onnx.graph import Value, Writer
from transfer.exporters.onnx.layers import IDENTITIES, LAYERS
from transfer.exporters.onnx.operations import OPERATIONS
from transfer.exporters.onnx.step import Step
from transfer.exporters.onnx.use import Use
from transfer.scope import scope_of

Values = dict[int, Value]


def walked(writer: Writer, model: Any, values: Mapping[int, Value], above: str = "") -> Values:
    """Add the nodes of a model's layers; return the values of all its tensors by `id`.

    Args:
        writer: where they go.
        model: functional.
        values: of its inputs.
        above: the scope of the model that it is a layer of, and a slash.

    Raises:
        ZooError: some layers are not written; all are named.
    """
    refused = sorted({f"{above}{scope_of(layer.name)} ({type(layer).__name__})" for layer in unknown(model)})
    if refused:
        more = f" and {len(refused) - 10} more" if len(refused) > 10 else ""
        raise ZooError(
            f"the model cannot be written as ONNX: there is no rule for {', '.join(refused[:10])}{more}",
            "try --to saved_model",
        )
    found = dict(values)
    for layer, inputs, outputs in nodes(_graph(model)):
        if inputs:
            made = _made(writer, layer, [found[id(tensor)] for tensor in inputs], inputs, above, outputs[0], found)
            found |= {id(tensor): value for tensor, value in zip(outputs, made, strict=True)}
    return found


def unknown(model: Any) -> list[Any]:
    """List the layers for which there is no rule, those of models within it included."""
    layers = [layer for layer, inputs, _ in nodes(_graph(model)) if inputs]
    inner = [one for layer in layers if _is_model(layer) for one in unknown(_graph(layer))]
    return inner + [layer for layer in layers if not _is_model(layer) and not _has_rule(layer)]


def _has_rule(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind in LAYERS.keys() | IDENTITIES if isinstance(layer, keras.layers.Layer) else kind in OPERATIONS


def _is_model(layer: Any) -> bool:
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


def _graph(model: Any) -> Any:
    """Return the functional model that a sequential one keeps inside."""
    return model._functional if isinstance(model, keras.Sequential) else model


def _made(
    writer: Writer, layer: Any, given: list[Value], inputs: list[Any], above: str, output: Any, values: Values
) -> list[Value]:
    scope = f"{above}{scope_of(layer.name)}"
    if _is_model(layer):
        inner = _graph(layer)
        fed = {id(tensor): value for tensor, value in zip(inner.inputs, given, strict=True)}
        found = walked(writer, inner, fed, f"{scope}/")
        return [found[id(tensor)] for tensor in inner.outputs]
    kind = type(layer).__name__
    step = Step(writer, layer, scope, tuple(given), tuple(tuple(tensor.shape) for tensor in inputs))
    if not isinstance(layer, keras.layers.Layer):
        return OPERATIONS[kind](Use.of(step, output, values))
    return given if kind in IDENTITIES else [LAYERS[kind](step)]
