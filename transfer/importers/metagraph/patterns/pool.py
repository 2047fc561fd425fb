"""Pooling, padding, and reductions over space."""

from __future__ import annotations

from transfer.importers.metagraph.graph import Node
from transfer.importers.metagraph.patterns.conv import is_plain
from transfer.importers.metagraph.view import Piece, Pieces, Setting, View

POOLS = {"MaxPool": "MaxPooling2D", "AvgPool": "AveragePooling2D"}
REDUCTIONS = {"Max": ("MaxPooling2D", "GlobalMaxPooling"), "Mean": ("AveragePooling2D", "GlobalAveragePooling")}


def pool(view: View, node: Node) -> Pieces | None:
    """Match `MaxPool` and `AvgPool` over height and width, channels last."""
    size = node.ints("ksize")
    if not is_plain(node) or len(size) != 4 or size[0] != 1 or size[3] != 1:
        return None
    config: dict[str, Setting] = {
        "pool_size": size[1:3],
        "strides": node.ints("strides")[1:3],
        "padding": node.text("padding").lower(),
    }
    return (Piece(POOLS[node.op], node.inputs[:1], (node.output,), (node.name,), config),)


def reduction(view: View, node: Node) -> Pieces | None:
    """Match `Max` and `Mean` over all of space, or over one axis of an image whose size is known."""
    source, rank, axes = node.inputs[0], view.rank(node.inputs[0]), view.whole(node.inputs[1])
    if rank not in (3, 4) or axes is None:
        return None
    found = tuple(sorted({axis % rank for axis in axes}))
    if found == tuple(range(1, rank - 1)):
        config: dict[str, Setting] = {"keepdims": node.flag("keep_dims")}
        kind = f"{REDUCTIONS[node.op][1]}{rank - 2}D"
        return (Piece(kind, (source,), (node.output,), (node.name,), config),)
    sample = view.sample(source)
    if rank != 4 or sample is None or found not in ((1,), (2,)):
        return None
    return _along(view, node, sample, found[0])


def _along(view: View, node: Node, sample: tuple[int, ...], axis: int) -> Pieces | None:
    """Pool one axis whole, and drop it where the reduction does."""
    size = (sample[0], 1) if axis == 1 else (1, sample[1])
    kept = node.flag("keep_dims")
    middle = node.output if kept else f"{node.name}/pooled:0"
    config: dict[str, Setting] = {"pool_size": size, "strides": size, "padding": "valid"}
    pooled = Piece(REDUCTIONS[node.op][0], node.inputs[:1], (middle,), (node.name,), config)
    if kept:
        return (pooled,)
    target = sample[1:] if axis == 1 else (sample[0], sample[2])
    reshaped = Piece("Reshape", (middle,), (node.output,), (node.name,), {"target_shape": target}, leaf="reshape")
    return pooled, reshaped


def padding(view: View, node: Node) -> Pieces | None:
    """Match `Pad` and `PadV2` with zeros around space."""
    widths = view.whole(node.inputs[1])
    value = view.scalar(node.inputs[2]) if len(node.inputs) > 2 else 0.0
    if widths is None or value != 0 or len(widths) not in (6, 8) or any(widths[:2]) or any(widths[-2:]):
        return None
    pairs = tuple(zip(widths[2:-2:2], widths[3:-2:2], strict=True))
    config: dict[str, Setting] = {"padding": pairs if len(pairs) == 2 else pairs[0]}
    return (Piece(f"ZeroPadding{len(pairs)}D", node.inputs[:1], (node.output,), (node.name,), config),)


MATCHERS = {
    **dict.fromkeys(POOLS, (pool,)),
    **dict.fromkeys(REDUCTIONS, (reduction,)),
    **dict.fromkeys(("Pad", "PadV2"), (padding,)),
}
