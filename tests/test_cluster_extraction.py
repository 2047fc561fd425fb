"""Extraction by worker processes of a real Ray cluster, against the same by this process: the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import chain
from pictures import write
from slow_feed import SlowFeed, read_so_far

import transfer.cluster.extracting
from registry.card import Preprocessing
from registry.errors import ZooError
from registry.watch import silent
from transfer.backbone import Backbone
from transfer.cache import FeatureCache
from transfer.cache_checks import faults
from transfer.cache_files import shards_in, unfinished_in
from transfer.cache_joined import JOINED
from transfer.cache_keys import key_of
from transfer.cluster.cluster import Cluster
from transfer.cluster.connecting import connected, used
from transfer.cluster.orders import Machine
from transfer.cluster.worker import Tally
from transfer.data.images.samples import ImageSamples
from transfer.features import Inputs
from transfer.presented import feed_of
from transfer.shared_shards import SharedShards
from transfer.split import Trunk, trunk_of

TWO = Cluster(workers=2)
BELOW = {"hidden1": ("X", "hidden1"), "hidden2": ("X", "hidden1", "hidden2")}


@pytest.fixture(scope="module")
def cluster(s3_endpoint: str) -> Iterator[None]:
    """Two workers, whatever this machine has; they find the bucket as AWS clients do."""
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    login = {"AWS_ENDPOINT_URL": s3_endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    others = {"AWS_DEFAULT_REGION": "us-east-1", "ZOO_THREADS": "2", "PYTHONPATH": str(Path(__file__).parent)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**nothing, **login, **others}.items():
            patch.setenv(name, value)
        with used(TWO):
            yield


def wanted(model: Any, *names: str) -> list[Any]:
    parts = [(BELOW[name], trunk_of(model, BELOW[name])) for name in names]
    return [(key_of(model, below, part, "as it is"), part) for below, part in parts]


def filled(root: Path, given: dict[str, Inputs], there: Cluster | None = None, *names: str, **more: Any) -> Any:
    """Return the features of some cuts, and how many samples were extracted."""
    cache, keys = FeatureCache(root, "tensorflow", cluster=there, **more), wanted(chain(), *(names or ("hidden2",)))
    extracted = cache.fill(keys, given, watch=more.get("watch", silent))
    found = [cache.features(key, part, given) for key, part in keys]
    return [split.arrays for one in found for split in one.splits.values()], extracted


def same(one: list[Any], other: list[Any]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for x, y in pairs for a, b in zip(x, y, strict=True))


def test_two_splits_and_two_cuts_come_out_as_from_one_process(cluster: None, tmp_path: Path) -> None:
    given = {"train": SlowFeed(3000).split, "valid": SlowFeed(700).split}
    both = "hidden1", "hidden2"
    here, count = filled(tmp_path / "here", given, None, *both)
    there, extracted = filled(tmp_path / "there", given, TWO, *both)
    assert same(here, there)
    assert extracted == count == 3000  # the 700 are the first of the others
    again, none = filled(tmp_path / "there", given, TWO, *both)
    assert same(again, there)
    assert none == 0
    for key, _ in wanted(chain(), *both):
        folder = tmp_path / "there" / key.digest
        assert len(shards_in(folder)) > 4
        assert not unfinished_in(folder)
        assert [fault for path in shards_in(folder) for fault in faults(path)] == []
        rows = by_plain_reader(folder / JOINED, tmp_path / "read.npz", given["train"].feed.digests)
        assert any(np.array_equal(rows, arrays[0]) for arrays in there)


def by_plain_reader(path: Path, into: Path, digests: np.ndarray) -> np.ndarray:
    """Read the features of some samples with h5py alone, from another folder."""
    program = (
        "import h5py, numpy, sys; file = h5py.File(sys.argv[1]);"
        "numpy.savez(sys.argv[2], samples=file['samples'], x=file['0'])"
    )
    subprocess.run([sys.executable, "-c", program, path, into], check=True, cwd="/")
    read = np.load(into)
    order = {digest.tobytes(): row for row, digest in enumerate(read["samples"])}
    return read["x"][[order[digest.tobytes()] for digest in digests]]


def killed_at(log: Path, lines: int) -> Callable[[], int]:
    """Return what waits until so much has been read, and then kills the process that read last."""

    def kill() -> int:
        end = time.time() + 60
        while len(read_so_far(log)) < lines and time.time() < end:
            time.sleep(0.02)
        process = read_so_far(log)[-1][0]
        os.kill(process, signal.SIGKILL)
        return process

    return kill


def test_a_killed_worker_costs_a_part_of_its_piece(cluster: None, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    log = tmp_path / "log"
    here, _ = filled(tmp_path / "here", {"train": SlowFeed(4000).split})
    slow = {"train": SlowFeed(4000, log, seconds=0.05).split}
    with ThreadPoolExecutor(1) as thread:
        victim = thread.submit(killed_at(log, 7))
        there, extracted = filled(tmp_path / "there", slow, TWO)
    read = read_so_far(log)
    assert same(here, there)
    assert extracted == 4000
    assert {process for process, *_ in read} - {victim.result()}  # others ended it
    assert victim.result() not in {process for process, *_ in read[-2:]}
    again = sum(count for *_, count in read) - 4000
    assert 0 <= again <= 512  # what it had under way, at most, and no piece that was done
    assert not unfinished_in(next(path for path in (tmp_path / "there").iterdir() if len(path.name) == 64))


class Begun(Tally):
    """As if three workers had been lost at each piece."""

    def begin(self, number: int) -> int:
        return super().begin(number) + 3


def test_a_piece_that_takes_its_workers_with_it_is_given_up(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer.cluster.extracting, "Tally", Begun)
    with pytest.raises(ZooError) as caught:
        filled(tmp_path, {"train": SlowFeed(200).split}, TWO)
    assert caught.value.message == ("extract, train: 3 workers were lost, one after the other, at the samples 0 to 199")
    assert "--workers N takes fewer a machine" in caught.value.hint


PROGRAM = """
from pathlib import Path
from zoo.starting import start_tensorflow
start_tensorflow()
import test_cluster_extraction as here
from transfer.cluster.connecting import used
with used(here.TWO):
    here.filled(Path({root!r}), {{"train": here.SlowFeed(6000, Path({log!r}), seconds=0.05).split}}, here.TWO)
