"""On how many cores engines and probes compute."""

from __future__ import annotations

import os

import pytest
from conftest import chain

from registry.errors import ChoiceError
from transfer.cores import cores
from transfer.engines.onnx import MOST, OnnxRuntime
from transfer.probes.threads import solved


def test_a_process_takes_the_cores_that_it_may_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_THREADS", raising=False)
    assert cores() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("ZOO_THREADS", " ")
    assert cores() == len(os.sched_getaffinity(0))


def test_the_environment_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_THREADS", "3")
    assert cores() == 3


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "10000", "٣"])
def test_what_is_no_number_of_threads(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ZOO_THREADS", text)
    with pytest.raises(ChoiceError) as caught:
        cores()
    assert caught.value.message == (
        f"ZOO_THREADS {text!r} is no number of threads; expected a whole number from 1 to 9999"
    )
    assert caught.value.hint == "unset ZOO_THREADS: all cores that this process may run on are used"


@pytest.mark.parametrize(("threads", "at_once", "each"), [(1, 1, 1), (2, 3, 1), (MOST, MOST + 1, 1), (64, MOST + 1, 8)])
def test_batches_share_the_cores(monkeypatch: pytest.MonkeyPatch, threads: int, at_once: int, each: int) -> None:
    monkeypatch.setenv("ZOO_THREADS", str(threads))
    engine = OnnxRuntime(chain())
    assert engine.at_once == at_once
    assert engine._session.get_session_options().intra_op_num_threads == each


def test_problems_share_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setenv("ZOO_THREADS", "3")
    meeting = threading.Barrier(3, timeout=30)
    assert len(list(solved(lambda _: meeting.wait(), range(3)))) == 3, "three are worked on at once"
