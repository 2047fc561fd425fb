"""Foreign weights into a model: nothing is missing, left over or misshapen, or one error says what is."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from foreign_nets import chain, of_arrays, of_shapes, sequential

from registry.errors import ZooError
from transfer.weights.fill import fill
from transfer.weights.foreign import Foreign
from transfer.weights.matching.rules import parse

L = keras.layers
RULES = parse("fc(\\d)\\.(.*) = d\\1/\\2\nhead\\.(.*) = top/\\1\n")
SHAPES = {
    "fc1.weight": (3, 4),
    "fc1.bias": (3,),
    "fc2.weight": (3, 3),
    "fc2.bias": (3,),
    "head.weight": (2, 3),
    "head.bias": (2,),
}


def model() -> Any:
    return chain(d1=3, d2=3, top=2)


def refused(net: Any, foreign: Foreign, **options: Any) -> ZooError:
    """Return the error that an import ends in, after a look at whether the model is as it was."""
    before = net.get_weights()
    with pytest.raises(ZooError) as caught:
        fill(net, foreign, **options)
    assert all(np.array_equal(was, now) for was, now in zip(before, net.get_weights(), strict=True))
    return caught.value


def test_the_account_says_where_every_weight_came_from() -> None:
    seen: list[tuple[str, int, int]] = []
    foreign = of_shapes(SHAPES)
    imported = fill(
        model(), foreign, RULES, watch=lambda stage, done, total, note="": seen.append((stage, done, total))
    )
    assert [(layer.scope, layer.type, layer.sources, layer.parameters) for layer in imported.layers] == [
        ("d1", "Dense", ("fc1.weight", "fc1.bias"), 15),
        ("d2", "Dense", ("fc2.weight", "fc2.bias"), 12),
        ("top", "Dense", ("head.weight", "head.bias"), 8),
    ]
    assert imported.format == "test"
    assert imported.notes == ("3 dense kernels: OI -> IO",)
    assert imported.random == ()
    assert imported.max_rel_difference is None
    assert seen[0] == ("weights", 0, 6)
    assert seen[-1] == ("weights", 6, 6)
    for name, array in zip(SHAPES, imported.model.get_weights(), strict=True):
        assert np.array_equal(array, foreign.load(name).T)


def test_both_sides_are_listed_when_names_do_not_fit() -> None:
    shapes = {name: shape for name, shape in SHAPES.items() if name != "head.bias"}
    shapes |= {"extra.weight": (9, 9), "head.scale": (2,), "fc2.weight": (5, 5)}
    error = refused(model(), of_shapes(shapes), rules=RULES)
    assert error.message == (
        "the test weights do not fill the model: 1 of its weights get nothing, 2 names of the file go nowhere, "
        "1 have another shape\n"
        "get nothing: top/bias\n"
        "go nowhere: extra.weight, head.scale -> top/scale\n"
        "of another shape: d2/kernel [3, 3] wants [3, 3], got fc2.weight [5, 5]"
    )
    assert "--allow-partial 'top'" in error.hint


SPARED = [
    ({"fc2.weight": (5, 5)}, "d2"),
    ({"extra.weight": (9, 9)}, "extra"),
    ({"a.b.extra": (9, 9)}, "a\\.b"),
    ({"extra": (9, 9)}, "extra"),
]


@pytest.mark.parametrize(("shapes", "example"), SPARED)
def test_the_hint_names_what_is_there(shapes: dict[str, tuple[int, ...]], example: str) -> None:
    found = of_shapes(SHAPES | shapes)
    assert refused(model(), found, rules=RULES).hint == (
        f"correct the rules, or name what may stay as it is: --allow-partial '{example}'"
    )
    fill(model(), found, rules=RULES, allow_partial=[example])


def test_twenty_names_a_side_are_enough() -> None:
    shapes = {f"x{number}.weight": (1,) for number in range(25)}
    rules = parse("x1.weight = nowhere/kernel")
    error = refused(chain(**{f"d{number}": 2 for number in range(13)}), of_shapes(shapes), rules=rules)
    assert "26 of its weights get nothing, 25 names of the file go nowhere" in error.message
    assert "d9/bias and 6 more" in error.message
    assert "x19.weight and 5 more" in error.message


def test_exceptions_stay_as_they_were_and_are_named() -> None:
    shapes = {name: shape for name, shape in SHAPES.items() if "head" not in name}
    shapes |= {"head.weight": (1000, 3), "head.bias": (1000,), "aux.weight": (7, 7)}
    net = model()
    top = net.get_layer("top").get_weights()
    imported = fill(net, of_shapes(shapes), RULES, ["top", "aux"])
    assert imported.random == ("top/kernel", "top/bias")
    assert imported.unmapped == {
        "aux.weight": "left out by --allow-partial",
        "head.weight": "left out by --allow-partial: top/kernel has another shape",
        "head.bias": "left out by --allow-partial: top/bias has another shape",
    }
    assert imported.notes[-1] == (
        "the file has nothing for top/kernel, top/bias: these 2 weights keep the values that they have in the "
        "architecture, random where it was never trained"
    )
    assert all(np.array_equal(was, now) for was, now in zip(top, net.get_layer("top").get_weights(), strict=True))


def test_exceptions_are_left_out_before_names_are_aligned() -> None:
    shapes = SHAPES | {"head.weight": (1000, 3), "head.bias": (1000,)}
    imported = fill(model(), of_shapes(shapes), allow_partial=["head", "top/.*"])
    assert imported.random == ("top/kernel", "top/bias")
    assert imported.layers[1].sources == ("fc2.weight", "fc2.bias")
    missing = {name: shape for name, shape in SHAPES.items() if "head" not in name}
    assert "another number of modules" in refused(model(), of_shapes(missing)).message


def test_rules_drop_names() -> None:
    rules = parse("fc(\\d)\\.(.*) = d\\1/\\2\nhead\\.(.*) = top/\\1\naux.* =")
    imported = fill(model(), of_shapes(SHAPES | {"aux.x": (1,), "bn.num_batches_tracked": ()}), rules)
    assert imported.unmapped == {
        "aux.x": "dropped by the rule aux.* =",
        "bn.num_batches_tracked": "counts batches, which Keras does not",
    }


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_are_refused(wrong: float) -> None:
    arrays = {name: np.ones(shape) for name, shape in SHAPES.items()}
    arrays["fc2.bias"][1] = wrong
    with pytest.raises(ZooError) as caught:
        fill(model(), of_arrays(arrays, "torch"), RULES)
    assert caught.value.message == "1 of the 3 numbers for d2/bias are not finite as float32 (from fc2.bias)"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4, np.float32), "the array fc1.bias is \\[4\\]; the file says \\[3\\]"),
        (np.array(["a", "b", "c"]), "the array fc1.bias holds <U1; expected real numbers"),
        (np.array([None, 1, 2]), "the array fc1.bias holds object; expected real numbers"),
        (np.zeros(3, np.complex64), "the array fc1.bias holds complex64; expected real numbers"),
    ],
)
def test_arrays_that_are_not_what_the_file_said(array: Any, message: str) -> None:
    good = of_shapes(SHAPES)
    foreign = Foreign("test", "torch", good.shapes, lambda name: array if name == "fc1.bias" else good.load(name))
    with pytest.raises(ZooError, match=message):
        fill(model(), foreign, RULES)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "uint8", "bool"])
def test_other_types_become_the_weights_own(dtype: str) -> None:
    arrays = {name: np.ones(shape, dtype) for name, shape in SHAPES.items()}
    imported = fill(model(), of_arrays(arrays, "torch"), RULES)
    assert {str(array.dtype) for array in imported.model.get_weights()} == {"float32"}
    assert all((array == 1).all() for array in imported.model.get_weights())


def test_bfloat16_is_read() -> None:
    import ml_dtypes

    arrays = {name: np.full(shape, 1.5, ml_dtypes.bfloat16) for name, shape in SHAPES.items()}
    imported = fill(model(), of_arrays(arrays, "torch"), RULES)
    assert all((array == 1.5).all() for array in imported.model.get_weights())


def test_what_the_weights_do_not_say_is_said() -> None:
    net = sequential(
        keras.Input((8, 8, 3)), L.Conv2D(2, 3, 2, padding="same", name="c"), L.BatchNormalization(name="bn"),
        L.BatchNormalization(epsilon=1e-5, name="fine"), L.Conv2D(2, 3, padding="same", name="even"),
        L.MaxPooling2D(2, padding="same", name="whole"), L.MaxPooling2D(3, 1, padding="same", name="dense"),
        L.MaxPooling2D(3, 2, padding="same", name="m"), L.AveragePooling2D(2, 2, padding="same", name="a"),
    )  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {}
    for number, kernel in ((0, (2, 3, 3, 3)), (3, (2, 2, 3, 3))):
        shapes |= {f"{number}.weight": kernel, f"{number}.bias": (2,)}
    bn = {f"{n}.{name}": (2,) for n in (1, 2) for name in ("weight", "bias", "running_mean", "running_var")}
    foreign = of_shapes(dict(sorted((shapes | bn).items(), key=lambda item: int(item[0][0]))))
    notes = fill(net, foreign).notes
    assert any(
        note.startswith("1 normalisation layers add 1e-3 to the variance, Keras's default (bn)") for note in notes
    )
    assert any(note.startswith("1 strided convolutions pad 'same', which adds more at the end (c)") for note in notes)
    assert any(note.startswith("2 strided poolings pad 'same', which adds more at the end (m, a)") for note in notes)
    keras_names = {
        f"{layer.name}/{weight.name}": tuple(weight.shape) for layer in net.layers for weight in layer.weights
    }
    assert fill(net, of_shapes(keras_names, "keras")).notes == ()


def test_a_sequential_model_comes_out_functional() -> None:
    net = keras.Sequential([keras.Input((4,)), L.Dense(3, name="d")])
    imported = fill(net, of_shapes({"d.weight": (3, 4), "d.bias": (3,)}))
    assert type(imported.model) is not keras.Sequential
    assert imported.model.layers[-1] is net.layers[-1]


def test_shared_layers_and_several_inputs_are_filled_once() -> None:
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    shared = L.Dense(4, name="shared")
    net = keras.Model([one, two], L.Dense(1, name="top")(L.Add()([shared(one), shared(two)])))
    shapes = {"a.weight": (4, 4), "a.bias": (4,), "b.weight": (1, 4), "b.bias": (1,)}
    imported = fill(net, of_shapes(shapes))
    assert {layer.scope: layer.sources for layer in imported.layers if layer.sources} == {
        "shared": ("a.weight", "a.bias"),
        "top": ("b.weight", "b.bias"),
    }


def test_a_great_many_strange_names_are_refused_at_once() -> None:
    shapes = {f"strange{number}.weight": (2, 2) for number in range(200_000)}
    error = refused(model(), Foreign("test", "torch", shapes, lambda name: np.zeros((2, 2))))
    assert error.message == "the file has 200,000 arrays and the model 6 weights: there is nothing to align"
    few = dict(list(shapes.items())[:1_000])
    assert (
        "another number of modules"
        in refused(model(), Foreign("test", "torch", few, lambda name: np.zeros((2, 2)))).message
    )
