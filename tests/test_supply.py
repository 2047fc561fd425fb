from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from conftest import blobs, chain

import transfer.fitting.compiling
import transfer.fitting.supply as supply
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.fitting.loop import Loop
from transfer.fitting.supply import Supply
from transfer.fitting.work import Work
from transfer.plan.hyperparameters import Training

THREE = Target("class", ("a", "b", "c"))


def splits() -> dict[str, Features]:
    made = {name: blobs(n, seed=n) for name, n in (("train", 50), ("valid", 21))}
    return {name: Features((x,), y) for name, (x, y) in made.items()}


def work(epochs: int = 9, patience: int = 9) -> Work:
    how = Training(epochs=epochs, patience=patience, batch_size=16, lr=0.01)
    return Work(chain(outputs=3), splits(), how, THREE, how.lr, 1)


def trained(many: int) -> tuple[Any, list[np.ndarray]]:
    """Train so many epochs a call."""
    made = work()
    loop = Loop(made, float("inf"))
    while not loop.stopped:
        loop.advance(many)
    fitted = loop.finish(0.0)
    return fitted.epochs, made.tail.get_weights()


def test_small_samples_are_drawn_in_their_order() -> None:
    made = work()
    given = Supply(made, np.int32)
    x, y = made.splits["train"].arrays[0], made.splits["train"].labels
    assert given.at_once == 9
    inputs, labels = (one.numpy() for one in given.drawn(0))
    for epoch in range(9):
        rows = np.resize(made.order(epoch), (4, 16))
        assert np.array_equal(inputs[4 * epoch : 4 * epoch + 4], x[rows])
        assert np.array_equal(labels[4 * epoch : 4 * epoch + 4], y[rows])


def test_of_large_samples_the_rows_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "ORDERED_BYTES", 1000)
    monkeypatch.setattr(supply, "ORDER_ROWS", 128)
    made = work()
    given = Supply(made, np.int32)
    (rows,) = given.drawn(2)
    assert given.at_once == 2, "as many epochs as have 128 positions"
    orders = [np.resize(made.order(epoch), (4, 16)) for epoch in (4, 5)]
    assert np.array_equal(rows.numpy(), np.concatenate(orders))


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize(("limit", "value"), [("DRAWN_BYTES", 1), ("DRAWN_BYTES", 4 * 64 * 40), ("ORDERED_BYTES", 1)])
def test_how_samples_are_drawn_changes_nothing(
    limit: str, value: int, xla: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if xla:
        monkeypatch.setattr(transfer.fitting.compiling, "XLA_STEPS", 1)
    epochs, weights = trained(9)
    monkeypatch.setattr(supply, limit, value)
    for many in (1, 3, 9):
        again, others = trained(many)
        for figure in ("train_loss", "valid_loss"):
            found, expected = ([getattr(one, figure) for one in each] for each in (again, epochs))
            assert found == pytest.approx(expected, rel=1e-6)
        assert all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(weights, others, strict=True))


def test_a_phase_that_ends_early_draws_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "DRAWN_BYTES", 1)
    blocks = list[int]()
    drawn = Supply.drawn
    monkeypatch.setattr(Supply, "drawn", lambda self, block: (blocks.append(block), drawn(self, block))[1])
    made = work(epochs=16, patience=2)
    fitted = fit(made.tail, made.splits, made.how, THREE, lr=5.0, seed=1, least=1e-9)
    assert len(fitted.epochs) == 2
    assert max(blocks) <= 3


def test_many_epochs_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = list[int]()
    drawn = Supply.drawn
    monkeypatch.setattr(Supply, "drawn", lambda self, block: (blocks.append(block), drawn(self, block))[1])
    trained(2)
    assert blocks == [0]


def test_a_loop_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA compiles anew for each value of an argument that it takes for a constant, such as where a slice begins."""
    monkeypatch.setattr(transfer.fitting.compiling, "XLA_STEPS", 1)
    loop, seconds = Loop(work(), float("inf")), list[float]()
    for many in (1, 2, 1, 3):
        start = time.process_time()
        loop.advance(many)
        seconds.append(time.process_time() - start)
    assert len(loop.epochs) == 7
    assert max(seconds[1:]) < seconds[0] / 3
