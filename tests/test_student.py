from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import chain

from registry.errors import ZooError
from transfer.backbone import describe, layer_of
from transfer.data.target import Target
from transfer.plan.selection import choose
from transfer.plan.top import Top
from transfer.student import Student


def student(source: Any, reuse: str, top: Top = Top(dropout=0.0), classes: int = 3) -> Student:  # noqa: B008
    target = Target("class", tuple(map(str, range(classes))))
    return Student(source, choose(describe(source), reuse, "hidden1" if reuse == ".*" else None), top, target)


def same(a: Any, b: Any, scope: str) -> bool:
    pairs = zip(layer_of(a, scope).get_weights(), layer_of(b, scope).get_weights(), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def test_reused_layers_keep_their_weights_and_no_others() -> None:
    source = chain()
    maker = student(source, "hidden[13]")
    model = maker.build(0, kept=maker.selection.reused)
    assert [same(source, model, f"hidden{number}") for number in (1, 2, 3)] == [True, False, True]
    assert layer_of(model, "outputs").units == 3
    assert model.output_shape == (None, 3)


def test_the_source_is_left_as_it_was() -> None:
    source = chain()
    before = source.get_weights()
    maker = student(source, "hidden1")
    model = maker.build(0, kept=maker.selection.reused)
    model.set_weights([weight * 0 for weight in model.get_weights()])
    assert all(np.array_equal(a, b) for a, b in zip(before, source.get_weights(), strict=True))


def test_from_scratch_keeps_nothing_and_has_the_same_shape() -> None:
    source = chain()
    maker = student(source, "hidden[12]", Top(dropout=0.3))
    reused, scratch = maker.build(0, kept=maker.selection.reused), maker.build(0, kept=())
    assert describe(reused) == describe(scratch)
    assert not any(same(source, scratch, f"hidden{number}") for number in (1, 2, 3))
    assert same(reused, scratch, "hidden3"), "a layer's fresh weights depend on its scope and the seed alone"


def test_seeds() -> None:
    maker = student(chain(), "hidden1")
    one, again, other = (maker.build(seed, kept=()) for seed in (1, 1, 2))
    assert same(one, again, "hidden2")
    assert not same(one, other, "hidden2")


def test_dropout_stands_before_each_new_dense_layer() -> None:
    maker = student(chain(), "hidden[12]", Top(dropout=0.25))
    layers = describe(maker.build(0, kept=()))
    assert [layer.name for layer in layers] == [
        "X", "hidden1", "hidden2", "hidden3/dropout", "hidden3", "outputs/dropout", "outputs",
    ]  # fmt: skip


def test_a_students_own_dropout_is_not_doubled() -> None:
    first = student(chain(), "hidden1", Top(dropout=0.25)).build(0, kept=())
    second = student(first, "hidden1", Top(dropout=0.5)).build(0, kept=())
    assert [layer.name for layer in describe(second)] == [layer.name for layer in describe(first)]
    assert layer_of(second, "outputs/dropout").rate == 0.5


def test_a_new_top_replaces_everything_above() -> None:
    maker = student(chain(), "hidden[12]", Top(units=(9, 4), activation="relu", dropout=0.0, batch_norm=True))
    model = maker.build(0, kept=maker.selection.reused)
    assert [layer.name for layer in describe(model)] == [
        "X", "hidden1", "hidden2", "top1", "top1/batch_norm", "top2", "top2/batch_norm", "outputs",
    ]  # fmt: skip
    assert layer_of(model, "top1").activation.__name__ == "relu"


def test_a_linear_probe_is_an_empty_top() -> None:
    maker = student(chain(), "hidden[123]", Top(units=(), dropout=0.0))
    assert [layer.name for layer in describe(maker.build(0, kept=()))][-2:] == ["hidden3", "outputs"]


def test_a_new_top_on_images_pools_them() -> None:
    import keras

    x = keras.Input((6, 6, 1), name="X")
    tensor = keras.layers.Conv2D(4, 3, name="conv")(x)
    tensor = keras.layers.ReLU(name="relu")(tensor)
    tensor = keras.layers.Flatten(name="flat")(tensor)
    source = keras.Model(x, keras.layers.Dense(2, name="outputs")(tensor))
    model = student(source, "conv", Top(units=(5,), dropout=0.0)).build(0, kept=("conv",))
    assert [layer.name for layer in describe(model)] == ["X", "conv", "relu", "flat", "top1", "outputs"]
    source = keras.Model(x, keras.layers.Conv2D(2, 4, name="outputs")(source.get_layer("relu").output))
    model = student(source, "conv", Top(units=(5,), dropout=0.0)).build(0, kept=("conv",))
    assert [layer.name for layer in describe(model)] == ["X", "conv", "relu", "pool", "top1", "outputs"]
    with pytest.raises(ZooError, match="the last layer, outputs, is a Conv2D: it cannot be given 3 outputs") as caught:
        student(source, "conv").build(0, kept=())
    assert caught.value.hint.endswith("--top 100")


def test_logits_come_before_a_softmax() -> None:
    import keras

    source = chain()
    source = keras.Model(source.inputs[0], keras.layers.Softmax(name="probabilities")(source.outputs[0]))
    model = student(source, "hidden1").build(0, kept=())
    assert describe(model)[-1].name == "outputs"
    assert layer_of(model, "outputs").activation.__name__ == "linear"


def test_reused_outputs_must_fit_the_classes() -> None:
    maker = student(chain(outputs=3), "hidden3|outputs")
    assert same(maker.source, maker.build(0, kept=maker.selection.reused), "outputs")
    with pytest.raises(ZooError, match="the reused layer outputs has 3 outputs; the data have 5 classes") as caught:
        student(chain(outputs=3), "hidden3|outputs", classes=5).build(0, kept=())
    assert "leave outputs out of --reuse" in caught.value.hint


@pytest.mark.parametrize(
    ("activation", "init", "variance"),
    [
        ("elu", None, 2 / 400), ("relu", None, 2 / 400), ("selu", None, 1 / 400), ("tanh", None, 2 / 800),
        ("tanh", "he", 2 / 400), ("relu", "xavier", 2 / 800), ("relu", "lecun", 1 / 400),
    ],
)  # fmt: skip
def test_fresh_kernels_follow_the_activation(activation: str, init: str | None, variance: float) -> None:
    source = chain((400, 400), width=400)
    maker = student(source, "hidden1", Top(activation=activation, init=init, dropout=0.0))
    kernel = layer_of(maker.build(0, kept=()), "hidden2").get_weights()[0]
    assert kernel.var() == pytest.approx(variance, rel=0.05)


def towers() -> Any:
    """Two inputs, a convolution and a dense tower, which meet in one dense layer."""
    import keras

    a, b = keras.Input((6,), name="A"), keras.Input((8, 2), name="B")
    left = keras.layers.Dense(3, name="left")(a)
    right = keras.layers.Conv1D(4, 3, name="right")(b)
    join = keras.layers.Concatenate(name="join")([left, keras.layers.Flatten(name="flat")(right)])
    return keras.Model([a, b], keras.layers.Dense(2, name="outputs")(keras.layers.Dense(7, name="high")(join)))


@pytest.mark.parametrize(
    ("reuse", "names"),
    [
        ("left|right", ["A", "B", "left", "right", "flat", "join", "top1", "outputs"]),
        ("left", ["A", "left", "top1", "outputs"]),
        ("right", ["B", "right", "flat", "top1", "outputs"]),
    ],
)
def test_a_new_top_stands_on_all_reused_towers_and_needs_only_their_inputs(reuse: str, names: list[str]) -> None:
    source = towers()
    maker = student(source, reuse, Top(units=(5,), dropout=0.0))
    model = maker.build(0, kept=maker.selection.reused)
    assert sorted(layer.name for layer in describe(model)) == sorted(names)
    assert all(same(source, model, scope) for scope in maker.selection.reused)


def test_ends_of_several_shapes_are_pooled_and_laid_side_by_side() -> None:
    import keras

    a, b = keras.Input((6, 6, 2), name="A"), keras.Input((8, 2), name="B")
    left, right = keras.layers.Conv2D(4, 3, name="left")(a), keras.layers.Conv1D(5, 3, name="right")(b)
    whole = keras.layers.Concatenate(name="whole")([keras.layers.Flatten()(left), keras.layers.Flatten()(right)])
    source = keras.Model(
        [a, b], [keras.layers.Dense(2, name="one")(whole), keras.layers.Conv1D(2, 1, name="two")(right)]
    )
    model = student(source, "left|right", Top(units=(), dropout=0.0)).build(0, kept=())
    layers = {layer.name: layer for layer in describe(model)}
    assert [layer.inputs for layer in layers.values() if layer.type == "GlobalAveragePooling1D"] == [("right",)]
    assert layers["outputs"].parameters == (6 - 2) ** 2 * 4 * 3 + 5 * 3 + 3


def test_the_last_convolution_may_give_the_classes() -> None:
    """SqueezeNet's end: a convolution of 1x1, ReLU, the mean over all positions, softmax."""
    import keras

    x = keras.Input((6, 6, 1), name="X")
    tensor = keras.layers.Conv2D(4, 3, name="conv")(x)
    tensor = keras.layers.ReLU(name="relu")(keras.layers.Conv2D(10, 1, name="conv10")(tensor))
    tensor = keras.layers.GlobalAveragePooling2D(name="mean")(tensor)
    source = keras.Model(x, keras.layers.Softmax(name="probabilities")(tensor))
    maker = student(source, "conv", Top(dropout=0.2))
    model = maker.build(0, kept=maker.selection.reused)
    assert [layer.name for layer in describe(model)] == ["X", "conv", "conv10/dropout", "conv10", "mean"]
    assert (model.output_shape, layer_of(model, "conv10").filters) == ((None, 3), 3)
    again = student(model, "conv", classes=5).build(0, kept=())
    assert (again.output_shape, describe(again)[-1].name) == ((None, 5), "mean")
    spread = keras.Model(x, keras.layers.Flatten(name="flat")(source.get_layer("relu").output))
    with pytest.raises(ZooError, match="the last layer, conv10, is a Conv2D: it cannot be given 3 outputs"):
        student(spread, "conv").build(0, kept=())


def test_a_reused_tower_that_the_head_does_not_read_is_no_silent_loss() -> None:
    import keras

    source = towers()
    both = keras.Model(
        source.inputs, [source.outputs[0], keras.layers.Dense(2, name="side")(layer_of(source, "left").output)]
    )
    assert describe(student(both, "left|right").build(0, kept=()))[-1].name == "outputs"
    with pytest.raises(ZooError, match=r"is not clear: the model ends in several: (outputs, side|side, outputs)"):
        student(both, "left").build(0, kept=())
    with pytest.raises(ZooError, match="is not clear: no end of the model reads all of them") as caught:
        student(both, "right|side").build(0, kept=())
    assert caught.value.hint.endswith("--top 100")


def test_every_fresh_weight_depends_on_the_seed_alone() -> None:
    import keras

    layers = keras.layers
    x = keras.Input((4,), dtype="int32", name="X")
    tensor = layers.Embedding(9, 6, name="embedding")(x)
    tensor = layers.Bidirectional(layers.LSTM(5), name="both")(tensor)
    source = keras.Model(x, layers.Dense(3, name="outputs")(tensor))
    maker = student(source, "both")
    one, again, other = (maker.build(seed, kept=()).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert [np.array_equal(a, b) for a, b in zip(one, other, strict=True)].count(True) == 3, "the biases"
    assert not np.array_equal(one[1], one[4]), "forwards and backwards are two layers"


@pytest.mark.parametrize("top", [Top(dropout=0.0), Top(units=(6,), dropout=0.0)], ids=["same", "new"])
def test_numbers_come_in_the_labels_unit(top: Top) -> None:
    source = chain()
    target = Target("number", ("a", "b"), (100.0, -5.0), (30.0, 0.5))
    model = Student(source, choose(describe(source), "hidden1"), top, target).build(0, kept=("hidden1",))
    plain = student(source, "hidden1", top, classes=2).build(0, kept=("hidden1",))
    assert [layer.name for layer in describe(model)] == [*(layer.name for layer in describe(plain)), "unit"]
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    np.testing.assert_allclose(model(x), plain(x).numpy() * [30.0, 0.5] + [100.0, -5.0], rtol=1e-5)
    again = Student(model, choose(describe(model), "hidden1"), Top(dropout=0.0), target).build(0, kept=("hidden1",))
    assert [layer.name for layer in describe(again)].count("unit") == 1
    classes = student(model, "hidden1").build(0, kept=("hidden1",))
    assert "unit" not in [layer.name for layer in describe(classes)]


def test_several_labels_are_a_logit_each() -> None:
    source = chain()
    target = Target("multilabel", ("a", "b"))
    model = Student(source, choose(describe(source), "hidden1"), Top(dropout=0.0), target).build(0, kept=("hidden1",))
    assert (model.output_shape, layer_of(model, "outputs").activation.__name__) == ((None, 2), "linear")
