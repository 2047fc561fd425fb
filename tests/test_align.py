"""Without rules: what is aligned, and what is refused because it could go several ways."""

from __future__ import annotations

import itertools
import re
from typing import Any

import keras
import numpy as np
import pytest
from foreign_nets import chain, of_arrays, of_shapes, sequential
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.weights.fill import fill
from transfer.weights.foreign import Foreign
from transfer.weights.matching.modules import modules
from transfer.weights.matching.order import only_extension, only_matching
from transfer.weights.matching.roles import said, sources
from transfer.weights.matching.rules import parse

L = keras.layers
FITS = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=n, max_size=n)
)


@given(FITS)
def test_the_only_matching_is_found(fits: list[list[bool]]) -> None:
    n = len(fits)
    ways = [p for p in itertools.permutations(range(n)) if all(fits[thing][place] for thing, place in enumerate(p))]
    assert only_matching(fits) == (ways[0] if len(ways) == 1 else None)


@given(FITS, st.data())
def test_the_only_extension_is_found(fits: list[list[bool]], data: st.DataObject) -> None:
    n = len(fits)
    after: list[frozenset[int]] = []
    for place in range(n):
        direct = data.draw(st.sets(st.integers(0, place - 1))) if place else set()
        after.append(frozenset(direct.union(*(after[one] for one in direct))))
    ways = [
        p
        for p in itertools.permutations(range(n))
        if all(fits[thing][place] for thing, place in enumerate(p))
        and all(after[place] <= set(p[:thing]) for thing, place in enumerate(p))
    ]
    found = only_extension(fits, after)
    assert found.ways == min(2, len(ways))
    assert found.places in ways or found.ways != 1


@pytest.mark.parametrize(
    ("name", "module", "role"),
    [
        ("features.0.conv.weight", "features/0/conv", "kernel"),
        ("bn.running_var", "bn", "moving_variance"),
        ("conv1/kernel:0", "conv1", "kernel"),
        ("conv1_moving_mean", "conv1", "moving_mean"),
        ("a.W", "a", "kernel"),
        ("W1", "1", "kernel"),
        ("b_2", "2", "bias"),
        ("rnn.weight_hh_l1", "rnn/l1", "recurrent_kernel"),
        ("rnn.weight_ih_l0_reverse", "rnn/l0_reverse", "kernel"),
        ("weight", "", "kernel"),
    ],
)
def test_what_names_say(name: str, module: str, role: str) -> None:
    assert said(name).module == module
    assert role in said(name).roles


def test_two_biases_of_a_cell_are_one_item() -> None:
    names = ["l.weight_ih_l0", "l.weight_hh_l0", "l.bias_ih_l0", "l.bias_hh_l0"]
    (source,) = sources(names)
    assert [item.names for item in source.items] == [(names[0],), (names[1],), (names[2], names[3])]
    (source,) = sources(sorted(names))
    assert source.items[0].names == (names[2], names[3]), "the input bias comes first"


def dense(*names: str, wide: int = 4) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.{what}": (wide, wide)[: 2 if what == "weight" else 1] for name in names for what in ("weight", "bias")
    }


def filled(model: Any, foreign: Foreign) -> dict[str, tuple[str, ...]]:
    return {layer.scope: layer.sources for layer in fill(model, foreign).layers if layer.sources}


def test_names_decide_where_they_are_the_scopes() -> None:
    foreign = of_shapes(dense("top", "low", "mid"))
    assert filled(chain(low=4, mid=4, top=4), foreign) == {
        name: (f"{name}.weight", f"{name}.bias") for name in ("low", "mid", "top")
    }


def test_an_array_too_many_in_a_module_is_not_passed_over() -> None:
    shapes = dense("low", "top") | {"low.kernel_scale": (4,)}
    with pytest.raises(ZooError, match=r"in the file: low.kernel_scale \[4\]"):
        fill(chain(low=4, top=4), of_shapes(shapes))
    shapes = {"low/kernel": (4, 4), "low/bias": (4,), "low/gamma": (4,)}
    with pytest.raises(ZooError, match=r"in the file: low/gamma \[4\]"):
        fill(chain(low=4), of_shapes(shapes, "keras"))


