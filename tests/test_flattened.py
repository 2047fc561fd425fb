"""Maps that PyTorch flattens as (c, h, w): followed through every boundary to the Dense that reads them, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from foreign_nets import of_arrays

from registry.errors import ZooError
from transfer.weights.fill import fill
from transfer.weights.layouts.flow import SAME, Order, map_of, permuted, reshaped

L = keras.layers
DRAWS = np.random.default_rng(0)
ARRAYS = {
    "conv.weight": DRAWS.standard_normal((4, 1, 1, 1)).astype(np.float32),
    "fc.weight": DRAWS.standard_normal((3, 16)).astype(np.float32),
}
IMAGES = DRAWS.standard_normal((2, 2, 2, 1)).astype(np.float32)
Between = Callable[[Any], Any]


def conv() -> Any:
    return L.Conv2D(4, 1, use_bias=False, name="conv")


def dense() -> Any:
    return L.Dense(3, use_bias=False, name="fc")


def net(between: Between) -> Any:
    image = keras.Input((2, 2, 1))
    return keras.Model(image, dense()(between(conv()(image))))


def nested_head() -> Any:
    head = keras.Sequential([keras.Input((16,)), dense()], name="head")
    image = keras.Input((2, 2, 1))
    return keras.Model(image, head(L.Flatten()(conv()(image))))


def nested_flatten() -> Any:
    inner = keras.Input((2, 2, 1))
    features = keras.Model(inner, L.Flatten()(conv()(inner)), name="features")
    image = keras.Input((2, 2, 1))
    return keras.Model(image, dense()(features(image)))


def shared_flatten() -> Any:
    """A model inside that is called twice: each call passes its own input's order on."""
    inner = keras.Input((16,))
    noise = keras.Model(inner, L.GaussianNoise(0.1)(inner), name="noise")
    image, plain = keras.Input((2, 2, 1)), keras.Input((16,))
    flat, other = noise(L.Flatten()(conv()(image))), noise(plain)
    return keras.Model([image, plain], [dense()(flat), L.Identity()(other)])


def theirs() -> np.ndarray[Any, Any]:
    maps = np.einsum("nhwc,oc->nohw", IMAGES, ARRAYS["conv.weight"][:, :, 0, 0])
    return maps.reshape(len(maps), -1) @ ARRAYS["fc.weight"].T


