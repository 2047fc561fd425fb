"""`--engine ray` from the command line to the result; and what is said where that cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from registry.errors import ChoiceError, ZooError
from transfer.cluster.cluster import Cluster, cluster_of
from transfer.cluster.connecting import connected

TINY = ["transfer", "tiny", "--reuse", "hidden[12]", "--unfreeze", "none", "--epochs", "2", "--no-compare-scratch"]


def started(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own, with no Ray anywhere yet."""
    words = [sys.executable, "-m", "zoo", *map(str, arguments)]
    here = {"PYTHONPATH": str(Path(__file__).parents[1]), "ZOO_THREADS": "2"}
    return subprocess.run(words, capture_output=True, text=True, env={**os.environ, **here, **environment})


def test_a_cluster_is_started_used_and_ended_and_the_result_is_the_same_to_the_last_bit(
    tiny: str, data_file: Path, zoo_command: Callable[..., Any]
) -> None:
    done = started(*TINY, "--data", data_file, "--engine", "ray", "--workers", 2, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["cache"]["extracted"] == 90
    zoo_command("cache", "rm", "--all", "--yes")
    again = zoo_command("replay", "last", "--json")
    assert again["same"], again["differences"]
    assert again["cache"]["extracted"] == 90
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout  # of this test's, none
    assert str(document["run"]) not in left


REFUSED = [
    (["--engine", "spark"], "there is no engine 'spark'", "there are: local, ray"),
    (["--workers", "2"], "--workers is of a cluster, and the engine is local", "--engine ray"),
    (["--engine", "local", "--address", "auto"], "--address is of a cluster", "--engine ray"),
    (["--engine", "ray", "--workers", "0"], "--workers is 0; expected 1 or more", ""),
    (["--engine", "ray", "--address", "here"], "--address 'here' cannot be read", "auto, or HOST:PORT"),
    (["--engine", "ray", "--address", "ray://one:10001"], "is that of a Ray client", "--address auto"),
]


@pytest.mark.parametrize(("words", "message", "hint"), REFUSED, ids=lambda value: str(value)[:30])
def test_choices_that_make_no_cluster(
    zoo_command: Callable[..., Any], tiny: str, data_file: Path, words: list[str], message: str, hint: str
) -> None:
    zoo_command(*TINY, "--data", data_file, *words, code=2)
    assert message in zoo_command.err  # type: ignore[attr-defined]
    assert hint in zoo_command.err  # type: ignore[attr-defined]
    zoo_command("resume", "last", *words, code=2)
    zoo_command("replay", "last", *words, code=2)


def test_without_ray_the_extra_is_named(
    zoo_command: Callable[..., Any], tiny: str, data_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    zoo_command(*TINY, "--data", data_file, "--engine", "ray", code=1)
    assert "this needs the Python package 'ray', which is not installed" in zoo_command.err  # type: ignore[attr-defined]
    assert "pip install 'zoo[ray]'" in zoo_command.err  # type: ignore[attr-defined]
    with pytest.raises(ZooError, match="which is not installed"):
        zoo.transfer(tiny, str(data_file), reuse="hidden1", engine="ray")
    assert not list((Path(os.environ["ZOO_HOME"]) / "runs").glob("*"))


def test_no_cluster_where_one_is_said_to_be() -> None:
    with pytest.raises(ZooError) as caught:
        connected(Cluster("127.0.0.1:1"))
    assert caught.value.message == "no Ray cluster can be reached at 127.0.0.1:1: Connection refused"
    assert caught.value.hint.startswith("ray status")
    with pytest.raises(ZooError, match="no Ray cluster can be reached at no-such-host:6379"):
        connected(Cluster("no-such-host:6379"))


def test_more_workers_than_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_THREADS", "2")
    with pytest.raises(ZooError) as caught:
        connected(Cluster(workers=3))
    assert caught.value.message == "--workers 3 need a CPU each; this machine has 2"
    assert caught.value.hint == "take fewer, or join a cluster of several machines: --address HOST:PORT"


def test_what_makes_a_cluster() -> None:
    assert cluster_of(None) is None
    assert cluster_of("local") is None
    assert cluster_of("ray", "[::1]:6379", 4) == Cluster("[::1]:6379", 4)
    with pytest.raises(ChoiceError):
        cluster_of("ray", "host:99999999")