"""


def test_what_a_killed_driver_had_finished_is_kept(cluster: None, tmp_path: Path) -> None:
    root, log = tmp_path / "there", tmp_path / "log"
    program = PROGRAM.format(root=str(root), log=str(log))
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    begun = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": places})
    key = root / wanted(chain(), "hidden2")[0][0].digest
    end = time.time() + 90
    while len(shards_in(key)) < 3 and time.time() < end:
        time.sleep(0.05)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    processes = {process for process, *_ in read_so_far(log)}
    while any(Path(f"/proc/{process}").exists() for process in processes) and time.time() < end:
        time.sleep(0.1)  # Ray ends the workers of a driver that is gone
    kept = {path: path.stat().st_mtime_ns for path in shards_in(key)}
    assert len(kept) >= 3
    again, extracted = filled(root, {"train": SlowFeed(6000).split}, TWO)
    assert 0 < extracted <= 6000 - 256 * len(kept)
    assert kept.keys() < set(shards_in(key))
    assert same(again, filled(tmp_path / "here", {"train": SlowFeed(6000).split})[0])
    assert not unfinished_in(key)  # those that were left were gone on with


def images(folder: Path, count: int) -> Inputs:
    for number in range(count):
        write(folder / f"{number}.png", number, 9 + number % 3)
    samples = ImageSamples(folder, [f"{number}.png" for number in range(count)])
    how = Preprocessing(shape=(8, 8, 3), dtype="uint8", scale=1 / 255, offset=0.0, resize="stretch")
    source = Backbone(conv()[1].trunk, how)
    return Inputs(feed_of(source, source.inputs, samples, "photos"), np.zeros(count, np.int64))


def conv() -> tuple[Any, Trunk]:
    import keras

    keras.utils.set_random_seed(3)
    x = keras.Input((8, 8, 3), name="X")
    maps = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    model = keras.Model(x, keras.layers.GlobalAveragePooling2D(name="pool")(maps))
    part = trunk_of(model, ("X", "conv"))
    return key_of(model, ("X", "conv"), part, ""), part


def test_images_are_read_and_resized_by_the_workers(cluster: None, tmp_path: Path) -> None:
    given, (key, part) = {"train": images(tmp_path / "photos", 600)}, conv()
    here = FeatureCache(tmp_path / "here", "tensorflow").features(key, part, given)
    there = FeatureCache(tmp_path / "there", "tensorflow", cluster=TWO).features(key, part, given)
    assert same([one.splits["train"].arrays for one in (here,)], [there.splits["train"].arrays])
    broken, told = {"train": images(tmp_path / "more", 600)}, []
    (tmp_path / "more" / "300.png").write_bytes(b"no image")
    for number, there_ in enumerate((None, TWO)):
        with pytest.raises(ZooError) as caught:
            FeatureCache(tmp_path / f"{number}", "tensorflow", cluster=there_).features(key, part, broken)
        told.append((caught.value.message, caught.value.hint))
    assert told[0] == told[1]
    assert "300.png" in told[0][0]


def test_workers_on_another_disk_put_their_files_into_the_bucket(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: str
) -> None:
    given = {"train": SlowFeed(1500).split}
    monkeypatch.setattr(transfer.cluster.extracting, "disk_of", lambda root: "another disk")
    with pytest.raises(ZooError, match="does not see the feature cache") as caught:
        filled(tmp_path / "none", given, TWO)
    assert caught.value.hint.endswith("or ZOO_CACHE=s3://bucket/features")
    shared = SharedShards(f"{s3}/features")
    there, extracted = filled(tmp_path / "there", given, TWO, shared=shared)
    assert extracted == 1500
    assert same(there, filled(tmp_path / "here", given)[0])
    key = wanted(chain(), "hidden2")[0][0].digest
    assert shared.names(key) == {path.name for path in shards_in(tmp_path / "there" / key)}
    elsewhere, none = filled(tmp_path / "elsewhere", given, shared=shared)
    assert none == 0
    assert same(elsewhere, there)


def test_a_file_that_is_written_on_a_copy_of_the_disk(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, lost = transfer.cluster.extracting._outcomes, list[Path]()

    def elsewhere(*given: Any) -> Iterator[Any]:
        for outcome in plain(*given):
            lost.extend(tmp_path / file for file in outcome.files)
            lost[-1].unlink()
            yield outcome

    monkeypatch.setattr(transfer.cluster.extracting, "_outcomes", elsewhere)
    with pytest.raises(ZooError) as caught:
        filled(tmp_path, {"train": SlowFeed(300).split}, TWO)
    assert caught.value.message == f"a worker has written {lost[0]}, and it is not here"
    assert caught.value.hint == (
        f"{tmp_path} lies on another disk there: is one a copy of the other? "
        f"rm {tmp_path / 'disk'} here tells them apart"
    )


def test_a_worker_with_other_versions_is_refused() -> None:
    ours = Machine("one", "/", {"keras": "3.15", "onnx": "onnxruntime 1.20"})
    ours.check(Machine("two", "/home", dict(ours.packages)), "onnx")
    ours.check(Machine("two", "/", {"keras": "3.15"}), "tensorflow")
    with pytest.raises(ZooError) as caught:
        ours.check(Machine("two", "/", {"keras": "3.15"}), "onnx")
    assert caught.value.message == "the worker on two has no onnx; this machine has onnxruntime 1.20"
    with pytest.raises(ZooError) as caught:
        ours.check(Machine("two", "/", {"keras": "3.14"}), "tensorflow")
    assert caught.value.message == "the worker on two has keras 3.14; this machine has 3.15"
    assert caught.value.hint == "install the same on all machines"
    with pytest.raises(ZooError) as caught:
        ours.check(Machine("two", "/", {"keras": "3.15", "onnx": "onnxruntime 1.19"}), "onnx")
    assert caught.value.message == "the worker on two has onnxruntime 1.19; this machine has onnxruntime 1.20"


def test_more_workers_than_the_cluster_has_processors(cluster: None) -> None:
    with pytest.raises(ZooError) as caught:
        connected(Cluster(workers=3))
    assert caught.value.message == "the cluster on this machine has 2 CPUs; 3 workers need one each"


def test_samples_that_cannot_be_sent(cluster: None, tmp_path: Path) -> None:
    feed = SlowFeed(300)
    feed.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(ZooError) as caught:
        filled(tmp_path, {"train": feed.split}, TWO)
    assert caught.value.message.startswith("extract, train: these samples cannot be sent to workers: ")
    assert caught.value.hint == "write them to files first, or extract here: --engine local"


def test_workers_that_find_no_processor(cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(transfer.cluster.extracting, "STARTED", 2)
    busy = ray.remote(Tally).options(num_cpus=2).remote()
    ray.get(busy.begin.remote(0))
    try:
        with pytest.raises(ZooError) as caught:
            filled(tmp_path, {"train": SlowFeed(3000).split}, TWO)
    finally:
        ray.kill(busy)
    assert caught.value.message == "the cluster has not started 2 workers within 2 s"
    assert caught.value.hint == "take fewer: --workers N; ray status, on a machine of the cluster, shows what is in use"


class Foreign:
    """What can be made in this process only."""

    def __reduce__(self) -> Any:
        return _made_in, (os.getpid(),)


def _made_in(process: int) -> Foreign:
    if os.getpid() != process:
        raise RuntimeError("there is no such module here")
    return Foreign()


def test_workers_that_cannot_be_made(cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.cluster.extracting, "disk_of", lambda root: Foreign())
    with pytest.raises(ZooError, match=r"the cluster's workers failed: .*there is no such module here") as caught:
        filled(tmp_path, {"train": SlowFeed(300).split}, TWO)
    assert caught.value.hint == "is the same zoo installed on all of its machines? --engine local extracts here"
