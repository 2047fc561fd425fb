"""The learning-rate range test, on made curves and on a real net."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from conftest import blobs, chain
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import fit
from transfer.fitting.range_test import lr_find
from transfer.lr_range import judged, over, rising, smoothed
from transfer.plan.hyperparameters import Training

THREE = Target("class", ("a", "b", "c"))
RATES = rising()


def splits(scale: float = 1.0) -> dict[str, Features]:
    drawn = {name: blobs(n, seed=n) for name, n in (("train", 120), ("valid", 30))}
    return {name: Features((x * np.float32(scale),), y) for name, (x, y) in drawn.items()}


def falling(middle: float) -> list[float]:
    """A loss that falls from 2 to 1, fastest at a rate, and rises from ten times that rate on."""
    place = np.log10(np.array(RATES) / middle)
    noise = np.random.default_rng(0).normal(size=len(RATES)) * 0.02
    return list(1 + 1 / (1 + np.exp(5 * place)) + np.maximum(0, place - 1) ** 2 + noise)


@pytest.mark.parametrize("middle", [1e-4, 1e-3, 1e-2])
def test_the_rate_of_the_steepest_fall_is_suggested(middle: float) -> None:
    found = judged(RATES, falling(middle))
    assert middle / 2 < found.suggested < middle * 2
    assert found.rates == RATES
    assert len(found.losses) == len(RATES)


@pytest.mark.parametrize("middle", [3e-6, 1e-5])
def test_a_fall_that_comes_early_and_then_a_slow_one(middle: float) -> None:
    place = np.log10(np.array(RATES) / middle)
    found = judged(RATES, list(3 - 1.5 / (1 + np.exp(-8 * place)) - 0.1 * np.log10(np.array(RATES) / 1e-6)))
    assert middle / 2 < found.suggested < middle * 2


@pytest.mark.parametrize("seed", [17, 26, 56])
def test_noise_before_the_fall_is_no_fall(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=len(RATES)) * 0.3
    found = judged(RATES, list(1 + 1 / (1 + np.exp(2 * np.log10(np.array(RATES) / 3e-2))) + noise))
    assert found.suggested > 3e-4


def test_rates_rise_geometrically() -> None:
    assert (RATES[0], RATES[-1], len(RATES)) == (1e-6, 1.0, 100)
    np.testing.assert_allclose(np.diff(np.log(RATES)), math.log(1e6) / 99, rtol=1e-3)


@given(st.lists(st.floats(0, 100), max_size=40))
def test_a_smoothed_loss_lies_between_its_neighbours(losses: list[float]) -> None:
    found = smoothed(losses)
    assert len(found) == len(losses)
    assert all(min(losses) - 1e-9 <= one <= max(losses) + 1e-9 for one in found)


def test_it_ends_when_the_loss_is_four_times_its_best() -> None:
    losses = [1.0] * 20
    while not over(losses):
        losses.append(10.0)
    assert len(losses) == 24, "1 - 0.9**4 of the way from 1 to 10 is above 4"
    assert not over([])
    assert over([1.0, math.inf])


@pytest.mark.parametrize("losses", [[], [math.nan], [1.0, 2.0, 3.0, 4.0], list(np.linspace(1, 2, 100))])
def test_a_loss_that_never_falls_is_an_error(losses: list[float]) -> None:
    with pytest.raises(ZooError, match="no learning rate from 1e-06 to 1 lowers the loss") as caught:
        judged(RATES, losses)
    assert "--clip-norm 1.0" in caught.value.hint


def net() -> Any:
    source = chain(outputs=3)
    dropped = keras.layers.Dropout(0.2, seed=3, name="drop")(source.get_layer("hidden3").output)
    outputs = keras.layers.Dense(3, name="top", kernel_initializer=keras.initializers.HeNormal(4))(dropped)
    return keras.Model(source.inputs[0], outputs)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_what_it_suggests_trains_and_the_model_stays_as_it_was(optimizer: str) -> None:
    how = Training(optimizer=optimizer, batch_size=20, epochs=10, patience=10, schedule="cosine")
    model = net()
    before = [variable.numpy().tobytes() for variable in model.variables]
    found = lr_find(model, splits(), how, THREE, 1)
    assert [variable.numpy().tobytes() for variable in model.variables] == before, "dropout's state as well"
    assert lr_find(model, splits(), how, THREE, 1) == found
    fitted = fit(model, splits(), how, THREE, lr=found.suggested, seed=1)
    assert fitted.epochs[fitted.best].valid_accuracy >= 0.8
    slow = fit(net(), splits(), how, THREE, lr=found.suggested / 100, seed=1)
    assert fitted.epochs[fitted.best].valid_loss < slow.epochs[slow.best].valid_loss


def test_it_stops_early_where_training_explodes() -> None:
    found = lr_find(chain(outputs=3), splits(scale=30.0), Training(optimizer="sgd", batch_size=20), THREE, 1)
    assert len(found.rates) < 100
    assert found.suggested < 0.01