def test_shapes_decide_whatever_the_order() -> None:
    foreign = of_shapes({"z.weight": (2, 3), "z.bias": (2,), "a.weight": (3, 4), "a.bias": (3,)})
    assert filled(chain(one=3, two=2), foreign) == {"one": ("a.weight", "a.bias"), "two": ("z.weight", "z.bias")}


def test_a_numbered_chain_goes_in_its_order() -> None:
    names = [f"net.{number}" for number in (0, 2, 4, 10)]
    found = filled(chain(a=4, b=4, c=4, d=4), of_shapes(dense(*names)))
    assert list(found.values()) == [(f"{name}.weight", f"{name}.bias") for name in names]


def test_numbered_parents_go_in_their_order() -> None:
    found = filled(chain(a=4, b=4), of_shapes(dense("block1.z.fc", "block2.y.fc")))
    assert list(found.values()) == [(f"{name}.weight", f"{name}.bias") for name in ("block1.z.fc", "block2.y.fc")]


def test_normalisations_of_another_depth_follow_their_kernels() -> None:
    norm = {"weight": (4,), "bias": (4,), "running_mean": (4,), "running_var": (4,)}
    shapes: dict[str, tuple[int, ...]] = {"conv0.weight": (4, 3, 1, 1)}
    shapes |= {f"bn0.{name}": one for name, one in norm.items()} | {"blocks.0.conv1.weight": (4, 4, 2, 2)}
    shapes |= {f"blocks.0.bn1.{name}": one for name, one in norm.items()}
    model = sequential(
        keras.Input((4, 4, 3)), L.Conv2D(4, 1, use_bias=False, name="a"), L.BatchNormalization(name="b"),
        L.Conv2D(4, 2, use_bias=False, name="c"), L.BatchNormalization(name="d"),
    )  # fmt: skip
    found = filled(model, of_shapes(shapes))
    assert found["b"][0] == "bn0.weight"
    assert found["d"][0] == "blocks.0.bn1.weight"


REFUSED: list[tuple[str, dict[str, tuple[int, ...]], str]] = [
    ("numbers against the order", dense("fc2", "fc1"), "fc2 comes before fc1 in the file, against their numbers"),
    ("names that say no order", dense("decoder", "encoder"), "decoder and encoder could change places, and neither"),
    ("a sorted file", dict(sorted(dense("x.decoder", "y.encoder").items())), "x/decoder and y/encoder could change"),
    ("parents that say no order", dense("decoder.fc", "encoder.fc"), "decoder/fc and encoder/fc could change places"),
    ("parents of another depth", dense("head", "encoder.fc"), "head and encoder/fc could change places"),
    ("parents with numbers, backwards", dense("block2.fc", "block1.fc"), "block2/fc comes before block1/fc"),
    ("one too many", dense("fc1", "fc2", "fc3"), "another number of modules"),
    ("one too few", dense("fc1"), "another number of modules"),
    ("shapes that do not fit", dense("fc1") | dense("fc2", wide=5), "the shapes do not fit from fc2 on"),
    ("a missing bias", {"fc1.weight": (4, 4), **dense("fc2")}, "the shapes do not fit from fc1 on"),
]  # fmt: skip


