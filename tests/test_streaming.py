from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs, chain
from hypothesis import given
from hypothesis import strategies as st

import transfer.fitting.streaming as streaming
import transfer.spilled
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.fitting.streaming import Stream, Windows, read
from transfer.fitting.work import Work
from transfer.plan.hyperparameters import Training

ROW = 32  # bytes of a sample of `blobs`


def mapped(path: Path, x: np.ndarray) -> np.ndarray:
    """Write an array into a file, behind some other bytes, and map it."""
    path.write_bytes(b"\0" * 4100 + x.tobytes())
    return np.memmap(path, x.dtype, "r", 4100, x.shape)


def trained(train: Features, seed: int = 1, epochs: int = 4) -> tuple[Any, list[np.ndarray]]:
    x, y = blobs(300, seed=9)
    model = chain(outputs=3)
    how = Training(epochs=epochs, patience=epochs, batch_size=16, lr=0.01)
    fitted = fit(model, {"train": train, "valid": Features((x,), y)}, how, Target("class", ("a", "b", "c")),
                 lr=how.lr, seed=seed)  # fmt: skip
    return fitted, model.get_weights()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 8 batches, stretches of 4 samples; whatever is mapped counts as too large."""
    monkeypatch.setattr(transfer.spilled, "IN_MEMORY", 100)
    monkeypatch.setattr(streaming, "WINDOW_BYTES", 8 * 16 * ROW)
    monkeypatch.setattr(streaming, "STRETCH_BYTES", 4 * ROW)


@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(0, 3))
def test_an_epoch_takes_each_sample_once(n: int, steps: int, batch: int, stretch: int, seed: int) -> None:
    windows = Windows(steps, batch, stretch)
    order = windows.order(np.random.default_rng(seed), n)
    assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(order, windows.order(np.random.default_rng(seed), n))
    size = steps * batch
    for first in range(0, n, size):
        runs = len({row // stretch for row in order[first : first + size].tolist()})
        assert runs <= -(-size // stretch) + 2, "a window is read from few places"


def test_of_one_window_the_order_is_the_one_in_memory() -> None:
    drawn = Windows(5, 20, 7).order(np.random.default_rng(4), 100)
    assert np.array_equal(drawn, np.random.default_rng(4).permutation(100))


def test_windows_take_the_bytes_that_are_stated() -> None:
    assert Windows.of(4096, 256) == Windows(64, 256, 64)
    assert Windows.of(10**9, 8) == Windows(1, 8, 1), "a batch that is larger is a window of its own"
    assert streaming.BUDGET == 256 * 2**20


@pytest.mark.parametrize("n", [1, 7, 500])
def test_rows_come_in_the_order_that_is_asked(tmp_path: Path, n: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, 3, 5)).astype(np.float32)
    array = mapped(tmp_path / "x", x)
    draws = np.random.default_rng(1)
    for rows in (draws.permutation(n), draws.integers(n, size=2 * n), np.arange(n)[::-1], np.arange(0)):
        assert np.array_equal(read(array, rows), x[rows])
        assert np.array_equal(read(x, rows), x[rows])
        assert np.array_equal(read(array[n // 3 :], rows[rows < n - n // 3]), x[n // 3 :][rows[rows < n - n // 3]])


def test_what_was_not_announced_is_read_all_the_same(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32)
    stream, rows = Stream([mapped(tmp_path / "x", x)]), np.random.default_rng(1).permutation(90).reshape(9, 10)
    for here, following in ((rows[:3], rows[3:6]), (rows[3:6], rows[6:]), (rows[:2], rows[6:]), (rows[6:], rows[:0])):
        assert np.array_equal(stream.window(here, following)[0], x[here.reshape(-1)])


@pytest.mark.usefixtures("small")
def test_training_by_windows_is_training_in_memory_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = blobs(901, seed=1)
    file = Features((mapped(tmp_path / "x", x),), y)
    assert Work(chain(), {"train": file}, Training(batch_size=16), Target("class", ("a",)), 0.1, 1).windows.steps == 8
    streamed, weights = trained(file)
    monkeypatch.setattr(Work, "windows", property(lambda work: Windows(8, 16, 4)))
    held, again = trained(Features((x,), y))
    assert [epoch.valid_loss for epoch in streamed.epochs] == pytest.approx(
        [epoch.valid_loss for epoch in held.epochs], rel=1e-6
    )
    assert all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(weights, again, strict=True))


@pytest.mark.usefixtures("small")
def test_one_view_of_each_sample(tmp_path: Path) -> None:
    x, y = blobs(600, seed=1)
    views = Features((mapped(tmp_path / "x", np.repeat(x, 3, 0)),), np.repeat(y, 3))
    how = Training(epochs=1, patience=1, batch_size=16, lr=0.01)
    work = Work(
        chain(outputs=3), {"train": views, "valid": views}, how, Target("class", ("a", "b", "c")), 0.1, 1, views=3
    )
    assert sorted((work.order(0) // 3).tolist()) == list(range(600))
    fit(work.tail, work.splits, how, work.target, lr=0.01, seed=1, views=3)


def ranks(order: np.ndarray) -> np.ndarray:
    places = np.empty(len(order))
    places[order] = np.arange(len(order))
    return places


def test_the_places_of_a_sample_in_two_epochs_have_nothing_to_do_with_each_other() -> None:
    n, windows = 4096, Windows(8, 16, 4)
    places = [ranks(windows.order(np.random.default_rng([seed, 0]), n)) for seed in range(20)]
    found = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(places)]
    spread = 1 / np.sqrt(n / windows.stretch)  # of independent orders of the stretches
    assert abs(np.mean(found)) < 3 * spread / np.sqrt(len(found))
    assert np.std(found) < 1.6 * spread


@pytest.mark.usefixtures("small")
def test_on_sorted_labels_windows_train_as_well_as_a_full_shuffle(tmp_path: Path) -> None:
    x, y = blobs(1200, seed=1)
    order = np.argsort(y, kind="stable")
    x, y = x[order], y[order]
    file = mapped(tmp_path / "x", x)
    losses = [
        [min(epoch.valid_loss for epoch in trained(Features((one,), y), seed, 2)[0].epochs) for one in (x, file)]
        for seed in range(10)
    ]
    differences = np.diff(losses, axis=1)[:, 0]
    half = 2.262 * differences.std(ddof=1) / np.sqrt(10)  # Student's t, 9 degrees of freedom, 95 %
    assert abs(differences.mean()) <= half, f"{differences.mean():.4f} ± {half:.4f}"
    plain = Windows(8, 16, 1200).order(np.random.default_rng(0), 1200)[:128]
    assert len(set(y[plain].tolist())) < len(set(y.tolist())), "without stretches a window has few of the labels"
