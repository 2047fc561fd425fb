from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import chain

from registry.errors import ZooError
from transfer.backbone import describe, layer_of
from transfer.plan import Top, choose
from transfer.student import Student


def student(source: Any, reuse: str, top: Top = Top(dropout=0.0), classes: int = 3) -> Student:  # noqa: B008
    return Student(source, choose(describe(source), reuse, "hidden1" if reuse == ".*" else None), top, classes)


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
