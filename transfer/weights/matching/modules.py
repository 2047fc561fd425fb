"""The weights of a Keras model as targets: what each means, and which layers come before which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from transfer.backbone import nodes
from transfer.safetensors_file import named
from transfer.weights.layouts.flattened import after as flow_after
from transfer.weights.layouts.flow import Flow, Order
from transfer.weights.layouts.reading import RAISE, Reading, reads_channels
from transfer.weights.target import Kind, Module, Target

CONVS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
ATTENTION = {"query": 0, "key": 1, "value": 2}
CELLS: dict[str, dict[str, Kind]] = {
    "LSTMCell": {"kernel": Kind.LSTM_KERNEL, "recurrent_kernel": Kind.LSTM_RECURRENT, "bias": Kind.LSTM_BIAS},
    "GRUCell": {"kernel": Kind.GRU_KERNEL, "recurrent_kernel": Kind.GRU_RECURRENT, "bias": Kind.GRU_BIAS},
    "SimpleRNNCell": {"kernel": Kind.RNN_KERNEL, "recurrent_kernel": Kind.RNN_KERNEL, "bias": Kind.RNN_BIAS},
}


def modules(model: Any) -> tuple[Module, ...]:
    """List a model's layers that hold weights, each after those that it reads."""
    names = {id(weight): name for name, weight in named(model).items()}
    walk = Walk(names)
    walk.through(graph_of(model), frozenset())
    return tuple(walk.found)


def variables(model: Any) -> dict[str, Any]:
    """Return the Keras variables by target name."""
    return named(model)


def graph_of(model: Any) -> Any:
    """Return a functional model, of a sequential one the functional one inside."""
    if hasattr(model, "_nodes_by_depth"):
        return model
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


@dataclass
class Walk:
    """The way through a graph and those inside it.

    Attributes:
        names: the weights' names, by their ids.
        found: the modules so far.
        seen: the ids of the weights that they hold.
        reached: by a tensor's id, the positions of the modules that it depends on.
        flows: by a tensor's id, the order of its numbers.
    """

    names: dict[int, str]
    found: list[Module] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    reached: dict[int, frozenset[int]] = field(default_factory=dict)
    flows: dict[int, Flow] = field(default_factory=dict)

    def through(self, model: Any, before: frozenset[int]) -> frozenset[int]:
        """Add a graph's modules; return the positions of all that its outputs depend on."""
        everything = before
        for layer, inputs, outputs in nodes(model):
            if not inputs:
                self._begin(layer, outputs, before)
                continue
            reads = before.union(*(self.reached.get(id(tensor), before) for tensor in inputs))
            after = self._inside(layer, inputs, outputs, reads) if _is_graph(layer) else self._add(layer, inputs, reads)
            everything |= after
            self.reached.update((id(tensor), after) for tensor in outputs)
            if not _is_graph(layer):
                self._follow(layer, inputs, outputs, after - reads)
        return everything

    def _begin(self, layer: Any, outputs: list[Any], before: frozenset[int]) -> None:
        """Set out from an input, of which the graph around may have said something already."""
        for tensor in outputs:
            self.reached.setdefault(id(tensor), before)
            self.flows.setdefault(id(tensor), flow_after(layer, (), (), tensor))

    def _inside(self, layer: Any, inputs: list[Any], outputs: list[Any], reads: frozenset[int]) -> frozenset[int]:
        graph = graph_of(layer)
        for inner, outer in zip(graph.inputs, inputs, strict=True):
            self.reached[id(inner)], self.flows[id(inner)] = reads, self.flows[id(outer)]
        after = self.through(graph, reads)
        for inner, outer in zip(graph.outputs, outputs, strict=True):
            self.flows[id(outer)] = self.flows[id(inner)]
        return after

    def _follow(self, layer: Any, inputs: list[Any], outputs: list[Any], made: frozenset[int]) -> None:
        flows = [self.flows[id(tensor)] for tensor in inputs]
        for tensor, flow in zip(inputs, flows, strict=True):
            if flow.order in (Order.RAISED, Order.LOST) and reads_channels(layer, len(tensor.shape) - 1):
                self._doubt(flow)
        for tensor in outputs:
            flow = flow_after(layer, inputs, flows, tensor)
            if flow.is_plain and len(tensor.shape) == 2:
                flow = replace(flow, made=flow.made | made)
            self.flows[id(tensor)] = flow

    def _doubt(self, flow: Flow) -> None:
        for position in flow.made:
            module = self.found[position]
            why = f"its outputs become a map in {flow.why}, which other frameworks order as (c, h, w) ({RAISE})"
            self.found[position] = replace(
                module, targets=tuple(replace(one, doubt=one.doubt or why) for one in module.targets)
            )

    def _add(self, layer: Any, inputs: list[Any], reads: frozenset[int]) -> frozenset[int]:
        made = reads
        reading = Reading.of(layer, inputs, [self.flows[id(tensor)] for tensor in inputs])
        for part, weights in _parts(layer):
            fresh = [weight for weight in weights if id(weight) in self.names and id(weight) not in self.seen]
            self.seen.update(map(id, fresh))
            if fresh:
                targets = tuple(_target(part, self.names[id(weight)], weight, reading) for weight in fresh)
                made |= {len(self.found)}
                self.found.append(Module(targets[0].scope, targets, reads, _is_reverse(layer, part)))
        return made


