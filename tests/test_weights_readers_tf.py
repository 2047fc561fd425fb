"""TensorFlow checkpoints without a graph: names and numbers as TensorFlow wrote them, and damage refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2 as messages
from tensorflow.core.util import saved_tensor_slice_pb2 as old_messages
from weight_files import table, varints

from registry.errors import ZooError
from transfer.weights.readers.tf_checkpoint import read

v1 = tf.compat.v1


def saved(folder: Path, version: int = 2, parts: bool = True) -> dict[str, Any]:
    """Write a checkpoint of TensorFlow 1 with an optimiser, a text and a partitioned variable."""
    with tf.Graph().as_default(), v1.Session() as session:
        kernel = v1.get_variable("conv/weights", (2, 3), initializer=v1.glorot_uniform_initializer(1))
        split = v1.fixed_size_partitioner(2) if parts else None
        v1.get_variable("fc/weights", (4, 2), partitioner=split, initializer=v1.glorot_uniform_initializer(2))
        kind = tf.bfloat16 if version == 2 else tf.int64
        other = v1.get_variable("other", initializer=tf.constant([1, 300], kind))
        v1.get_variable("text", initializer="abc")
        step = v1.train.get_or_create_global_step()
        v1.train.AdamOptimizer().minimize(tf.reduce_sum(kernel**2), global_step=step)
        session.run(v1.global_variables_initializer())
        v1.train.Saver(write_version=version).save(session, str(folder / "m.ckpt"), write_meta_graph=False)
        values = {"conv/weights": kernel, "other": other}
        found: dict[str, Any] = session.run(values)
        found["fc/weights"] = np.concatenate(session.run(v1.global_variables("fc")))
        return found


STATES = "5 variables of optimisers and counters are left out"
TEXTS = "1 variables that hold no numbers are left out: text"


@pytest.mark.parametrize("given", ["m.ckpt", "m.ckpt.index", "m.ckpt.data-00000-of-00001", ""])
def test_version_2(tmp_path: Path, given: str) -> None:
    expected = saved(tmp_path)
    found = read(tmp_path / given)
    assert (found.format, found.convention, found.notes) == ("tf-checkpoint", "tensorflow", (STATES, TEXTS))
    assert set(found.shapes) == set(expected)
    for name, array in expected.items():
        assert found.shapes[name] == array.shape
        assert found.load(name).dtype == array.dtype
        np.testing.assert_array_equal(found.load(name), array)


def test_version_1(tmp_path: Path) -> None:
    expected = saved(tmp_path, 1, parts=False)
    found = read(tmp_path / "m.ckpt")
    assert found.notes == (STATES, TEXTS)
    assert set(found.shapes) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found.load(name), array)


def test_version_1_in_parts(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    with pytest.raises(ZooError, match=r"m\.ckpt holds 'fc/weights' in 2 parts, which TensorFlow no longer reads"):
        read(tmp_path / "m.ckpt")


def test_objects(tmp_path: Path) -> None:
    """TensorFlow 2 names variables by the way to them; an attribute's own slash and full stop are escaped."""
    root, inner = tf.Module(), tf.Module()
    inner.kernel, inner.layers = tf.Variable([[1.0, 2.0]]), [tf.Variable(3.0), tf.Variable(4.0)]
    root.block = inner
    setattr(root, "a/b.c", tf.Variable([5.0]))
    optimizer = tf.Module()
    optimizer.rate = tf.Variable(0.1)
    tf.train.Checkpoint(net=root, optimizer=optimizer).save(str(tmp_path / "ck"))
    found = read(tmp_path)
    expected = {"net/block/kernel": [[1, 2]], "net/block/layers/0": 3, "net/block/layers/1": 4, "net/a/b.c": [5]}
    assert set(found.shapes) == set(expected)
    for name, numbers in expected.items():
        np.testing.assert_array_equal(found.load(name), numbers)
    assert found.notes == ("2 variables of optimisers and counters are left out",)


def test_a_folder_of_several(tmp_path: Path) -> None:
    variable = tf.train.Checkpoint(v=tf.Variable([1.0]))
    for _ in range(2):
        variable.save(str(tmp_path / "ck"))
    np.testing.assert_array_equal(read(tmp_path).load("v"), [1.0])  # the one that `checkpoint` names
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(ZooError, match=r"holds 2 checkpoints: ck-1\.index, ck-2\.index") as caught:
        read(tmp_path)
    assert caught.value.hint == f"name one of them: {tmp_path / 'ck-2'}"


def test_incomplete(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "m.ckpt.data-00000-of-00001").unlink()
    with pytest.raises(ZooError, match=r"m\.ckpt is incomplete: missing .*m\.ckpt\.data-00000-of-00001"):
        read(tmp_path / "m.ckpt")
    with pytest.raises(ZooError, match=r"there is no TensorFlow checkpoint at .*none: expected .*none\.index and"):
        read(tmp_path / "none")