@pytest.mark.parametrize(("shapes", "why"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_no_proof_is_refused(shapes: dict[str, tuple[int, ...]], why: str) -> None:
    model = chain(one=4, two=4)
    before = model.get_weights()
    with pytest.raises(ZooError) as caught:
        fill(model, of_shapes(shapes))
    assert "names and shapes do not say by themselves which arrays go where" in caught.value.message
    assert why in caught.value.message
    assert all(np.array_equal(was, now) for was, now in zip(before, model.get_weights(), strict=True))


def branches() -> Any:
    """Two convolutions of one shape beside each other, as in a residual block with a projection."""
    image = keras.Input((4, 4, 4))
    x = L.Conv2D(4, 1, name="main")(image)
    y = L.Conv2D(4, 1, name="side")(image)
    return keras.Model(image, L.Add()([x, y]))


def test_parallel_branches_of_one_shape_go_two_ways() -> None:
    convs = {"c.0.weight": (4, 4, 1, 1), "c.0.bias": (4,), "c.1.weight": (4, 4, 1, 1), "c.1.bias": (4,)}
    with pytest.raises(ZooError) as caught:
        fill(branches(), of_shapes(convs))
    assert "more than one order of the layers fits" in caught.value.message
    assert "in the file: c.0.weight [4, 4, 1, 1], c.0.bias [4], c.1.weight" in caught.value.message
    assert "in the model: main/kernel [1, 1, 4, 4], main/bias [4], side/kernel" in caught.value.message


def test_the_guess_in_the_hint_are_rules_that_work() -> None:
    convs = {"c.0.weight": (4, 4, 1, 1), "c.0.bias": (4,), "c.1.weight": (4, 4, 1, 1), "c.1.bias": (4,)}
    with pytest.raises(ZooError) as caught:
        fill(branches(), of_shapes(convs))
    head, _, rules = caught.value.hint.partition("\n")
    assert "--map RULES" in head
    imported = fill(branches(), of_shapes(convs), parse(rules))
    assert {source for layer in imported.layers for source in layer.sources} == set(convs)


GUESSED: list[tuple[str, dict[str, tuple[int, ...]], str]] = [
    (
        "of another shape",
        dense("fc1") | dense("fc2", wide=5),
        "one/kernel, fc1.weight\none/bias, fc1.bias\n"
        "# another shape: fc2.weight [5, 5], two/kernel [4, 4]\ntwo/kernel, fc2.weight\n"
        "# another shape: fc2.bias [5], two/bias [4]\ntwo/bias, fc2.bias",
    ),
    (
        "one too many",
        dense("fc1", "fc2", "fc3"),
        "one/kernel, fc1.weight\none/bias, fc1.bias\ntwo/kernel, fc2.weight\ntwo/bias, fc2.bias\n"
        "# for these there is no layer:\n, fc3.weight\n, fc3.bias",
    ),
    (
        "one too few",
        dense("fc1"),
        "one/kernel, fc1.weight\none/bias, fc1.bias\n# nothing is left for two/kernel, two/bias",
    ),
]


@pytest.mark.parametrize(("shapes", "lines"), [case[1:] for case in GUESSED], ids=[case[0] for case in GUESSED])
def test_a_guess_has_a_rule_for_each_name(shapes: dict[str, tuple[int, ...]], lines: str) -> None:
    rules = [line if line[0] == "#" else _rule(*line.split(", ")) for line in lines.split("\n")]
    with pytest.raises(ZooError) as caught:
        fill(chain(one=4, two=4), of_shapes(shapes))
    head, _, guessed = caught.value.hint.partition("\n")
    assert head == "write rules, 'regex = scope/weight', and give them by --map RULES; a guess to correct:"
    assert guessed.split("\n") == rules
    parse(guessed)


def _rule(target: str, name: str) -> str:
    return f"{re.escape(name)} = {target}".rstrip()


def test_where_nothing_fits_the_hint_shows_what_a_rule_is() -> None:
    with pytest.raises(ZooError) as caught:
        fill(chain(one=4, two=4), of_shapes({"conv.weight": (8, 3, 3, 3), "bn.weight": (8,), "bn.bias": (8,)}))
    assert caught.value.hint == (
        "write rules, 'regex = scope/weight', and give them by --map RULES; no array fits a weight, so perhaps it is "
        "another architecture. A rule looks so:\nconv\\.weight = one/kernel"
    )


def test_a_projection_of_another_shape_goes_wherever_the_file_has_it() -> None:
    """As in torchvision's ResNet: `downsample` is defined last and runs beside the rest."""
    image = keras.Input((4, 4, 4))
    side = L.Conv2D(8, 1, use_bias=False, name="side")(image)
    x = L.Conv2D(8, 3, padding="same", use_bias=False, name="first")(image)
    x = L.Conv2D(8, 3, padding="same", use_bias=False, name="second")(x)
    model = keras.Model(image, L.Add()([side, x]))
    shapes = {"conv1.weight": (8, 4, 3, 3), "conv2.weight": (8, 8, 3, 3), "downsample.0.weight": (8, 4, 1, 1)}
    assert filled(model, of_shapes(shapes)) == {
        "side": ("downsample.0.weight",), "first": ("conv1.weight",), "second": ("conv2.weight",)
    }  # fmt: skip


def test_both_ways_of_a_bidirectional_layer_are_told_by_their_names() -> None:
    model = sequential(keras.Input((3, 4)), L.Bidirectional(L.LSTM(4, use_bias=False), name="bi"))
    shapes = {f"r.weight_{gate}_l0{way}": (16, 4) for way in ("", "_reverse") for gate in ("ih", "hh")}
    foreign = of_shapes(shapes)
    fill(model, foreign)
    held = dict(zip(shapes, model.get_weights(), strict=True))
    assert all(np.array_equal(array, foreign.load(name).T) for name, array in held.items())


def test_numbered_arrays_of_keras_are_in_its_order() -> None:
    model = sequential(keras.Input((4,)), L.BatchNormalization(name="bn"))
    arrays = {f"bn/vars/{number}": np.full(4, number + 1) for number in range(4)}
    fill(model, of_arrays(arrays, "keras"))
    assert [int(array[0]) for array in model.get_weights()] == [1, 2, 3, 4]
    with pytest.raises(ZooError, match="do not fit from bn/vars on"):
        fill(sequential(keras.Input((4,)), L.BatchNormalization()), of_arrays(arrays, "numpy"))


def test_counters_of_batches_and_a_normalization_are_left_alone() -> None:
    model = sequential(
        keras.Input((4,)), L.Normalization(mean=1.0, variance=4.0), L.Normalization(name="n"), L.Dense(2)
    )
    imported = fill(model, of_shapes({"fc.weight": (2, 4), "fc.bias": (2,), "bn.num_batches_tracked": ()}))
    assert imported.unmapped == {"bn.num_batches_tracked": "counts batches, which Keras does not"}
    assert imported.random == ()
    assert "the file has nothing for n/mean, n/variance" in imported.notes[-1]
    shapes = {"n/mean": (4,), "n/variance": (4,), "n/count": (), "d/kernel": (4, 2), "d/bias": (2,)}
    model = sequential(keras.Input((4,)), L.Normalization(name="n"), L.Dense(2, name="d"))
    imported = fill(model, of_shapes(shapes, "keras"))
    assert imported.layers[0].sources == ("n/mean", "n/variance", "n/count"), "unless the file has their numbers"


def test_layers_inside_a_model_inside_are_found_in_their_order() -> None:
    inner = keras.Sequential([keras.Input((4,)), L.Dense(4, name="a"), L.Dense(4, name="b")], name="inner")
    x = keras.Input((4,))
    model = keras.Model(x, L.Dense(4, name="c")(inner(L.Dense(4, name="z")(x))))
    found = modules(model)
    assert [module.scope for module in found] == ["z", "inner/a", "inner/b", "c"]
    assert [len(module.after) for module in found] == [0, 1, 2, 3]
    names = [f"m.{number}" for number in range(4)]
    foreign = of_shapes(dense(*names))
    fill(model, foreign)
    assert np.array_equal(inner.get_layer("b").get_weights()[0], foreign.load("m.2.weight").T)
