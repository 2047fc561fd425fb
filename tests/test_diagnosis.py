"""What is told from epochs: on made-up figures, and on nets that are ill or well."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from transfer.data.target import Target
from transfer.diagnosis import findings
from transfer.features import Features
from transfer.finding import Finding
from transfer.fitting.fit import fit
from transfer.fitting.fitted import DivergenceError, Epoch
from transfer.layer_health import LARGEST, LayerHealth
from transfer.plan.hyperparameters import Training
from transfer.runs import Runs

TEN = Target("class", tuple("abcdefghij"))


def samples(shape: tuple[int, ...], n: int, seed: int, noise: float = 2.0) -> dict[str, Features]:
    """Points around ten centres, standardised, which a net learns in some epochs."""
    draws = np.random.default_rng(seed)
    centres = draws.normal(size=(10, *shape))

    def drawn(many: int) -> Features:
        y = draws.integers(10, size=many)
        x = (centres[y] + noise * draws.normal(size=(many, *shape))) / math.sqrt(1 + noise**2)
        return Features((x.astype(np.float32),), y.astype(np.int64))

    return {"train": drawn(n), "valid": drawn(100)}


def dense(depth: int, activation: str, init: Any, width: int = 30, bias: dict[int, float] | None = None) -> Any:
    x = tensor = keras.Input((40,), name="X")
    for number in range(1, depth + 1):
        tensor = keras.layers.Dense(
            width, activation, name=f"hidden{number}", kernel_initializer=init,
            bias_initializer=keras.initializers.Constant((bias or {}).get(number, 0.0)),
        )(tensor)  # fmt: skip
    return keras.Model(x, keras.layers.Dense(10, name="outputs")(tensor))


def convolutional(_: int = 0) -> Any:
    layers = keras.layers
    x = keras.Input((12, 12, 1), name="X")
    tensor = layers.Conv2D(8, 3, activation="relu", name="conv1")(x)
    tensor = layers.MaxPooling2D(name="pool1")(tensor)
    tensor = layers.Conv2D(16, 3, activation="relu", name="conv2")(tensor)
    tensor = layers.Flatten(name="flat")(tensor)
    return keras.Model(x, layers.Dense(10, name="outputs")(tensor))


def normalised() -> Any:
    layers = keras.layers
    x = tensor = keras.Input((12, 12, 1), name="X")
    for number in range(1, 5):
        tensor = layers.Conv2D(8, 3, padding="same", use_bias=False, name=f"block{number}>conv")(tensor)
        tensor = layers.BatchNormalization(name=f"block{number}>norm", momentum=0.9)(tensor)
        tensor = layers.ReLU(6.0, name=f"block{number}>relu")(tensor)
    return keras.Model(x, layers.Dense(10, name="outputs")(layers.GlobalAveragePooling2D(name="pool")(tensor)))


def diagnosed(model: Any, seed: int = 0, *, lr: float = 1e-3, n: int = 500, **how: Any) -> tuple[Finding, ...]:
    training = Training(**({"epochs": 8, "patience": 8, "batch_size": 50} | how))
    given = samples(tuple(model.input_shape[1:]), n, seed)
    try:
        return findings(fit(model, given, training, TEN, lr=lr, seed=seed).epochs)
    except DivergenceError as error:
        return findings(error.fitted.epochs)


def kinds(found: tuple[Finding, ...]) -> dict[str, str]:
    return {one.kind: one.layer for one in found}


WIDE = keras.initializers.RandomNormal(stddev=1.0, seed=1)
UNIFORM = keras.initializers.RandomUniform(-1, 1, seed=1)
HE = keras.initializers.HeNormal(seed=1)


NORMAL = [keras.initializers.RandomNormal(stddev=1.0, seed=seed) for seed in (1, 2, 3)]


@pytest.mark.parametrize(
    "init", [UNIFORM, keras.initializers.GlorotUniform(seed=1), *NORMAL], ids=["wide", "xavier", "n1", "n2", "n3"]
)
def test_twenty_sigmoid_layers_vanish(init: Any) -> None:
    found = {one.kind: one for one in diagnosed(dense(20, "sigmoid", init))}
    vanishing = found["vanishing"]
    assert vanishing.layer == "hidden1"
    assert "the gradient vanishes towards the input: at hidden1 (and " in vanishing.message
    assert "--activation elu" in vanishing.remedy
    assert "--batch-norm" in vanishing.remedy
    assert "exploding" not in found


def test_twenty_sigmoid_layers_of_very_wide_weights_saturate() -> None:
    found = {one.kind: one for one in diagnosed(dense(20, "sigmoid", WIDE, width=100))}
    assert found["saturated"].layer.startswith("hidden")
    assert "lie at the ends of the activation's range" in found["saturated"].message
    assert "--init xavier" in found["saturated"].remedy


def test_a_gradient_that_recovers_is_said_to_vanish_at_first() -> None:
    (vanishing,) = diagnosed(dense(20, "sigmoid", NORMAL[0]))
    assert vanishing.message.endswith(" of the largest when training begins")
    assert 1e-4 < vanishing.figure < 5e-3


def test_a_wide_initialisation_explodes() -> None:
    found = {one.kind: one for one in diagnosed(dense(10, "relu", WIDE))}
    assert "at or near the layer with the largest gradient: " in found["exploding"].message
    assert "weights are large, a layer makes what it reads 5." in found["exploding"].message
    assert found["exploding"].epoch == 1
    assert "--clip-norm 1.0" in found["exploding"].remedy
    assert "--init" in found["exploding"].remedy


def test_a_huge_rate_explodes() -> None:
    found = kinds(diagnosed(dense(4, "elu", HE), lr=1e4, optimizer="sgd"))
    assert found["exploding"].startswith(("hidden", "outputs"))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["hidden1", "hidden2", "hidden3", "hidden4", "outputs"])
def test_the_layer_of_large_weights_is_named(name: str, optimizer: str) -> None:
    """Its own gradient is the smallest of all: what large weights enlarge are the others'."""
    model = dense(4, "relu", HE)
    kernel = model.get_layer(name).kernel
    kernel.assign(kernel * 1e4)
    found = {one.kind: one for one in diagnosed(model, optimizer=optimizer, lr=1e-9)}
    assert found["exploding"].layer == name
    assert f"in epoch 1 the gradient explodes: the weights of {name} are too large" in found["exploding"].message
    assert re.search(
        r"make what it reads [\d.]+e\+04 times larger; the gradient is largest at", str(found["exploding"])
    )
    assert "small_update" not in found, "it is the effect of the other"


