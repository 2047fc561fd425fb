from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest

from transfer.plan.style import INITS
from transfer.tops.fresh import INITIALIZERS, fitting, seeded

IN, OUT = 300, 500

# Variance, and the largest value as a multiple of the deviation: uniform numbers end at sqrt(3) deviations. Keras
# cuts its normal ones off at two deviations of a wider normal distribution, which has 0.8796 of that as its own.
UNIFORM, NORMAL = math.sqrt(3), 2 / 0.87962566
DRAWN = {
    "he": (2 / IN, NORMAL), "he_normal": (2 / IN, NORMAL), "he_uniform": (2 / IN, UNIFORM),
    "lecun": (1 / IN, NORMAL), "lecun_normal": (1 / IN, NORMAL),
    "xavier": (2 / (IN + OUT), UNIFORM), "xavier_uniform": (2 / (IN + OUT), UNIFORM),
    "xavier_normal": (2 / (IN + OUT), NORMAL),
}  # fmt: skip


def kernel(init: str | None, seed: int = 0, scope: str = "a", activation: str = "relu") -> np.ndarray:
    config = keras.layers.Dense(OUT, activation, name=scope).get_config()
    layer = keras.layers.Dense.from_config(seeded(config, scope, seed, init))
    layer.build((None, IN))
    return np.asarray(layer.kernel)


@pytest.mark.parametrize("init", DRAWN)
def test_kernels_are_drawn_from_the_distribution_of_their_name(init: str) -> None:
    drawn, (variance, widest) = kernel(init), DRAWN[init]
    assert drawn.mean() == pytest.approx(0, abs=4 * math.sqrt(variance / drawn.size))
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    assert np.abs(drawn).max() == pytest.approx(widest * math.sqrt(variance), rel=0.01)
    limit = widest * math.sqrt(variance)
    inner = np.mean(np.abs(drawn) < limit / 2)
    assert inner == pytest.approx(0.5 if widest == UNIFORM else 0.7153, abs=0.01)


def test_orthogonal_kernels_keep_lengths() -> None:
    drawn = kernel("orthogonal")
    np.testing.assert_allclose(drawn @ drawn.T, np.eye(IN), atol=1e-4)


def test_every_initialiser_has_a_distribution_here_and_a_name_there() -> None:
    assert set(INITS) == set(INITIALIZERS) == {*DRAWN, "orthogonal"}


@pytest.mark.parametrize("init", sorted(INITIALIZERS))
def test_seed_and_scope_decide_alone(init: str) -> None:
    assert np.array_equal(kernel(init), kernel(init))
    assert not np.array_equal(kernel(init), kernel(init, seed=1))
    assert not np.array_equal(kernel(init), kernel(init, scope="b"))


@pytest.mark.parametrize(
    ("activation", "init"),
    [
        *((name, "he") for name in ("relu", "leaky_relu", "rrelu", "prelu", "elu", "gelu", "swish")),
        ("selu", "lecun"), ("tanh", "xavier"), ("sigmoid", "xavier"),
    ],
)  # fmt: skip
def test_the_activation_chooses(activation: str, init: str) -> None:
    assert fitting(activation) == init


@pytest.mark.parametrize("activation", ["relu", "elu", "selu", "tanh", "sigmoid"])
def test_a_layers_own_activation_chooses(activation: str) -> None:
    assert np.array_equal(kernel(None, activation=activation), kernel(fitting(activation), activation=activation))


def test_the_kernel_of_a_convolution_counts_its_window() -> None:
    config: dict[str, Any] = keras.layers.Conv2D(64, 3, name="a").get_config()
    layer = keras.layers.Conv2D.from_config(seeded(config, "a", 0, "he_uniform"))
    layer.build((None, 8, 8, 40))
    drawn = np.asarray(layer.kernel)
    assert np.abs(drawn).max() == pytest.approx(math.sqrt(6 / (9 * 40)), rel=0.01)
