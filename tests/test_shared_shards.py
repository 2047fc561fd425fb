"""Feature files that machines share in a bucket, each machine a home of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import chain
from services import forget_s3
from slow_feed import SlowFeed

from registry.errors import ZooError
from registry.places import open_place
from transfer.cache import FeatureCache
from transfer.cache_checks import faults
from transfer.cache_files import read, shards_in, unfinished_in
from transfer.cache_keys import key_of
from transfer.shared_shards import SharedShards
from transfer.split import trunk_of

BELOW = ("X", "hidden1")


def features(root: Path, shared: SharedShards | None, count: int = 600) -> tuple[Any, Path, int]:
    model = chain()
    part = trunk_of(model, BELOW)
    key, cache = key_of(model, BELOW, part, ""), FeatureCache(root, "tensorflow", shared=shared)
    given = {"train": SlowFeed(count).split}
    extracted = cache.fill([(key, part)], given)
    return cache.features(key, part, given).splits["train"].arrays, cache.path(key), extracted


def test_what_one_has_extracted_another_fetches(s3: str, tmp_path: Path) -> None:
    shared = SharedShards(f"{s3}/features/")
    first, folder, count = features(tmp_path / "one", shared)
    assert count == 600
    assert shared.names(folder.name) == {path.name for path in shards_in(folder)}
    second, there, none = features(tmp_path / "two", shared)
    assert none == 0
    assert np.array_equal(first[0], second[0])
    assert [path.read_bytes() for path in shards_in(folder)] == [path.read_bytes() for path in shards_in(there)]
    assert [fault for path in shards_in(there) for fault in faults(path)] == []
    *_, more = features(tmp_path / "two", shared, 900)
    assert more == 300
    assert len(shared.names(folder.name)) == 2
    assert features(tmp_path / "one", shared, 900)[2] == 0


def test_files_of_other_samples_stay_where_they_are(s3: str, tmp_path: Path) -> None:
    shared = SharedShards(f"{s3}/features")
    _, folder, _ = features(tmp_path / "one", shared, 300)
    features(tmp_path / "one", shared, 600)
    names = sorted(path.name for path in shards_in(folder))
    assert len(names) == 2
    there = tmp_path / "two" / folder.name
    assert features(tmp_path / "two", shared, 300)[2] == 0
    (fetched,) = shards_in(there)
    assert len(read(fetched).samples) == 300 and fetched.name in names
    assert features(tmp_path / "two", shared, 600)[2] == 0
    assert sorted(path.name for path in shards_in(there)) == names


@pytest.mark.parametrize("content", [None, b"", b"x" * 33, b"y" * 64])
def test_a_file_that_does_not_say_what_it_holds_is_fetched(s3: str, tmp_path: Path, content: bytes | None) -> None:
    shared = SharedShards(f"{s3}/features")
    _, folder, _ = features(tmp_path / "one", shared)
    (path,) = shards_in(folder)
    place = open_place(f"{s3}/features/{folder.name}/{path.stem}.samples")
    place.remove()
    if content is not None:
        place.write(content)
    assert features(tmp_path / "two", shared)[2] == 0


def test_what_was_there_before_is_shared_too(s3: str, tmp_path: Path) -> None:
    shared = SharedShards(s3)
    _, folder, _ = features(tmp_path / "one", None)
    assert not shared.names(folder.name)
    features(tmp_path / "one", shared, 601)
    assert len(shared.names(folder.name)) == 2


def test_a_damaged_file_is_named_and_not_taken(s3: str, tmp_path: Path) -> None:
    shared = SharedShards(f"{s3}/features")
    _, folder, _ = features(tmp_path / "one", shared)
    (path,) = shards_in(folder)
    place = open_place(f"{s3}/features/{folder.name}/{path.name}")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    for damaged in (bytes(content), bytes(content[:-100]), b"no feature file"):
        place.write(damaged)
        with pytest.raises(ZooError) as caught:
            features(tmp_path / "two", shared)
        assert caught.value.message.startswith(f"{place.url} is damaged: ")
        assert caught.value.hint == "remove it there; it is made again"
        there = tmp_path / "two" / folder.name
        assert not shards_in(there)
        assert not unfinished_in(there)
    place.remove()
    assert features(tmp_path / "two", shared)[2] == 600


def test_a_server_that_is_gone_loses_nothing(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder, _ = features(tmp_path / "one", None)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        forget_s3()
        with pytest.raises(ZooError, match="cannot be reached"):
            features(tmp_path / "one", SharedShards(s3), 601)
    forget_s3()
    assert len(shards_in(folder)) == 1
    features(tmp_path / "one", SharedShards(s3), 601)
    assert len(SharedShards(s3).names(folder.name)) == 2


def test_the_environment_says_where(
    s3: str,
    tiny: str,
    data_file: Path,
    zoo_home: Path,
    zoo_command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["transfer", "tiny", "--reuse", "hidden1", "--unfreeze", "none", "--epochs", "1", "--no-compare-scratch"]
    monkeypatch.setenv("ZOO_CACHE", f"{s3}/features")
    assert zoo_command(*words, "--data", data_file, "--json")["cache"]["extracted"] == 90
    zoo_command("cache", "rm", "--all", "--yes")
    assert zoo_command(*words, "--data", data_file, "--json")["cache"]["extracted"] == 0
    for place in ("file:/tmp/features", "/tmp/features", "bucket/features"):
        monkeypatch.setenv("ZOO_CACHE", place)
        zoo_command(*words, "--data", data_file, code=1)
        assert f"ZOO_CACHE={place} is no object store" in zoo_command.err  # type: ignore[attr-defined]
        assert "set ZOO_HOME to a folder that all machines see" in zoo_command.err  # type: ignore[attr-defined]