def _parts(layer: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Yield a layer and those inside it, each with the weights that it holds itself."""
    if not isinstance(layer, keras.Layer):  # an operation of keras.ops
        return
    for part in layer._flatten_layers(include_self=True, recursive=True):
        yield part, [*part._trainable_variables, *part._non_trainable_variables]


def _is_graph(layer: Any) -> bool:
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


def _is_reverse(layer: Any, part: Any) -> bool:
    if isinstance(layer, keras.layers.Bidirectional):
        return any(part is inner for inner in layer.backward_layer._flatten_layers(include_self=True, recursive=True))
    return False


def _target(part: Any, name: str, weight: Any, reading: Reading) -> Target:
    role, shape = name.rpartition("/")[2], tuple(weight.shape)
    kind = _kind(part, name, role, shape)
    kept = isinstance(part, keras.layers.Normalization)
    part_of = ATTENTION.get(name.split("/")[-2], 0) if kind is Kind.ATTENTION_IN else 0
    rows, doubt = reading.rows_of(part, kind, shape), reading.doubt(part, kind, shape)
    return Target(name, shape, kind, rows, part_of, kept, doubt)


def _kind(part: Any, name: str, role: str, shape: tuple[int, ...]) -> Kind:
    cell = CELLS.get(type(part).__name__, {}).get(role)
    if cell is not None:
        old = type(part).__name__ == "GRUCell" and not part.reset_after
        return Kind.OLD_GRU if old else cell
    if isinstance(part, keras.layers.EinsumDense) and name.count("/") >= 2:
        within = name.split("/")[-2]
        if within in ATTENTION:
            return Kind.ATTENTION_IN
        return Kind.ATTENTION_OUT if (within, role) == ("attention_output", "kernel") else _plain(shape)
    return _layer_kind(part, role) or _plain(shape)


def _layer_kind(part: Any, role: str) -> Kind | None:
    if role == "kernel" and isinstance(part, keras.layers.Dense):
        return Kind.DENSE
    if role == "depthwise_kernel" or (role == "kernel" and isinstance(part, DEPTHWISE)):
        return Kind.DEPTHWISE
    if role == "pointwise_kernel":
        return Kind.CONV
    if role == "kernel" and isinstance(part, TRANSPOSED):
        return Kind.TRANSPOSED
    if role == "kernel" and isinstance(part, CONVS):
        return Kind.CONV
    return Kind.EMBEDDING if isinstance(part, keras.layers.Embedding) else None


def _plain(shape: tuple[int, ...]) -> Kind:
    return Kind.VECTOR if sum(size != 1 for size in shape) <= 1 else Kind.OTHER
