"""What is sent to the workers of a phase, and what each computes of it; no cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import chain
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import build, build_joined, joined_specs, specs

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.augment import parse_augment
from transfer.augmenter import Augmenter
from transfer.cluster.net import Net
from transfer.cluster.parallel_phases import shared_out
from transfer.cluster.parallel_samples import received, sent
from transfer.cluster.placed import Placed
from transfer.fitting.share import ALONE, Share
from transfer.fitting.shared_layers import shared, unshared
from transfer.fitting.thinning import Masks, Thinned
from transfer.importers.graph_layer import GraphLayer, encode
from transfer.pieced import Pieced
from transfer.plan.hyperparameters import Training
from transfer.scope import scope_of
from transfer.split import freeze

L = keras.layers
REUSED = ("block1", "block2")


@pytest.mark.parametrize(
    ("number", "trained", "trunk", "expected"),
    [
        (1, ("top",), False, False),  # new layers on cached features
        (1, ("top",), True, True),  # and through the frozen layers in every step
        (2, ("block2", "top"), False, True),
        (1, ("block1", "block2", "top"), False, True),
        (0, ("block1", "block2", "top"), False, True),  # the control
        (1, (), False, False),
    ],
)
def test_which_phases_are_shared_out(number: int, trained: tuple[str, ...], trunk: bool, expected: bool) -> None:
    names = (*REUSED, "top")
    layers = [LayerInfo(name, "Dense", 9, name in trained, ()) for name in names]
    assert shared_out(number, layers, REUSED, trunk=trunk) is expected


@given(st.integers(1, 200), st.integers(1, 12))
def test_the_parts_of_a_batch_are_all_of_it_and_even(size: int, workers: int) -> None:
    batch = np.arange(size)
    parts = [Share(rank, workers).own(batch) for rank in range(workers)]
    assert np.array_equal(np.concatenate(parts), batch)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    columns = [Share(rank, workers).own(batch[None].repeat(2, 0), axis=1) for rank in range(workers)]
    assert np.array_equal(np.concatenate(columns, axis=1)[1], batch)


@given(st.integers(1, 5000), st.integers(1, 2048), st.integers(1, 9))
def test_the_validation_batches_are_dealt_and_the_first_is_as_it_is_alone(n: int, most: int, workers: int) -> None:
    size = min(n, Share(0, workers).at_once(n, most))
    batches = list(range(-(-n // size)))
    dealt = [Share(rank, workers).dealt(batches) for rank in range(workers)]
    assert sorted(number for part in dealt for number in part) == batches
    assert dealt[0][0] == 0
    assert min(size, 256) == min(n, most, 256), "as many samples are looked at"
    assert ALONE.at_once(n, most) == most


def test_penalties_count_once_and_means_are_of_the_whole_batch() -> None:
    losses = np.arange(7, dtype=np.float32)
    shares = [Share(rank, 3) for rank in range(3)]
    assert sum(float(share.mean(share.own(losses), 7)) for share in shares) == pytest.approx(3.0)
    assert [float(share.once([tf.constant(2.0), tf.constant(3.0)])) for share in shares] == [5.0, 0.0, 0.0]


def test_sums_keep_their_shapes_and_what_nobody_has() -> None:
    share = Share(0, 2, lambda vector: vector * 2)
    slices = tf.IndexedSlices(tf.ones((2, 3)), tf.constant([1, 1]), tf.constant([4, 3]))
    scalar, nothing, sparse, matrix = share.sum([tf.constant(1.5), None, slices, tf.ones((2, 2))])
    assert (float(scalar), nothing) == (3.0, None)
    assert sparse.numpy().tolist() == [[0] * 3, [4] * 3, [0] * 3, [0] * 3]
    assert matrix.numpy().tolist() == [[2, 2], [2, 2]]


@settings(max_examples=15, deadline=None)
@given(st.booleans(), st.data())
def test_a_model_comes_out_as_it_went_in(joined: bool, data: st.DataObject) -> None:
    model = build_joined(data.draw(joined_specs())) if joined else build(data.draw(specs()))
    freeze(model, data.draw(st.sets(st.sampled_from([scope_of(layer.name) for layer in model.layers]))))
    again = Net.of(model).model()
    for kind in ("variables", "trainable_variables"):
        pairs = list(zip(getattr(model, kind), getattr(again, kind), strict=True))
        assert all(np.array_equal(one.numpy(), other.numpy()) for one, other in pairs)
    x = [tf.ones((4, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    given = x if len(x) > 1 else x[0]
    assert all(map(np.array_equal, tf.nest.flatten(model(given)), tf.nest.flatten(again(given))))


def graph_layer(name: str) -> GraphLayer:
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (None, 8), name="x")
        w = tf.compat.v1.placeholder(tf.float32, (8, 8), name="w")
        tf.matmul(x, w, name="y")
    weight = {"name": "w", "shape": [8, 8], "dtype": "float32", "trainable": True}
    return GraphLayer(encode(graph.as_graph_def()), ["x:0"], ["y:0"], [weight], name=name)


def test_layers_of_our_own_are_sent_too() -> None:
    x = keras.Input((8,))
    model = keras.Model(x, graph_layer("inner")(x))
    model.get_layer("inner").reinitialise(3)
    again = Net.of(model).model()
    assert np.array_equal(model(np.ones((2, 8))), again(np.ones((2, 8))))


def test_a_model_that_comes_out_otherwise_is_refused() -> None:
    net = Net.of(chain())
    with pytest.raises(ZooError, match="the model does not come out of its config as it was") as caught:
        Net(net.config, net.names[::-1], net.values, net.modules).model()
    assert caught.value.hint == "without the cluster: --engine local"


def test_changes_of_images_draw_the_same_elsewhere() -> None:
    import pickle

    augment = Augmenter(parse_augment("flip,crop=0.3,mixup"), (6, 6, 3), seed=4, classes=3)
    again = pickle.loads(pickle.dumps(augment))
    images, labels = tf.random.stateless_uniform((5, 6, 6, 3), (1, 2)), tf.constant([0, 1, 2, 0, 1])
    for one, other in zip(augment(images, labels, 7), again(images, labels, 7), strict=True):
        assert np.array_equal(one, other)


def test_what_has_nothing_random_and_no_statistics_is_trained_as_it_is() -> None:
    model, masks = chain(), Masks(0)
    assert shared(model, Share(1, 2), 8, masks) is model
    noisy = mixing(L.GaussianNoise(0.5, name="part"))
    assert shared(noisy, ALONE, 8, masks) is noisy
    assert shared(noisy, Share(1, 2), 8, masks) is not noisy
    dropping = mixing(L.Dropout(0.5, name="part"))
    assert isinstance(shared(dropping, ALONE, 8, masks).get_layer("part"), Thinned)


class Strange(L.Layer):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return inputs - tf.reduce_mean(inputs, axis=0)


def mixing(layer: Any, **shape: Any) -> Any:
    x = keras.Input((6, 4), **shape)
    return keras.Model(x, L.Dense(2)(L.Flatten()(layer(x))))


def masked() -> Any:
    x = keras.Input((6,), dtype="int32")
    tensor = L.BatchNormalization(name="part")(L.Embedding(5, 4, mask_zero=True, name="words")(x))
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(tensor)))


def attending() -> Any:
    x = keras.Input((6, 4))
    return keras.Model(x, L.Dense(2)(L.Flatten()(L.MultiHeadAttention(2, 4, dropout=0.5, name="part")(x, x))))


def embedding() -> Any:
    x = keras.Input((6,), dtype="int32")
    return keras.Model(x, L.Dense(2)(L.Flatten()(L.Embedding(5, 4, name="part")(x))))


PLAIN, CLIPPED = Training(), Training(clip_norm=1.0)
BY_THE_BATCH = "part normalises by the batch in a way of its own"
DRAWS = "part draws random numbers that depend on the whole batch"
REFUSED: list[tuple[Any, Training, str]] = [
    (lambda: mixing(Strange(name="part")), PLAIN, "part is a Strange, which may mix the samples of a batch"),
    (lambda: mixing(lambda x: x - keras.src.ops.numpy.Mean(axis=0, name="part")(x)), PLAIN,
     "part is a Mean, which may mix the samples of a batch"),
    (lambda: mixing(L.LSTM(4, dropout=0.5, return_sequences=True, name="part")), PLAIN, DRAWS),
    (lambda: attending(), PLAIN, DRAWS),
    (lambda: mixing(L.Dense(4, activity_regularizer="l2", name="part")), PLAIN, "part has a penalty on its outputs"),
    (lambda: mixing(L.TimeDistributed(L.BatchNormalization(), name="part")), PLAIN, BY_THE_BATCH),
    (lambda: masked(), PLAIN, BY_THE_BATCH),
    (lambda: mixing(L.LSTM(4, stateful=True, return_sequences=True, name="part"), batch_size=3), PLAIN,
     "part keeps a state from batch to batch"),
    (lambda: embedding(), CLIPPED, "part is an Embedding, whose gradients are clipped sample by sample"),
    (lambda: embedding(), PLAIN, ""),
    (lambda: mixing(L.BatchNormalization(name="part")), CLIPPED, ""),
    (lambda: mixing(L.GaussianNoise(0.1, name="part")), PLAIN, ""),
    (lambda: mixing(L.LSTM(4, return_sequences=True, name="part")), PLAIN, ""),
]  # fmt: skip


@pytest.mark.parametrize(("model", "how", "why"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_cannot_be_shared_out_is_named(model: Any, how: Training, why: str) -> None:
    assert unshared(model(), how) == why


def mapped(path: Path, n: int = 40) -> Any:
    array = np.memmap(path, np.float32, "w+", 128, (n, 3))
    array[:] = np.arange(n * 3).reshape(n, 3)
    return array


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that is mapped count as too large for memory."""
    monkeypatch.setattr("transfer.spilled.IN_MEMORY", 0)


