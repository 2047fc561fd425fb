"""Operations that reduce axes to one number, and products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transfer.exporters.onnx.graph import Value
from transfer.exporters.onnx.use import Use

REDUCTIONS = {
    "Max": "ReduceMax", "Mean": "ReduceMean", "Min": "ReduceMin", "Norm": "ReduceL2", "Prod": "ReduceProd",
    "Sum": "ReduceSum", "Logsumexp": "ReduceLogSumExp",
}  # fmt: skip


def _reduced(op: str) -> Callable[[Use], list[Value]]:
    def write(use: Use) -> list[Value]:
        value, option = use.tensor("x", use.dtype), use.option
        axes = _axes(use, value.rank)
        if getattr(option, "initial", None) is not None:
            use.step.refuse("it has an initial value")
        if op == "ReduceL2" and (option.ord not in (None, 2) or (option.ord is not None and len(axes) > 1)):
            use.step.refuse(f"it is the norm of order {option.ord} over {len(axes)} axes; expected 2 over one")
        if op == "ReduceSum":
            return [use.add(op, [value, use.whole("axes", axes)], keepdims=int(option.keepdims))]
        return [use.add(op, [value], axes=axes, keepdims=int(option.keepdims))]

    return write


def _axes(use: Use, rank: int) -> list[int]:
    given = use.option.axis
    listed = range(rank) if given is None else [given] if isinstance(given, int) else given
    return sorted(int(axis) % rank for axis in listed)


def _product(use: Use) -> list[Value]:
    values = [use.operand(name, use.dtype) for name in ("x1", "x2")]
    return [use.add("MatMul", values)]


OPERATIONS: Mapping[str, Callable[[Use], list[Value]]] = {
    **{name: _reduced(op) for name, op in REDUCTIONS.items()},
    "Matmul": _product,
}