def test_damaged_numbers(tmp_path: Path) -> None:
    saved(tmp_path)
    path = tmp_path / "m.ckpt.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    with pytest.raises(ZooError, match=r"m\.ckpt is damaged: cannot read 'conv/weights': .*[Cc]hecksum"):
        read(tmp_path / "m.ckpt").load("conv/weights")


def index(path: Path, shards: int = 1, data: bytes = bytes(24), **entry: Any) -> None:
    """Write an index that declares one variable `w`."""
    shape, dtype = entry.pop("shape", (2, 3)), entry.pop("dtype", 1)
    dims = [{"size": size} for size in shape]
    made = messages.BundleEntryProto(dtype=dtype, shape={"dim": dims}, **({"size": 24} | entry))
    rows = {b"": messages.BundleHeaderProto(num_shards=shards).SerializeToString(), b"w": made.SerializeToString()}
    Path(f"{path}.index").write_bytes(table(rows))
    Path(f"{path}.data-00000-of-00001").write_bytes(data)


LIES = r"m\.index declares 'w' .*, which does not lie within its data; the checkpoint is truncated or damaged"
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "truncated": ({"data": bytes(20)}, LIES),
    "an endless shape": ({"shape": (2**40, 2**20)}, LIES),
    "a negative shape": ({"shape": (-1, 3)}, r"m\.index is damaged: 'w' has the shape \[-1, 3\]"),
    "40 axes": ({"shape": (1,) * 40}, r"m\.index is damaged: 'w' has the shape \[1, 1"),
    "another size": ({"size": 20}, LIES),
    "before the file": ({"offset": -24}, LIES),
    "behind the file": ({"offset": 2**62}, LIES),
    "another shard": ({"shard_id": 5}, LIES),
    "a negative shard": ({"shard_id": -1}, LIES),
    "many shards": ({"shards": 2**30}, r"m\.index is damaged: it names 1073741824 \.data files"),
    "no shards": ({"shards": 0}, r"m\.index is damaged: it names 0 \.data files"),
    "two shards": ({"shards": 2}, r"is incomplete: missing .*m\.data-00000-of-00002"),
    "no such type": ({"dtype": 99}, r"m\.index is damaged: 'w' has no known type"),
    "a text": ({"dtype": 7}, r"m holds no weights; expected variables of numbers"),
    "a part outside": ({"slices": [{"extent": [{"start": 5, "length": 9}, {}]}]}, LIES),
    "a negative part": ({"slices": [{"extent": [{"start": -5, "length": -9}, {}]}]}, LIES),
    "an endless variable of parts": ({"shape": (2**40,), "slices": [{"extent": [{}]}]}, LIES),
}


@pytest.mark.parametrize("case", CASES)
def test_hostile_indices(tmp_path: Path, case: str) -> None:
    written, message = CASES[case]
    index(tmp_path / "m", **written)
    with pytest.raises(ZooError, match=message):
        read(tmp_path / "m")


def test_the_index_is_read_as_tensorflow_reads_it(tmp_path: Path) -> None:
    index(tmp_path / "m")
    assert dict(read(tmp_path / "m").shapes) == {"w": (2, 3)}


def block(rows: bytes) -> bytes:
    """Return a table whose one block is given."""
    good = table({b"": b""})
    return good.replace(varints(0, 0, 0), rows[:3], 1)


TABLES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", r"it has 0 bytes; expected at least 48"),
    "no table": (b"x" * 100, r"its last bytes are not those of a table"),
    "a block outside": (varints(0, 0, 2**40, 2**40).ljust(40, b"\0") + table({})[-8:], r"a block of it lies outside"),
    "a number without end": (b"\xff" * 40 + table({})[-8:], r"a number of it has no end"),
    "a row outside": (block(b"\0\x7f\0"), r"a row of it does not fit its block"),
    "a key of nothing": (block(b"\x05\0\0"), r"a row of it does not fit its block"),
    "no header": (table({b"w": b""}), r"no index of a TensorFlow checkpoint: it has no header"),
    "no messages": (table({b"": b"\xff\xff"}), r"no index of a TensorFlow checkpoint, or a damaged one"),
    "a name that is no text": (
        table({b"": messages.BundleHeaderProto(num_shards=1).SerializeToString(), b"\xff": b""}),
        r"a variable's name is no text",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_hostile_tables(tmp_path: Path, case: str) -> None:
    content, message = TABLES[case]
    (tmp_path / "m.index").write_bytes(content)
    (tmp_path / "m.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(ZooError, match=rf"m\.index is .*{message}"):
        read(tmp_path / "m.index")


@pytest.mark.parametrize(
    ("shape", "message"), [((-1,), r"has the shape \[-1\]"), ((2**40,), r"does not lie within its data")]
)
def test_hostile_files_of_version_1(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    tensor = {"name": "w", "type": 1, "shape": {"dim": [{"size": size} for size in shape]}}
    made = old_messages.SavedTensorSlices(meta={"tensor": [tensor]})
    (tmp_path / "old").write_bytes(table({b"": made.SerializeToString()}))
    with pytest.raises(ZooError, match=rf"old .*{message}"):
        read(tmp_path / "old")
