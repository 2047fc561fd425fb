"""The scopes of nodes, from their names or from those of their weights. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from transfer.importers.onnx.graph import Node

PLAIN = re.compile(r"(node_)?[A-Za-z0-9]+(_\d+)*|")  # `Conv_12`, `node_conv2d_3`: an exporter's numbering
PARAMETER = re.compile(r"(.+?)[./:]((\w*_)?(weight|bias|kernel|gamma|beta|running_mean|running_var)\w*)")


def scope_of_node(node: Node, sources: Sequence[str]) -> str:
    """Return the path of a node's layers.

    The node's own name where it is a path; else the module that its weights belong to; else what name it has.

    Args:
        node: the node.
        sources: the names of its weights.

    >>> scope_of_node(Node("/features/0/Conv", "Conv", (), ()), ["features.0.weight"])
    'features/0/Conv'
    >>> scope_of_node(Node("node_conv2d", "Conv", (), ()), ["features.0.weight", "features.0.bias"])
    'features/0'
    >>> scope_of_node(Node("Relu_3", "Relu", (), ()), [])
    'Relu_3'
    """
    if not PLAIN.fullmatch(node.name):
        return cleaned(node.name)
    modules = (found.group(1) for name in sources if (found := PARAMETER.fullmatch(name)))
    return cleaned(next(modules, node.name).replace(".", "/"))


def cleaned(name: str) -> str:
    """Return a name with nothing in it that a TensorFlow name may not have.

    >>> cleaned("/model/onnx::Conv_3:0")
    'model/onnx__Conv_3'
    """
    name = re.sub(r":\d+$", "", name)
    name = re.sub(r"[^A-Za-z0-9_./-]", "_", name).strip("/")
    name = "/".join(filter(None, name.split("/"))) or "layer"
    return name[:200] if name[0].isalnum() else f"n{name[:200]}"