def test_small_samples_are_sent(tmp_path: Path) -> None:
    (found,) = sent([mapped(tmp_path / "a")], tmp_path / "none")
    assert type(found) is np.ndarray
    assert found.shape == (40, 3)
    assert received(found) is found


def test_arrays_are_large_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [mapped(tmp_path / name) for name in "ab"]
    monkeypatch.setattr("transfer.spilled.IN_MEMORY", arrays[0].nbytes)
    assert [type(one) for one in sent(arrays, tmp_path / "none")] == [Placed, Placed]
    assert [type(one) for one in sent(arrays[:1], tmp_path / "none")] == [np.ndarray]


def test_large_samples_are_read_from_their_file(tmp_path: Path, large: None) -> None:
    array = mapped(tmp_path / "a")
    (found,) = sent([array], tmp_path / "none")
    assert isinstance(found, Placed)
    assert found.path == str(tmp_path / "a")
    assert np.array_equal(received(found), array)
    assert not (tmp_path / "none").exists()


def test_what_has_no_file_of_its_own_is_copied_into_one(tmp_path: Path, large: None) -> None:
    striped = mapped(tmp_path / "a")[::2]
    gone = mapped(tmp_path / "b")
    (tmp_path / "b").unlink()
    places = sent([striped, gone], tmp_path / "new")
    assert [Path(place.path).parent for place in places] == [tmp_path / "new"] * 2
    assert np.array_equal(received(places[0]), striped)
    assert np.array_equal(received(places[1]), gone)


