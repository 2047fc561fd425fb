from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.card import LayerInfo
from registry.errors import ZooError
from registry.shelf import Shelf
from transfer.depths.blocks import blocks
from transfer.depths.choice import best_of, pooled, shortlist, to_begin, to_train
from transfer.depths.cuts import among, cuts
from transfer.depths.race import race
from transfer.depths.scope_regex import regex_for
from transfer.evaluate import Score, wilson
from transfer.graph import closed, cut
from transfer.plan.selection import choose
from transfer.scope import select


def layer(name: str, kind: str, *reads: str) -> LayerInfo:
    weights = 0 if kind in ("InputLayer", "Add", "ReLU", "Concatenate", "Softmax") else 4
    return LayerInfo(name, kind, weights, bool(weights), reads)


DENSE = (
    layer("X", "InputLayer"),
    layer("hidden1", "Dense", "X"),
    layer("hidden2", "Dense", "hidden1"),
    layer("hidden10", "Dense", "hidden2"),
    layer("outputs", "Dense", "hidden10"),
    layer("probs", "Softmax", "outputs"),
)
RESIDUAL = (
    layer("X", "InputLayer"),
    layer("stem/conv", "Conv2D", "X"),
    layer("stem/bn", "BatchNormalization", "stem/conv"),
    layer("stem/relu", "ReLU", "stem/bn"),
    layer("block/conv1", "Conv2D", "stem/relu"),
    layer("block/conv2", "Conv2D", "block/conv1"),
    layer("block/add", "Add", "stem/relu", "block/conv2"),
    layer("outputs", "Dense", "block/add"),
)
BRANCHES = (
    layer("X", "InputLayer"),
    layer("left", "Dense", "X"),
    layer("right", "Dense", "X"),
    layer("both", "Concatenate", "left", "right"),
    layer("outputs", "Dense", "both"),
)
TWO_INPUTS = (
    layer("A", "InputLayer"),
    layer("a", "Dense", "A"),
    layer("B", "InputLayer"),
    layer("a2", "Dense", "a"),
    layer("join", "Concatenate", "a2", "B"),
    layer("c", "Dense", "join"),
    layer("outputs", "Dense", "c"),
)
TWO_ENDS = (
    layer("X", "InputLayer"),
    layer("a", "Dense", "X"),
    layer("side", "Dense", "a"),
    layer("b", "Dense", "a"),
    layer("outputs", "Dense", "b"),
)


@pytest.mark.parametrize(
    ("layers", "places", "reuse"),
    [
        (DENSE, ["hidden1", "hidden2", "hidden10"], ["hidden1", "hidden[12]", "hidden([12]|10)"]),
        (RESIDUAL, ["stem/relu", "block/add"], ["stem", "stem|block"]),
        (BRANCHES, ["both"], ["left|right"]),
        (TWO_INPUTS, ["join", "c"], ["a|a2", "a|a2|c"]),
        (TWO_ENDS, ["a", "b"], ["a", "a|b"]),
    ],
)
def test_cuts_lie_where_one_tensor_goes_on(layers: tuple[LayerInfo, ...], places: list[str], reuse: list[str]) -> None:
    found = cuts(layers)
    assert [one.at for one in found] == places
    assert [one.reuse for one in found] == reuse
    for one in found:
        assert one.parameters == 4 * len(one.frozen)
        chosen = choose(layers, one.reuse)
        assert set(one.frozen) <= set(chosen.frozen) <= set(one.below), "the regex freezes just this"


def test_a_normalisation_stays_with_its_layer() -> None:
    (stem, _) = cuts(RESIDUAL)
    assert (stem.layer, stem.frozen) == ("stem/bn", ("stem/conv", "stem/bn"))


@pytest.mark.parametrize(("name", "count"), [("mnist-dnn", 5), ("efficientnet-lite0", 31), ("squeezenet", 17)])
def test_every_place_of_a_deep_net_is_found(name: str, count: int) -> None:
    layers = Shelf().find(name).card.layers
    found = cuts(layers)
    assert len(found) == count
    assert all(cut(layers, closed(layers, one.frozen)) == (one.at,) for one in found)
    assert [one.parameters for one in found] == sorted(one.parameters for one in found)


@pytest.mark.parametrize(
    ("layers", "pattern", "message"),
    [
        (
            RESIDUAL,
            "block/conv1",
            "block/conv1: the layers above read 2 tensors there, of stem/relu, block/conv1",
        ),
        (RESIDUAL, "stem/conv", "the normalisation above stem/conv stays with it"),
        (TWO_INPUTS, "a", "no valid cut lies after a: the layers above read 2 tensors there, of a, B"),
        (DENSE, "outputs", "no valid cut lies after outputs: outputs gives the model's outputs, which are made anew"),
        (DENSE, "X", "no valid cut lies after X: X has no weights below it to freeze"),
        (DENSE, "hiden1", "the regex 'hiden1' selects no layer"),
    ],
)
def test_cuts_that_are_refused(layers: tuple[LayerInfo, ...], pattern: str, message: str) -> None:
    with pytest.raises(ZooError, match=re.escape(message)) as caught:
        among(layers, pattern)
    if "no valid cut" in message:
        assert caught.value.hint == f"the valid cuts: {', '.join(one.layer for one in cuts(layers))}"