@pytest.mark.parametrize("place", [1, 2, 3])
def test_dead_units_are_found_where_they_are(place: int) -> None:
    found = {one.kind: one for one in diagnosed(dense(4, "relu", HE, bias={place: -20.0}))}
    assert found["dead"].layer == f"hidden{place}"
    assert found["dead"].figure >= 0.9
    assert found["dead"].epoch == 1
    assert "units of hidden" in found["dead"].message
    assert "--activation elu or leaky_relu" in found["dead"].remedy
    assert "vanishing" not in found, "it is the effect of the other"


def test_saturated_units_are_found() -> None:
    model = dense(2, "tanh", HE)
    kernel = model.get_layer("hidden2").kernel
    kernel.assign(kernel * 100)
    assert kinds(diagnosed(model))["saturated"] == "hidden2"


def test_rates_that_are_far_off_are_found() -> None:
    large = kinds(diagnosed(dense(2, "elu", HE), lr=1.0, clip_norm=1.0))
    assert large["large_update"] in ("hidden1", "hidden2", "outputs")
    assert "vanishing" not in large, "it is the effect of the other"
    small = {one.kind: one for one in diagnosed(dense(2, "elu", HE), lr=1e-9)}
    assert set(small) == {"small_update"}
    assert small["small_update"].remedy == "a higher --lr"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", [
    convolutional, normalised, lambda: dense(2, "relu", "he_normal"), lambda: dense(3, "tanh", "glorot_uniform"),
    lambda: dense(5, "elu", "he_normal"), lambda: dense(1, "sigmoid", "glorot_uniform"),
], ids=["conv", "norm", "relu", "tanh", "elu", "sigmoid"])  # fmt: skip
def test_healthy_nets_are_left_in_peace(make: Any, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    assert diagnosed(make(), seed, epochs=12, n=300) == ()


def epochs(*rows: tuple[float, float, float]) -> list[Epoch]:
    """Make epochs of (loss, gradient of `low`, gradient of `high`)."""
    return [
        Epoch(loss, loss, 0.5, (LayerHealth("low", low, 1e-3), LayerHealth("high", high, 1e-3)))
        for loss, low, high in rows
    ]


@pytest.mark.parametrize(("rows", "expected"), [
    ([(1.0, 1e-2, 1e-2)] * 4, {}),
    ([(1.0, 1e-7, 1e-2)] * 4, {"vanishing": "low"}),
    ([(1.0, 1e-2, 1e-7)] * 4, {}),  # only towards the input does it vanish
    ([(1.0, 1e-7, 1e-2)] + [(1.0, 1e-2, 1e-2)] * 3, {}),  # it does not last
    ([(1e-3, 1e-7, 1e-2)] * 4, {}),  # nothing is left to learn
    ([(1.0, 1e-2, 1e-2)] * 3 + [(1.5, 10.0, 1e-2)], {"exploding": "low"}),
    ([(1.0, 1e-2, 1e-2)] * 3 + [(0.9, 10.0, 1e-2)], {}),  # one batch's, and the loss falls
    ([(1.0, 1e-2, 1e-2)] * 3 + [(math.nan, 1e-2, 3e-2)], {"exploding": "high"}),
    ([(1.0, 1e-2, 3e-2), (math.nan, LARGEST, LARGEST)], {"exploding": "high"}),
    ([(1.0, 1e-2, 200.0)], {"exploding": "high"}),
    ([(1.0, 1e-2, 1e-2)] * 3 + [(4.0, 1e-2, 1e-2), (1.0, 1e-2, 1e-2)], {"spike": ""}),
    ([(1.0, 1e-2, 1e-2), (0.01, 1e-2, 1e-2), (0.02, 1e-2, 1e-2), (0.08, 1e-2, 1e-2)], {}),  # a jump of little
    ([], {}),
])  # fmt: skip
def test_what_is_told_from_figures(rows: list[tuple[float, float, float]], expected: dict[str, str]) -> None:
    assert kinds(findings(epochs(*rows))) == expected


def test_messages_say_what_where_and_what_to_try() -> None:
    (jump,) = findings(epochs(*[(1.0, 1e-2, 1e-2)] * 3, (4.0, 1e-2, 1e-2)))
    assert str(jump) == (
        "the training loss jumps once, first in epoch 4, from about 1 to 4; try --clip-norm 1.0, or a lower --lr"
    )
    (lost,) = findings(epochs((1.0, 1e-2, 1e-2), (math.nan, 1e-2, 3e-2)))
    assert str(lost) == (
        "in epoch 2 the loss is no number any more, at or near the layer with the largest gradient: high, 0.03 (root "
        "mean square); try --clip-norm 1.0, a lower --lr, --batch-norm, or a smaller initialisation (--init)"
    )


def test_a_phase_without_statistics_is_judged_by_its_loss() -> None:
    bare = [Epoch(loss, 1.0, 0.5) for loss in (1.0, 1.0, 1.0, math.inf)]
    (lost,) = findings(bare)
    assert (lost.kind, lost.layer, lost.epoch) == ("exploding", "", 4)
    assert lost.message == "in epoch 4 the loss is no number any more"


def test_a_first_epoch_that_diverges_names_the_layer() -> None:
    model = dense(3, "relu", HE)
    given = samples((40,), 100, 0)
    with pytest.raises(
        DivergenceError, match=r"in its first epoch: the loss is not a number, at or near (hidden\d|outputs)"
    ):
        fit(model, given, Training(epochs=2, batch_size=10, optimizer="sgd"), TEN, lr=1e12, seed=0)


def test_findings_and_layers_are_recorded_and_shown(
    tiny: str, data_file: Path, zoo_command: Any, zoo_home: Path
) -> None:
    options = ("--reuse", "hidden[12]", "--data", data_file, "--unfreeze", "none", "--epochs", 3)
    text = zoo_command("transfer", tiny, *options, "--lr", 1e-9)
    assert "\n! phase 1: a step changes the weights of " in text
    assert "\n! from scratch: a step changes the weights of " in text
    assert "where about 0.1 % is healthy; try a higher --lr\n" in text
    folder = Runs(zoo_home / "runs").find("last")
    (finding,) = folder.result.phases[0].findings
    assert finding.kind == "small_update"
    assert str(finding) in folder.report.read_text(encoding="utf-8")
    assert [one.scope for one in folder.epochs()[0].layers] == ["hidden3", "outputs"]
    quiet = zoo_command("transfer", tiny, *options, "--lr", 1e-9, "--no-diagnose")
    assert "\n! " not in quiet
    folder = Runs(zoo_home / "runs").all()[-1]
    assert folder.epochs()[0].layers == ()
    assert "--no-diagnose" in folder.report.read_text(encoding="utf-8")