def test_a_part_of_a_mapped_array_is_read_from_where_it_begins(tmp_path: Path, large: None) -> None:
    mapped(tmp_path / "a")
    array = np.memmap(tmp_path / "a", np.float32, "r+", 128, (40, 3))
    array[:] = 0
    array[20] = 1  # so that the ends of any part are alike
    (found,) = sent([array[5:]], tmp_path / "none")
    assert found.path == str(tmp_path / "a")
    assert np.array_equal(received(found), array[5:])


def test_samples_in_several_files(tmp_path: Path, large: None) -> None:
    parts = [mapped(tmp_path / "a"), mapped(tmp_path / "b")]
    array = Pieced(parts, np.array([1, 0, 1], np.int32), np.array([3, 2, 1]))
    (found,) = sent([array], tmp_path / "none")
    assert np.array_equal(received(found)[:], array[:])
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("what", ["gone", "another", "short"])
def test_a_machine_that_has_not_the_file_says_so(tmp_path: Path, large: None, what: str) -> None:
    (place,) = sent([mapped(tmp_path / "a")], tmp_path)
    if what == "another":
        np.memmap(tmp_path / "a", np.float32, "r+", 128, (40, 3))[-1] = 0
    (tmp_path / "a").unlink() if what == "gone" else None
    (tmp_path / "a").write_bytes(b"short") if what == "short" else None
    with pytest.raises(ZooError) as caught:
        received(place)
    reason = {"gone": "No such file", "another": "it is another file there", "short": "and 5 there"}[what]
    assert caught.value.message.startswith(f"a worker cannot read {tmp_path / 'a'}: ")
    assert reason in caught.value.message
    assert caught.value.hint.startswith("data and $ZOO_HOME must lie on a disk that all machines of the cluster see")


def test_no_room_for_a_copy(tmp_path: Path, large: None) -> None:
    array = mapped(tmp_path / "a")
    (tmp_path / "a").unlink()
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError) as caught:
        sent([array], tmp_path / "file")
    assert caught.value.message == (
        f"cannot write to {tmp_path / 'file'}, where the cluster's workers would read the samples: File exists"
    )
    assert caught.value.hint == "free some space, or set ZOO_HOME to a folder that has some"
