"""The joined file of a key: true after files come and go, and no feature file itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from transfer.cache_dtypes import BFLOAT16, FLOAT32
from transfer.cache_entries import stored
from transfer.cache_files import shards_in
from transfer.cache_joined import JOINED, rejoined
from transfer.cache_upkeep import prune, remove
from transfer.cache_writing import Writing
from transfer.shards import opened

KEY = "ab" * 32


def written(root: Path, first: int, count: int, dtype: str = FLOAT32) -> Path:
    samples = np.arange(first * 32, (first + count) * 32, dtype=np.int64).reshape(count, 32)
    digests = np.random.default_rng(first).integers(0, 256, samples.shape, np.uint8)
    file = Writing(root / KEY, {"trunk": "t", "cut": "a b", "preparation": "", "dtype": dtype}, ["a", "ids"], digests)
    numbers = np.arange(first, first + count)
    file.append([np.repeat(numbers[:, None], 3, 1).astype(np.float32), numbers.astype(np.int32)])
    file.finish()
    assert file.path is not None
    return file.path


def held(root: Path) -> list[int]:
    with h5py.File(root / KEY / JOINED) as file:
        assert np.array_equal(np.asarray(file["0"])[:, 1], np.asarray(file["1"]))
        assert file["samples"].shape == (*file["1"].shape, 32)
        return sorted(np.asarray(file["1"]).tolist())


def test_it_follows_the_files(tmp_path: Path) -> None:
    paths = [written(tmp_path, first, 100) for first in (0, 100, 200)]
    rejoined(tmp_path / KEY)
    assert not (tmp_path / KEY / JOINED).exists()  # of one process's extraction nothing is joined
    rejoined(tmp_path / KEY, anew=True)
    assert held(tmp_path) == list(range(300))
    with h5py.File(tmp_path / KEY / JOINED) as file:
        assert file.attrs["format"] == "zoo-features-joined"
        assert (file.attrs["cut"], file["0"].attrs["scope"]) == ("a b", "a")
    written(tmp_path, 300, 50)
    rejoined(tmp_path / KEY)
    assert held(tmp_path) == list(range(350))
    assert {one.path.name for one in stored(tmp_path)} == {path.name for path in shards_in(tmp_path / KEY)}
    assert len(opened(tmp_path / KEY).missing(np.zeros((1, 32), np.uint8))) == 1
    remove(tmp_path, [one for one in stored(tmp_path) if one.path == paths[1]])
    assert held(tmp_path) == [*range(100), *range(200, 350)]
    assert prune(tmp_path, 1, dry_run=True).removed
    assert held(tmp_path) == [*range(100), *range(200, 350)]
    prune(tmp_path, 0)
    assert not (tmp_path / KEY).exists()


def test_a_broken_file_is_left_out(tmp_path: Path) -> None:
    written(tmp_path, 0, 100)
    (tmp_path / KEY / f"{'0' * 32}.h5").write_bytes(b"no feature file")
    rejoined(tmp_path / KEY, anew=True)
    assert held(tmp_path) == list(range(100))


@pytest.mark.parametrize("dtype", ["float16", BFLOAT16])
def test_narrow_numbers_lie_there_as_in_the_files(tmp_path: Path, dtype: str) -> None:
    path = written(tmp_path, 1, 100, dtype)
    rejoined(tmp_path / KEY, anew=True)
    with h5py.File(tmp_path / KEY / JOINED) as joined, h5py.File(path) as one:
        assert np.array_equal(joined["0"], one["0"])
        assert dict(joined["0"].attrs) == dict(one["0"].attrs)


def test_a_folder_that_is_not_there_stays_so(tmp_path: Path) -> None:
    rejoined(tmp_path / KEY, anew=True)
    assert not (tmp_path / KEY).exists()


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, int(sys.argv[2])))
from pathlib import Path
from registry.errors import ZooError
from transfer.shards import opened
try:
    shards = opened(Path(sys.argv[1]))
    print(len(shards._shards), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
except ZooError as error:
    print(error.message, error.hint, sep="|")
"""


def test_more_files_than_a_process_may_open(tmp_path: Path) -> None:
    for first in range(0, 700, 10):
        written(tmp_path, first, 10)

    def said(hard: int) -> str:
        words = [sys.executable, "-c", LIMITED, tmp_path / KEY, str(hard)]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    files, allowed = map(int, said(5000).split())
    assert (files, allowed) == (70, pytest.approx(70 * 2 + 512, abs=20)), "two tensors a file, and what is open now"
    message, hint = said(200).split("|")
    needs = f"70 files of 2 tensors; this process may open 200, and needs {allowed}"
    assert message == f"the feature cache {tmp_path / KEY} has {needs}"
    assert hint == f"allow more: ulimit -n {allowed}, or LimitNOFILE= where systemd starts it"
