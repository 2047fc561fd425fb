"""Other frameworks' layouts, gates and flattened maps, turned into Keras's: the same numbers as the original."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from foreign_nets import of_arrays, of_shapes, of_torch, sequential, settle
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.weights.fill import fill
from transfer.weights.layouts.layout import turn, wanted
from transfer.weights.layouts.turn import from_channels_first
from transfer.weights.matching.rules import parse
from transfer.weights.target import Kind, Target

L = keras.layers
Net = Callable[[], Any]
DRAWS = np.random.default_rng(7)


def torch() -> Any:
    return pytest.importorskip("torch")


def nn() -> Any:
    return torch().nn


def moved(array: np.ndarray[Any, Any], channels_first: bool) -> np.ndarray[Any, Any]:
    return np.moveaxis(array, -1, 1) if channels_first else array


def largest_difference(net: Any, model: Any, channels_first: bool) -> float:
    """Run both on the same seeded input and return the largest difference, relative to the largest output."""
    shape = (2, *model.inputs[0].shape[1:])
    x = DRAWS.integers(0, 5, shape) if model.inputs[0].dtype == "int32" else DRAWS.standard_normal(shape, np.float32)
    with torch().no_grad():
        theirs = net(torch().tensor(np.ascontiguousarray(moved(x, channels_first))))
    theirs = (theirs[0] if isinstance(theirs, tuple) else theirs).numpy()
    ours = np.asarray(model(x))
    theirs = np.moveaxis(theirs, 1, -1) if channels_first and theirs.ndim > 2 else theirs
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


MAPS: list[tuple[str, Net, Net, str]] = [
    (
        "conv, batch norm, dense after flatten",
        lambda: nn().Sequential(
            nn().Conv2d(3, 8, 3, bias=False), nn().BatchNorm2d(8), nn().ReLU(), nn().Flatten(), nn().Linear(8 * 16, 5)
        ),
        lambda: sequential(
            keras.Input((6, 6, 3)), L.Conv2D(8, 3, use_bias=False), L.BatchNormalization(epsilon=1e-5), L.ReLU(),
            L.Flatten(), L.Dense(5),
        ),
        "1 dense kernel: OI -> IO, rows CHW -> HWC since it reads a flattened map",
    ),
    (
        "batch norm of a flattened map",
        lambda: nn().Sequential(nn().Conv2d(2, 3, 2), nn().Flatten(), nn().BatchNorm1d(27), nn().Linear(27, 4)),
        lambda: sequential(
            keras.Input((4, 4, 2)), L.Conv2D(3, 2), L.Flatten(), L.BatchNormalization(epsilon=1e-5), L.Dense(4)
        ),
        "4 vectors: CHW -> HWC since it stands for a flattened map",
    ),
    ("groups", lambda: nn().Conv2d(4, 6, 3, groups=2),
     lambda: sequential(keras.Input((5, 5, 4)), L.Conv2D(6, 3, groups=2)), "1 conv kernel: OIHW -> HWIO"),
    ("conv 1d", lambda: nn().Conv1d(4, 6, 3), lambda: sequential(keras.Input((9, 4)), L.Conv1D(6, 3)), "OIW -> WIO"),
    ("conv 3d", lambda: nn().Conv3d(2, 3, 2),
     lambda: sequential(keras.Input((4, 5, 6, 2)), L.Conv3D(3, 2)), "OIDHW -> DHWIO"),
    ("conv 1d flattened", lambda: nn().Sequential(nn().Conv1d(4, 6, 3), nn().Flatten(), nn().Linear(42, 3)),
     lambda: sequential(keras.Input((9, 4)), L.Conv1D(6, 3), L.Flatten(), L.Dense(3)), "rows CHW -> HWC"),
    ("depthwise", lambda: nn().Conv2d(4, 4, 3, groups=4),
     lambda: sequential(keras.Input((5, 5, 4)), L.DepthwiseConv2D(3)), "1 depthwise kernel: C1HW -> HWC1"),
    ("depthwise twice as wide", lambda: nn().Conv2d(4, 8, 3, groups=4),
     lambda: sequential(keras.Input((5, 5, 4)), L.DepthwiseConv2D(3, depth_multiplier=2)), "C1HW -> HWC1"),
    ("transposed", lambda: nn().ConvTranspose2d(3, 5, 3, stride=2),
     lambda: sequential(keras.Input((4, 4, 3)), L.Conv2DTranspose(5, 3, 2)), "1 transposed conv kernel: IOHW -> HWOI"),
    ("transposed 1d", lambda: nn().ConvTranspose1d(3, 5, 3, stride=2),
     lambda: sequential(keras.Input((4, 3)), L.Conv1DTranspose(5, 3, 2)), "IOW -> WOI"),
    ("PReLU", lambda: nn().Sequential(nn().Conv2d(3, 3, 1), nn().PReLU(3)),
     lambda: sequential(keras.Input((4, 4, 3)), L.Conv2D(3, 1), L.PReLU(shared_axes=[1, 2])), "OIHW -> HWIO"),
]  # fmt: skip
SEQUENCES: list[tuple[str, Net, Net, str]] = [
    ("dense", lambda: nn().Linear(4, 4), lambda: sequential(keras.Input((4,)), L.Dense(4)), "OI -> IO"),
    ("layer norm", lambda: nn().LayerNorm(6),
     lambda: sequential(keras.Input((5, 6)), L.LayerNormalization(epsilon=1e-5)), ""),
    ("embedding", lambda: nn().Embedding(5, 3),
     lambda: sequential(keras.Input((4,), dtype="int32"), L.Embedding(5, 3)), ""),
    ("LSTM", lambda: nn().LSTM(3, 4, batch_first=True),
     lambda: sequential(keras.Input((6, 3)), L.LSTM(4, return_sequences=True)), "1 LSTM bias: b_ih + b_hh"),
    ("LSTM, square", lambda: nn().LSTM(4, 4, batch_first=True),
     lambda: sequential(keras.Input((6, 4)), L.LSTM(4, return_sequences=True)), "gates i f g o as they are"),
    ("LSTM both ways", lambda: nn().LSTM(3, 4, batch_first=True, bidirectional=True),
     lambda: sequential(keras.Input((6, 3)), L.Bidirectional(L.LSTM(4, return_sequences=True))),
     "2 LSTM biases: b_ih + b_hh"),
    ("GRU", lambda: nn().GRU(3, 4, batch_first=True),
     lambda: sequential(keras.Input((6, 3)), L.GRU(4, return_sequences=True)), "gates r z n -> z r h"),
    ("RNN", lambda: nn().RNN(3, 4, batch_first=True),
     lambda: sequential(keras.Input((6, 3)), L.SimpleRNN(4, return_sequences=True)), "OI -> IO"),
    ("flattened sequence", lambda: nn().Sequential(nn().Embedding(5, 3), nn().Flatten(), nn().Linear(12, 2)),
     lambda: sequential(keras.Input((4,), dtype="int32"), L.Embedding(5, 3), L.Flatten(), L.Dense(2)),
     "1 dense kernel: OI -> IO"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("net", "model", "note", "channels_first"),
    [pytest.param(*case[1:], True, id=case[0]) for case in MAPS]
    + [pytest.param(*case[1:], False, id=case[0]) for case in SEQUENCES],
)
def test_pytorch_nets_compute_the_same(net: Net, model: Net, note: str, channels_first: bool) -> None:
    theirs, ours = settle(net()), model()
    imported = fill(ours, of_torch(theirs))
    assert largest_difference(theirs, imported.model, channels_first) < 1e-5
    assert any(note in said for said in imported.notes) or not note
    assert not imported.random


def test_layers_of_an_lstm_go_in_their_order() -> None:
    theirs = settle(nn().LSTM(4, 4, num_layers=3, batch_first=True))
    stack = [L.LSTM(4, return_sequences=True) for _ in range(3)]
    assert (
        largest_difference(theirs, fill(sequential(keras.Input((5, 4)), *stack), of_torch(theirs)).model, False) < 1e-5
    )


def test_two_flattened_maps_beside_each_other() -> None:
    image = keras.Input((3, 4, 2))
    maps = [L.Conv2D(width, 2, name=f"c{width}")(image) for width in (2, 3)]
    flat = L.Concatenate()([L.Flatten()(one) for one in maps] + [L.GlobalAveragePooling2D()(maps[1])])
    model = keras.Model(image, L.Dense(4, name="d")(flat))

    class Two(nn().Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.c2, self.c3, self.d = nn().Conv2d(2, 2, 2), nn().Conv2d(2, 3, 2), nn().Linear(6 * 5 + 3, 4)

        def forward(self, x: Any) -> Any:
            both = [self.c2(x), self.c3(x)]
            return self.d(torch().cat([both[0].flatten(1), both[1].flatten(1), both[1].mean((2, 3))], 1))

    theirs = settle(Two())
    fill(model, of_torch(theirs))
    assert largest_difference(theirs, model, True) < 1e-5


def test_attention_from_one_array_of_three() -> None:
    x = keras.Input((5, 6))
    model = keras.Model(x, L.MultiHeadAttention(2, 3, name="a")(x, x))
    rules = parse(
        "in_proj_weight = a/query/kernel + a/key/kernel + a/value/kernel\n"
        "in_proj_bias = a/query/bias + a/key/bias + a/value/bias\n"
        r"out_proj\.(.*) = a/attention_output/\1"
    )
    theirs = settle(nn().MultiheadAttention(6, 2, batch_first=True))
    fill(model, of_torch(theirs), rules)
    given = DRAWS.standard_normal((2, 5, 6), np.float32)
    with torch().no_grad():
        expected = theirs(*[torch().tensor(given)] * 3)[0].numpy()
    assert np.abs(model(given) - expected).max() < 1e-5


def test_a_tensorflow_1_lstm_has_one_kernel_other_gates_and_a_forget_bias() -> None:
    units, inputs = 3, 2
    kernel = DRAWS.standard_normal((inputs + units, 4 * units)).astype(np.float32)
    bias = DRAWS.standard_normal(4 * units).astype(np.float32)
    model = sequential(keras.Input((4, inputs)), L.LSTM(units, name="lstm"))
    rules = parse(
        "rnn/basic_lstm_cell/kernel = lstm/kernel + lstm/recurrent_kernel\nrnn/basic_lstm_cell/bias = lstm/bias"
    )
    arrays = {"rnn/basic_lstm_cell/kernel": kernel, "rnn/basic_lstm_cell/bias": bias}
    imported = fill(model, of_arrays(arrays, "tensorflow"), rules)
    x = DRAWS.standard_normal((2, 4, inputs)).astype(np.float32)
    state, output = np.zeros((2, units)), np.zeros((2, units))
    for step in range(4):  # rnn_cell_impl.BasicLSTMCell.call, with forget_bias=1.0
        i, j, f, o = np.split(np.concatenate([x[:, step], output], 1) @ kernel + bias, 4, axis=1)
        state = state * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
        output = np.tanh(state) * sigmoid(o)
    assert np.abs(model(x) - output).max() < 1e-6
    assert "1 LSTM bias: gates i j f o -> i f c o, forget gate + 1" in imported.notes


def sigmoid(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return 1 / (1 + np.exp(-x))


def test_a_gru_that_resets_before_the_product_is_not_pytorchs() -> None:
    model = sequential(keras.Input((5, 3)), L.GRU(4, reset_after=False, name="g"))
    rules = parse(r"weight_ih_l0 = g/kernel" "\n" "weight_hh_l0 = g/recurrent_kernel\nbias_(ih|hh)_l0 = g/bias")
    shapes = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
    with pytest.raises(ZooError, match="a GRU with reset_after=False cannot hold PyTorch's"):
        fill(model, of_shapes(shapes), rules)


@pytest.mark.parametrize("convention", ["keras", "tensorflow"])
def test_keras_and_tensorflow_arrays_are_taken_as_they_are(convention: str) -> None:
    model = sequential(keras.Input((5, 5, 3)), L.Conv2D(3, 3, name="c"), L.Flatten(), L.Dense(2, name="d"))
    shapes = {"c/kernel": (3, 3, 3, 3), "c/bias": (3,), "d/kernel": (27, 2), "d/bias": (2,)}
    foreign = of_shapes(shapes, convention)
    imported = fill(model, foreign)
    assert imported.notes == ()
    for name, array in zip(shapes, model.get_weights(), strict=True):
        assert np.array_equal(array, foreign.load(name))


NUMPY_CASES: list[tuple[str, dict[str, tuple[int, ...]], dict[str, bool], str]] = [
    ("as Keras", {"a/w": (4, 6), "b/w": (6, 6)}, {"a/w": False, "b/w": False}, "taken as in Keras (b/kernel)"),
    ("as PyTorch", {"a/w": (6, 4), "b/w": (6, 6)}, {"a/w": True, "b/w": True}, "taken as in PyTorch (b/kernel)"),
]


@pytest.mark.parametrize(
    ("shapes", "turned", "note"), [case[1:] for case in NUMPY_CASES], ids=[c[0] for c in NUMPY_CASES]
)
def test_square_arrays_of_an_unknown_framework_follow_the_others(
    shapes: dict[str, tuple[int, ...]], turned: dict[str, bool], note: str
) -> None:
    model = sequential(keras.Input((4,)), *(L.Dense(6, use_bias=False, name=name) for name in "ab"))
    foreign = of_shapes(shapes, "numpy")
    imported = fill(model, foreign)
    assert note in imported.notes[0]
    for (name, is_turned), held in zip(turned.items(), model.get_weights(), strict=True):
        assert np.array_equal(held, foreign.load(name).T if is_turned else foreign.load(name))


def test_square_arrays_among_others_of_both_layouts_are_refused() -> None:
    model = sequential(
        keras.Input((4,)), L.Dense(6, use_bias=False, name="a"), L.Dense(6, use_bias=False, name="b"),
        L.Dense(5, use_bias=False, name="c"),
    )  # fmt: skip
    with pytest.raises(ZooError) as caught:
        fill(model, of_shapes({"a/w": (4, 6), "b/w": (6, 6), "c/w": (5, 6)}, "numpy"))
    assert "1 fit only Keras's and 1 only PyTorch's, so that nothing decides about b/kernel" in caught.value.message


SIZES = st.integers(1, 4)


@given(st.tuples(SIZES, SIZES, SIZES, SIZES), st.sampled_from([Kind.CONV, Kind.TRANSPOSED, Kind.DEPTHWISE]))
def test_the_shape_that_is_asked_for_is_the_one_that_fits(shape: tuple[int, ...], kind: Kind) -> None:
    target = Target("x/kernel", shape, kind)
    asked = wanted(target, "torch")
    made = turn(target, "torch", [asked])
    assert made is not None
    array = np.arange(np.prod(shape)).reshape(asked)
    assert made.make([array]).shape == shape
    assert sorted(made.make([array]).reshape(-1)) == list(range(int(np.prod(shape)))), "every number once"


@given(st.lists(st.one_of(st.tuples(SIZES, SIZES, SIZES), st.tuples(SIZES, SIZES), st.tuples(SIZES)), min_size=1))
def test_flattened_maps_come_back_in_keras_order(maps: list[tuple[int, ...]]) -> None:
    arrays = [np.random.default_rng(0).random(shape) for shape in maps]
    theirs = np.concatenate([np.moveaxis(array, -1, 0).reshape(-1) for array in arrays])
    assert np.array_equal(theirs[from_channels_first(maps)], np.concatenate([array.reshape(-1) for array in arrays]))