def test_cuts_are_named_by_layer_or_by_place() -> None:
    assert [one.at for one in among(RESIDUAL, "stem/bn")] == ["stem/relu"]
    assert [one.at for one in among(RESIDUAL, "block/add|stem/relu")] == ["stem/relu", "block/add"]
    assert [one.at for one in among(DENSE, "hidden[12]")] == ["hidden1", "hidden2"]


@given(st.sets(st.integers(0, 14), min_size=1), st.sets(st.integers(0, 14)))
def test_a_regex_selects_what_is_wanted_and_nothing_else(wanted: set[int], more: set[int]) -> None:
    scopes = [f"{block}/conv{number}" for block in ("a.b", "a", "c+d") for number in (1, 2, 10, 11, 3)]
    chosen = [scope for place, scope in enumerate(scopes) if place in wanted]
    allowed = {*chosen, *(scope for place, scope in enumerate(scopes) if place in more)}
    found = set(select(regex_for(chosen, allowed, scopes), scopes))
    assert set(chosen) <= found <= allowed


def test_blocks_train_one_by_one() -> None:
    found = blocks(RESIDUAL)
    assert [one.train for one in found] == [(), ("stem/conv", "stem/bn"), ("block/conv1",), ("block/conv2",)]
    for one in found:
        chosen = choose(RESIDUAL, one.reuse, one.freeze)
        assert (chosen.reused, chosen.frozen) == (one.reused, one.frozen)
        assert not set(one.train) & set(one.frozen)
    assert "outputs" not in found[0].reused


def score(hits: int, n: int = 100, loss: float = 1.0) -> Score:
    return Score(n, loss, hits / n, wilson(hits, n), {})


def test_the_best_probes_are_tried_and_the_lowest_cut() -> None:
    assert shortlist([score(90), score(95), score(95), score(80)], 3) == [0, 1, 2]
    assert shortlist([score(60), score(95), score(95), score(80)], 2) == [0, 2], "of equal ones the higher"
    assert shortlist([score(95), score(95), score(95)], 1) == [2]


def test_the_lowest_validation_loss_is_the_best() -> None:
    assert best_of([score(96, loss=0.5), score(90, loss=0.4), score(97, loss=0.6)]) == 1
    assert best_of([score(96, loss=0.5), score(90, loss=0.5)]) == 1, "of equal ones the higher"


def test_half_of_the_cuts_are_begun_and_a_fourth_ends() -> None:
    for many in range(1, 50):
        begun, ended = to_begin(many, to_train(many)), to_train(many)
        assert 1 <= ended <= begun <= min(many, 8)
        assert begun >= min(many, 3)
    assert to_begin(6, 5) == 5, "who wants five trained gets them"


@dataclass
class Racer:
    """What `race` needs of a training: each epoch's loss; those that end early say so."""

    losses: list[float]
    epochs: int = 0
    epochs_wanted: int = 8

    @property
    def loss(self) -> float:
        return min(self.losses[: self.epochs], default=math.inf)

    def run(self, until: int) -> None:
        self.epochs = max(self.epochs, min(until, len(self.losses)))


@pytest.mark.parametrize(
    ("losses", "keep", "last", "epochs"),
    [
        ([[5.0] * 8, [4.0] * 8, [3.0] * 8, [2.0] * 8], 1, [3], [2, 2, 4, 8]),
        ([[5.0] * 8, [4.0] * 8, [3.0] * 8], 1, [2], [2, 4, 8]),
        ([[5.0] * 8, [4.0] * 8, [3.0] * 8], 2, [1, 2], [2, 8, 8]),
        ([[5.0] * 8, [6.0] * 3 + [1.0] * 5, [9.0] * 8], 1, [1], [4, 8, 2]),
        ([[5.0] * 8, [4.0] * 3], 2, [0, 1], [8, 3]),
        ([[math.inf], [4.0] * 8], 2, [1], [1, 8]),
        ([[math.inf], [math.inf]], 2, [0], [1, 1]),
    ],
)
def test_the_worse_half_is_dropped_round_by_round(
    losses: list[list[float]], keep: int, last: list[int], epochs: list[int]
) -> None:
    racers = [Racer(each) for each in losses]
    assert race(racers, keep) == last  # type: ignore[arg-type]
    assert [racer.epochs for racer in racers] == epochs


def test_several_seeds_do_not_narrow_what_few_samples_leave_open() -> None:
    same, apart = pooled([score(90), score(90)]), pooled([score(60), score(100)])
    assert same.ci95 == score(90).ci95
    assert (apart.accuracy, apart.n) == (0.8, 100)
    assert apart.ci95[0] < 0.8 - 0.35
    assert pooled([score(7)]) == score(7)
