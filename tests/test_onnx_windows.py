"""Convolutions and pools with drawn windows against ONNX Runtime, and the arithmetic of shapes by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_models import node, random, saved

from transfer.importers.onnx import read
from transfer.importers.onnx.graph import Node, between
from transfer.importers.onnx.known import BATCHES, sizes
from transfer.importers.onnx.operators.reshape import Target, target_of

pytest.importorskip("onnxruntime")
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    kernel, strides = draw(PAIRS), draw(PAIRS)
    if draw(st.integers(0, 3)) == 0:  # ONNX Runtime fails where a stride is longer than the window
        strides = (min(strides[0], kernel[0]), min(strides[1], kernel[1]))
        return {
            "kernel_shape": kernel,
            "strides": strides,
            "auto_pad": draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER"])),
        }
    pads = [draw(st.integers(0, size - 1)) for size in (*kernel, *kernel)]
    return {"kernel_shape": kernel, "strides": strides, "pads": pads}


@SLOW
@given(
    window=windows(),
    group=st.sampled_from([1, 2, 4]),
    dilations=PAIRS,
    size=st.tuples(st.integers(7, 10), st.integers(7, 10)),
)
def test_any_convolution(
    window: dict[str, Any], group: int, dilations: tuple[int, int], size: tuple[int, int], tmp_path: Path
) -> None:
    weights = {"w": random(8, 4 // group, *window["kernel_shape"]), "b": random(8)}
    if "auto_pad" in window:
        dilations = (1, 1)
    made = node("Conv", "x w b", "y", "conv", group=group, dilations=dilations, **window)
    assert read(saved(tmp_path, [made], {"x": ["n", 4, *size]}, weights=weights)).max_rel_difference is not None


@SLOW
@given(
    window=windows(), size=st.tuples(st.integers(5, 9), st.integers(5, 9)), ceil=st.booleans(), counted=st.booleans(),
    op=st.sampled_from(["MaxPool", "AveragePool"]),
)  # fmt: skip
def test_any_pool(
    window: dict[str, Any], size: tuple[int, int], ceil: bool, counted: bool, op: str, tmp_path: Path
) -> None:
    more = {"ceil_mode": int(ceil)} | ({"count_include_pad": int(counted)} if op == "AveragePool" else {})
    made = node(op, "x", "y", "pool", **window, **more)
    assert read(saved(tmp_path, [made], {"x": ["n", 3, *size]}, opset=19)).max_rel_difference is not None


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 4), st.data())
def test_a_reshape_and_its_inverse_keep_each_sample_apart(rest: list[int], place: int, data: st.DataObject) -> None:
    batch = min(place, len(rest))
    shape: list[int | None] = [*rest[:batch], None, *rest[batch:]]
    source = sizes(shape, batch)
    merged = [source[0]] if batch == 0 else [(int(np.prod(rest[:batch])),) * 2, BATCHES]
    merged += [(int(np.prod(rest[batch:])),) * 2]
    there = target_of(source, batch, merged, None)
    assert there is not None and np.prod(there.sizes) == np.prod(rest)
    back = target_of(merged, there.batch, source, None)
    assert back == Target(batch, tuple(rest)) or 1 in rest


@pytest.mark.parametrize(
    ("shape", "asked", "fixed", "expected"),
    [
        ([None, 4, 6], [(0, 0), (24, 24)], None, Target(0, (24,))),
        ([None, 4, 6], [(-1, -1), (24, 24)], None, Target(0, (24,))),
        ([None, 4, 6], [(-1, -1), (8, 8)], None, None),
        ([None, 4, None], [(0, 0), (-1, -1)], None, Target(0, (-1,))),
        ([None, 4, 6], [(1, 1), (-1, -1)], None, None),
        ([None, 4, 6], [(1, 1), (-1, -1)], 1, Target(0, (24,))),
        ([None, 4, 6], [(8, 8), (24, 24)], 8, Target(0, (24,))),
        ([None, 4, 6], [(4, 4), (6, 6)], 1, None),
    ],
)
def test_where_a_reshape_leads(shape: Any, asked: Any, fixed: int | None, expected: Target | None) -> None:
    assert target_of(sizes(shape, 0), 0, asked, fixed) == expected


@given(st.permutations(range(8)))
def test_nodes_come_after_what_they_read(order: list[int]) -> None:
    nodes = [
        Node(f"n{i}", "Relu", tuple(f"t{j}" for j in range(max(0, i - 2), i)) or ("x",), (f"t{i}",)) for i in range(8)
    ]
    found = between([nodes[place] for place in order], {"x"}, ["t7"])
    assert {node.name for node in found} == {node.name for node in nodes}
    done = {"x"}
    for one in found:
        assert done.issuperset(one.inputs)
        done.update(one.outputs)
