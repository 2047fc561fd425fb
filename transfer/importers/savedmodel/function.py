"""SavedModels without signatures: what calling the restored object runs, written as a call in its graph.

The object graph (tensorflow/core/protobuf/saved_object_graph.proto) says which functions the root object has, which
traces of each there are, and which variables and constants a trace reads besides its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList
from tensorflow.core.framework.node_def_pb2 import NodeDef

from registry.errors import ZooError, near
from transfer.importers.savedmodel.signature import Signature
from transfer.scope import unused

CALL = "__call__"
HINT = "name tensors: --input TENSOR --output TENSOR"


def functions(meta: Any) -> dict[str, Any]:
    """Return the functions of the root object by name (`SavedFunction`)."""
    nodes = meta.object_graph_def.nodes
    children = [(child.local_name, child.node_id) for child in (nodes[0].children if nodes else ())]
    found = {name: nodes[at].function for name, at in children if at < len(nodes) and nodes[at].HasField("function")}
    return {name: function for name, function in found.items() if function.concrete_functions}


def called(meta: Any, name: str | None, handles: Mapping[int, str], where: str) -> Signature:
    """Add a call of a restored function to a graph, and return it as a signature.

    Args:
        meta: the `MetaGraphDef`, which is changed.
        name: the function's; None takes `__call__`, or the only one.
        handles: the tensors of variables, by their place in the object graph.
        where: the SavedModel, for people.

    Raises:
        ZooError: there is no such function, or it cannot be called with arrays alone.
    """
    found = functions(meta)
    chosen = name or (CALL if CALL in found else next(iter(found)) if len(found) == 1 else None)
    if chosen is None or chosen not in found:
        listed = ", ".join(sorted(found)) or "none"
        hint = near(chosen or "", sorted(found)) if found else HINT
        raise ZooError(f"{where} has no signatures, and of functions that can be called {listed}", hint)
    traces = [(key, meta.object_graph_def.concrete_functions[key]) for key in found[chosen].concrete_functions]
    key, trace = min(traces, key=lambda item: (*_rank(item[1].canonicalized_input_signature), item[0]))
    return _call(meta, chosen, key, trace, handles, where)


def _rank(value: Any) -> tuple[int, int]:
    """Order traces: inference before training, any batch before a fixed one."""
    leaves = list(_leaves(value))
    fixed = sum(
        bool(leaf.tensor_spec_value.shape.dim) and leaf.tensor_spec_value.shape.dim[0].size >= 0 for leaf in leaves
    )
    return sum(leaf.WhichOneof("kind") == "bool_value" and leaf.bool_value for leaf in leaves), fixed


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the leaves of a `StructuredValue` in the order in which TensorFlow flattens it."""
    kind = value.WhichOneof("kind")
    if depth > 50:
        raise ZooError("the SavedModel is damaged: the arguments of a function are nested too deeply")
    if kind in ("tuple_value", "list_value"):
        for inner in getattr(value, kind).values:
            yield from _leaves(inner, depth + 1)
    elif kind == "dict_value":
        for key in sorted(value.dict_value.fields):
            yield from _leaves(value.dict_value.fields[key], depth + 1)
    elif kind == "named_tuple_value":
        for pair in value.named_tuple_value.values:
            yield from _leaves(pair.value, depth + 1)
    elif kind:
        yield value


def _call(meta: Any, name: str, key: str, trace: Any, handles: Mapping[int, str], where: str) -> Signature:
    function = next((f for f in meta.graph_def.library.function if f.signature.name == key), None)
    specs = [leaf.tensor_spec_value for leaf in _leaves(trace.canonicalized_input_signature)
             if leaf.WhichOneof("kind") == "tensor_spec_value"]  # fmt: skip
    bound = list(trace.bound_inputs)
    if function is None or len(function.signature.input_arg) != len(specs) + len(bound):
        raise ZooError(f"the function {name} of {where} does not take arrays alone", HINT)
    taken = {node.name for node in meta.graph_def.node}
    arguments = [_placeholder(meta, spec, argument, taken) for spec, argument in
                 zip(specs, function.signature.input_arg, strict=False)]  # fmt: skip
    captured = [_captured(meta, at, handles, name, where) for at in bound]
    kinds = [int(argument.type) for argument in function.signature.input_arg]
    made = [int(result.type) for result in function.signature.output_arg]
    call = meta.graph_def.node.add(name=unused("StatefulPartitionedCall", taken), op="StatefulPartitionedCall")
    call.input.extend([*arguments, *captured])
    call.attr["f"].CopyFrom(AttrValue(func=NameAttrList(name=key)))
    for attribute, types in (("Tin", kinds), ("Tout", made)):
        call.attr[attribute].CopyFrom(AttrValue(list=AttrValue.ListValue(type=types)))
    outputs = {f"output_{k}": f"{call.name}:{k}" for k in range(len(made))}
    dtypes = dict(zip(arguments, kinds, strict=False)) | dict(zip(outputs.values(), made, strict=True))
    return Signature(name, {tensor.removesuffix(":0"): tensor for tensor in arguments}, outputs, dtypes)


def _placeholder(meta: Any, spec: Any, argument: Any, taken: set[str]) -> str:
    node = NodeDef(name=unused(spec.name or argument.name, taken), op="Placeholder")
    taken.add(node.name)
    node.attr["dtype"].type = spec.dtype
    node.attr["shape"].shape.CopyFrom(spec.shape)
    meta.graph_def.node.append(node)
    return f"{node.name}:0"


def _captured(meta: Any, at: int, handles: Mapping[int, str], name: str, where: str) -> str:
    """Return the tensor of what a function reads besides its arguments."""
    nodes = meta.object_graph_def.nodes
    if at in handles:
        return handles[at]
    kind = nodes[at].WhichOneof("kind") if at < len(nodes) else "nothing"
    if kind == "constant":
        return f"{nodes[at].constant.operation}:0"
    raise ZooError(f"the function {name} of {where} reads a {kind}, not only variables", HINT)
