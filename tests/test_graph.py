from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.card import LayerInfo
from transfer.graph import closed, cut, ends, heads, single_path, sources, tips, weighted

CHAIN = (
    LayerInfo("X", "InputLayer", 0),
    LayerInfo("a", "Dense", 4, True, ("X",)),
    LayerInfo("a/relu", "ReLU", 0, False, ("a",)),
    LayerInfo("b", "Dense", 4, True, ("a/relu",)),
    LayerInfo("drop", "Dropout", 0, False, ("b",)),
    LayerInfo("out", "Dense", 4, True, ("drop",)),
)
RESIDUAL = (
    LayerInfo("X", "InputLayer", 0),
    LayerInfo("a", "Dense", 4, True, ("X",)),
    LayerInfo("b", "Dense", 4, True, ("a",)),
    LayerInfo("add", "Add", 0, False, ("a", "b")),
    LayerInfo("out", "Dense", 4, True, ("add",)),
)


def test_layers_without_weights_belong_to_what_they_read() -> None:
    assert closed(CHAIN, {"a"}) == ("X", "a", "a/relu")
    assert cut(CHAIN, closed(CHAIN, {"a"})) == ("a/relu",)


def test_what_draws_random_numbers_is_above_the_cut_unless_it_is_frozen() -> None:
    assert cut(CHAIN, closed(CHAIN, {"a", "b"})) == ("b",)
    assert cut(CHAIN, closed(CHAIN, {"a", "b", "drop"})) == ("drop",)


def test_a_frozen_layer_above_a_trained_one_is_not_below_the_cut() -> None:
    assert closed(CHAIN, {"b"}) == ("X",)
    assert cut(CHAIN, closed(CHAIN, {"b"})) == ("X",)


def test_a_cut_through_a_residual_block_has_one_edge_for_each_reader() -> None:
    assert cut(RESIDUAL, closed(RESIDUAL, {"a"})) == ("a",)
    assert cut(RESIDUAL, closed(RESIDUAL, {"a", "b"})) == ("add",)


def test_weighted() -> None:
    assert weighted(CHAIN) == ("a", "b", "out")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[LayerInfo, ...]:
    layers = [LayerInfo("X", "InputLayer", 0)]
    for number in range(draw(st.integers(1, 8))):
        reads = draw(st.lists(st.sampled_from([layer.name for layer in layers]), min_size=1, max_size=3, unique=True))
        kind, parameters = draw(st.sampled_from([("Dense", 3), ("Add", 0), ("Dropout", 0)]))
        layers.append(LayerInfo(f"l{number}", kind, parameters, True, tuple(reads)))
    return tuple(layers)


@given(graphs(), st.sets(st.integers(0, 8)))
def test_nothing_below_the_cut_reads_from_above_it(layers: tuple[LayerInfo, ...], chosen: set[int]) -> None:
    frozen = {f"l{number}" for number in chosen}
    below = set(closed(layers, frozen))
    by_name = {layer.name: layer for layer in layers}
    assert all(set(by_name[name].inputs) <= below for name in below)
    assert all(not by_name[name].parameters or name in frozen for name in below)
    for layer in layers:  # and it is the largest such set
        if layer.name not in below and layer.name in frozen:
            assert not set(layer.inputs) <= below


# Two towers with an end each, which meet in `join`; `left` also has an answer of its own.
TOWERS = (
    LayerInfo("A", "InputLayer", 0),
    LayerInfo("left", "Dense", 4, True, ("A",)),
    LayerInfo("B", "InputLayer", 0),
    LayerInfo("right", "Conv1D", 4, True, ("B",)),
    LayerInfo("flat", "Flatten", 0, False, ("right",)),
    LayerInfo("join", "Concatenate", 0, False, ("left", "flat")),
    LayerInfo("out", "Dense", 4, True, ("join",)),
    LayerInfo("probabilities", "Softmax", 0, False, ("out",)),
)
SIDE = LayerInfo("side", "Dense", 4, True, ("left",))


@pytest.mark.parametrize(
    ("layers", "reused", "expected"),
    [
        (CHAIN, ("a",), ("a/relu",)),
        (CHAIN, ("b",), ("b",)),
        (CHAIN, ("a", "b", "out"), ("out",)),
        (RESIDUAL, ("a",), ("a",)),
        (RESIDUAL, ("a", "b"), ("add",)),
        (TOWERS, ("left", "right"), ("join",)),
        (TOWERS, ("left",), ("left",)),
        (TOWERS, ("right",), ("flat",)),
        (TOWERS, ("A", "right"), ("flat",)),
        (TOWERS, ("left", "right", "out"), ("out",)),
        ((*TOWERS, SIDE), ("left", "right"), ("left", "flat")),
    ],
)
def test_a_new_top_stands_on_the_highest_reused_layers(
    layers: tuple[LayerInfo, ...], reused: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert ends(layers, reused) == expected


@pytest.mark.parametrize(
    ("layers", "reused", "expected"),
    [
        (CHAIN, ("a",), ("out",)),
        (TOWERS, ("left", "right"), ("out",)),
        ((*TOWERS, SIDE), ("left",), ("out", "side")),
        ((*TOWERS, SIDE), ("left", "right"), ("out",)),
        ((*TOWERS, SIDE), ("right",), ("out",)),
        ((*TOWERS, SIDE), ("side",), ("side",)),
        ((*TOWERS, SIDE), ("side", "right"), ()),
        (TOWERS[:6], ("left",), ()),
        (TOWERS[:6], ("right",), ("right",)),
        (TOWERS[:6], ("left", "right"), ()),
    ],
)
def test_heads_are_the_last_layers_with_weights_that_all_reused_ones_feed(
    layers: tuple[LayerInfo, ...], reused: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert heads(layers, reused) == expected


def test_a_layer_that_is_called_twice_may_read_what_it_feeds() -> None:
    looped = (*CHAIN[:1], LayerInfo("a", "Dense", 4, True, ("X", "b")), LayerInfo("b", "ReLU", 0, False, ("a",)))
    assert sources(looped)["a"] == {"X", "a", "b"}
    assert tips(CHAIN, ("a", "b", "X")) == ("b",)
    assert [layer.name for layer in single_path(TOWERS, "right")] == ["flat"]