FOLLOWED: dict[str, Callable[[], Any]] = {
    "plain": lambda: net(lambda x: L.Flatten()(x)),
    "a head inside": nested_head,
    "flattened inside": nested_flatten,
    "a model inside called twice": shared_flatten,
    "identity": lambda: net(lambda x: L.Identity()(L.Flatten()(x))),
    "noise": lambda: net(lambda x: L.GaussianNoise(0.1)(L.Flatten()(x))),
    "an operation": lambda: net(lambda x: keras.ops.add(L.Flatten()(x), 0.0)),
    "regularised": lambda: net(lambda x: L.ActivityRegularization(0.1)(L.Flatten()(x))),
    "reshaped": lambda: net(lambda x: L.Reshape((-1,))(x)),
    "channels put first": lambda: net(lambda x: L.Flatten()(L.Permute((3, 1, 2))(x))),
    "transposed to channels first": lambda: net(lambda x: L.Flatten()(keras.ops.transpose(x, (0, 3, 1, 2)))),
    "permuted there and back": lambda: net(lambda x: L.Flatten()(L.Permute((2, 3, 1))(L.Permute((3, 1, 2))(x)))),
    "channels first, then unknown": lambda: net(
        lambda x: L.Lambda(lambda y: y, output_shape=(16,))(L.Flatten()(L.Permute((3, 1, 2))(x)))
    ),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_the_order_is_followed(case: str) -> None:
    model = FOLLOWED[case]()
    fill(model, of_arrays(ARRAYS, "torch"))
    ours = model([IMAGES, np.zeros((2, 16))])[0] if len(model.inputs) > 1 else model(IMAGES)
    assert np.abs(np.asarray(ours) - theirs()).max() < 1e-5


class Unknown(L.Layer):  # type: ignore[misc]
    """Nobody knows what it does."""

    def call(self, x: Any) -> Any:
        return x


REFUSED: dict[str, tuple[Between, str]] = {
    "unknown after": (lambda x: Unknown(name="odd")(L.Flatten()(x)), "through odd"),
    "unknown before": (lambda x: L.Flatten()(Unknown(name="odd")(x)), "through odd"),
    "a lambda": (lambda x: L.Lambda(lambda y: y, output_shape=(16,), name="odd")(L.Flatten()(x)), "through odd"),
    "a reversed vector": (lambda x: keras.ops.flip(L.Flatten()(x), 1), "through flip"),
    "turned on its side": (lambda x: L.Flatten()(L.Permute((2, 1, 3), name="odd")(x)), "through flatten"),
    "tokens": (lambda x: L.Flatten()(L.Reshape((4, 4), name="odd")(x)), "through odd"),
    "a sum with something else": (
        lambda x: L.Add(name="odd")([L.Flatten()(x), L.Dense(16, use_bias=False, name="more")(L.Flatten()(x))]),
        "through odd",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_is_refused_and_may_be_left_out(case: str) -> None:
    between, why = REFUSED[case]
    arrays = dict(ARRAYS)
    if "sum" in case:
        arrays = {"conv.weight": arrays["conv.weight"], "more.weight": np.ones((16, 16), np.float32), **arrays}
    with pytest.raises(ZooError, match="it is not known in which order fc/kernel has its numbers") as caught:
        fill(net(between), of_arrays(arrays, "torch"))
    assert why in caught.value.message
    assert "Permute((3, 1, 2)) before the Flatten" in caught.value.message
    assert "--allow-partial 'fc/kernel'" in caught.value.hint
    imported = fill(net(between), of_arrays(arrays, "torch"), allow_partial=["fc/kernel", r"fc\.weight"])
    assert imported.random == ("fc/kernel",)


def test_rows_of_a_map_as_steps_of_a_sequence_are_refused_for_recurrent_layers() -> None:
    """As in a CRNN: (h, w, c) -> w steps of h*c numbers, which PyTorch has as c*h."""
    image = keras.Input((2, 2, 1))
    x = L.Reshape((2, 8), name="steps")(L.Permute((2, 1, 3))(conv()(image)))
    model = keras.Model(image, L.SimpleRNN(3, use_bias=False, name="rnn")(x))
    arrays = {"conv.weight": ARRAYS["conv.weight"]}
    arrays |= {"rnn.weight_ih_l0": np.ones((3, 8), np.float32), "rnn.weight_hh_l0": np.ones((3, 3), np.float32)}
    with pytest.raises(ZooError, match=r"which order .*kernel has its numbers: it may read a map through steps"):
        fill(model, of_arrays(arrays, "torch"))


def test_flattening_step_by_step_is_refused() -> None:
    frames = keras.Input((3, 2, 2, 4))
    x = L.TimeDistributed(L.Flatten(), name="each")(frames)
    model = keras.Model(frames, L.Dense(3, use_bias=False, name="fc")(x))
    with pytest.raises(ZooError, match="order fc/kernel has its numbers: it may read a map through each"):
        fill(model, of_arrays({"fc.weight": ARRAYS["fc.weight"]}, "torch"))


def generator(*reshape: Any) -> Any:
    noise = keras.Input((5,))
    x = L.ReLU()(L.Dense(16, use_bias=False, name="fc")(noise))
    for layer in reshape:
        x = layer(x)
    return keras.Model(noise, L.Conv2D(1, 1, use_bias=False, name="conv")(x))


def test_a_dense_layer_that_makes_a_map_is_refused_unless_it_makes_it_as_pytorch_does() -> None:
    arrays = {"fc.weight": DRAWS.standard_normal((16, 5)).astype(np.float32)}
    arrays["conv.weight"] = DRAWS.standard_normal((1, 4, 1, 1)).astype(np.float32)
    with pytest.raises(ZooError, match="fc/kernel has its numbers: its outputs become a map in raise") as caught:
        fill(generator(L.Reshape((2, 2, 4), name="raise")), of_arrays(arrays, "torch"))
    assert "Reshape((c, h, w)) and Permute((2, 3, 1))" in caught.value.message
    model = generator(L.Reshape((4, 2, 2)), L.Permute((2, 3, 1)))
    fill(model, of_arrays(arrays, "torch"))
    noise = DRAWS.standard_normal((2, 5)).astype(np.float32)
    maps = np.maximum(noise @ arrays["fc.weight"].T, 0).reshape(2, 4, 2, 2)
    expected = np.einsum("nchw,oc->nhwo", maps, arrays["conv.weight"][:, :, 0, 0])
    assert np.abs(np.asarray(model(noise)) - expected).max() < 1e-5


def test_keras_arrays_are_never_in_doubt() -> None:
    arrays = {"conv/kernel": np.ones((1, 1, 1, 4), np.float32), "fc/kernel": np.ones((16, 3), np.float32)}
    assert fill(net(REFUSED["unknown after"][0]), of_arrays(arrays, "keras")).random == ()


def test_shapes_are_followed() -> None:
    last = map_of(3)
    assert permuted(last, (3, 1, 2), "p") == map_of(3, first=True)
    assert permuted(permuted(last, (3, 1, 2), "p"), (2, 3, 1), "p") == last
    assert reshaped(last, (2, 2, 4), (16,), "r").rows == ((2, 2, 4),)
    assert reshaped(map_of(3, first=True), (4, 2, 2), (16,), "r") == SAME
    assert reshaped(last, (2, 2, 4), (4, 4), "r").order is Order.LOST
    assert reshaped(last, (2, 2, 4), (2, 8), "r").order is Order.DOUBT
    assert reshaped(permuted(last, (2, 3, 1), "p"), (2, 4, 2), (2, 8), "r") == SAME  # w steps of (c, h)
