"""Dense layers: `MatMul` with a variable, on vectors or, as `tf.tensordot` wrote it, on the last axis of more."""

from __future__ import annotations

from dataclasses import replace

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.patterns.follow import Followed, follow
from transfer.importers.metagraph.view import Piece, Pieces, Setting, View, Weight


def dense(view: View, node: Node) -> Pieces | None:
    """Match `x @ kernel (+ bias) (activation)` on (n, features)."""
    kernel, shape = kernel_of(view, node), view.shape(node.inputs[0])
    if kernel is None or not shape or shape[-1] != kernel.shape[0]:
        return None
    return (_piece(node.inputs[0], kernel, follow(view, (node.name,), node.output, kernel.shape[1])),)


def kernel_of(view: View, node: Node) -> Weight | None:
    """Return the kernel of a `MatMul` whose left side is data and whose right side is a variable."""
    if node.op != "MatMul" or node.flag("transpose_a") or not view.is_data(node.inputs[0]):
        return None
    kernel = view.weight(node.inputs[1])
    if kernel is None or len(kernel.shape) != 2:
        return None
    if not node.flag("transpose_b"):
        return kernel
    return replace(kernel, shape=kernel.shape[::-1], transposed=True)


def tensordot(view: View, node: Node) -> Pieces | None:
    """Match `reshape(reshape(x, [-1, features]) @ kernel, [..., units])` on (n, …, features)."""
    source = node.inputs[0]
    start, product = _flattened(view, node)
    kernel = kernel_of(view, product) if product is not None else None
    back = view.next(product.output) if product is not None else None
    if product is None or kernel is None or back is None or back.op != "Reshape":
        return None
    before, after = view.shape(source), view.shape(back.output)
    if before is None or after is None or before[-1] != kernel.shape[0] or before[1:-1] != after[1:-1]:
        return None
    if None in before[1:] or len(before) != len(after) or after[-1] != kernel.shape[1]:
        return None
    names = (product.name, *start, back.name)
    return (_piece(source, kernel, follow(view, names, back.output, kernel.shape[1])),)


def _flattened(view: View, node: Node) -> tuple[tuple[str, ...], Node | None]:
    """Return the operations that flatten all axes but the last, and the `MatMul` above them."""
    start: tuple[str, ...] = (node.name,)
    flat: Node | None = node
    if node.op == "Transpose":
        order = view.whole(node.inputs[1])
        flat = view.next(node.output) if order == tuple(range(len(order or ()))) else None
        start = (node.name, flat.name) if flat is not None else start
    if flat is None or flat.op != "Reshape" or view.rank(flat.output) != 2:
        return start, None
    return start, view.next(flat.output)


def _piece(source: str, kernel: Weight, followed: Followed) -> Piece:
    config: dict[str, Setting] = {
        "units": kernel.shape[1],
        "activation": followed.activation,
        "use_bias": followed.bias is not None,
    }
    weights = (kernel, *followed.weights)
    return Piece("Dense", (source,), (followed.output,), followed.nodes, config, weights)


MATCHERS = {"MatMul": (dense,), "Reshape": (tensordot,), "Transpose": (tensordot,)}
