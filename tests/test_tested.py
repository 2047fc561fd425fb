"""The test samples of a model whose frozen layers are work: from their features, which lie in the cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import transfer.engines.eager as eager
from transfer.predicted import read
from zoo import api

PLAN = {"reuse": "hidden[12]", "unfreeze": "gradual", "epochs": 3, "compare_scratch": False}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no model be one that a few samples go through at once."""
    monkeypatch.setattr(eager, "EAGER_BYTES", 0)


def test_features_of_test_samples_give_the_same_figures(
    tiny: str, data_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = api.transfer(tiny, str(data_file), **PLAN, cached=False)
    assert api.transfer(tiny, str(data_file), **PLAN).result.cache.extracted == 90
    monkeypatch.setattr(eager, "EAGER_BYTES", 0)
    run = api.transfer(tiny, str(data_file), **PLAN)
    assert run.result.cache.extracted == 45, "train and valid were there"
    said, expected = read(run.folder.path), read(plain.folder.path)
    np.testing.assert_allclose(said.outputs, expected.outputs, rtol=1e-4, atol=1e-5)
    assert run.result.test_accuracy == plain.result.test_accuracy


def test_another_top_finds_them(tiny: str, data_file: Path, work: None) -> None:
    assert api.transfer(tiny, str(data_file), **PLAN).result.cache.extracted == 135
    assert api.transfer(tiny, str(data_file), **PLAN, top=(5,)).result.cache.extracted == 0


def test_rounded_features_say_nothing_of_a_model(tiny: str, data_file: Path, work: None) -> None:
    assert api.transfer(tiny, str(data_file), **PLAN, cache_dtype="float16").result.cache.extracted == 90
