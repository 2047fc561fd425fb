"""Phases that two and three workers of a real Ray cluster train together, against one process that trains alone."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

import transfer.fitting.fit
from registry.errors import ZooError
from transfer.augment import parse_augment
from transfer.augmenter import Augmenter
from transfer.cluster.cluster import Cluster
from transfer.cluster.connecting import imported
from transfer.cluster.parallel import opened
from transfer.cluster.parallel_crew import Crew
from transfer.cluster.parallel_loop import ParallelLoop
from transfer.cluster.parallel_worker import ParallelWorker
from transfer.data.target import Target
from transfer.features import Features
from transfer.fitting.fit import Fitted, fit
from transfer.fitting.fitted import DivergenceError, Epoch
from transfer.fitting.loop import Loop
from transfer.plan.hyperparameters import Training
from transfer.split import halved
from transfer.tops.rrelu import RReLU

L = keras.layers
CLASSES = Target("class", ("a", "b", "c"))
SEVERAL = Target("multilabel", ("a", "b", "c"))
NUMBERS = Target("number", ("x", "y"), (0.5, -1.0), (2.0, 3.0))
FIGURES = ("gradient", "update", "gain", "dead", "saturated")
SHAPE = (8, 8, 3)


def small_memory() -> None:
    """Let a process have so little memory that all it maps counts as too large, and is read in windows of two steps."""
    import transfer.fitting.streaming
    import transfer.spilled

    transfer.spilled.IN_MEMORY = 0
    transfer.fitting.streaming.WINDOW_BYTES = 2 * 33 * 768
    transfer.fitting.streaming.STRETCH_BYTES = 8 * 768


small_memory.__module__ = "__main__"  # so that Ray sends it as it is, and no worker imports this file


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of three CPUs, whatever this machine has."""
    environment = {"worker_process_setup_hook": small_memory}
    ray = imported()
    ray.init("local", num_cpus=3, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def two(cluster: None) -> Iterator[Crew]:
    crew = Crew(2)
    yield crew
    crew.end()


def dense(outputs: int = 3, **style: Any) -> Any:
    keras.utils.set_random_seed(1)
    x = keras.Input(SHAPE, name="X")
    tensor = L.Dense(16, "elu", name="hidden1", **style)(L.Flatten(name="flat")(x))
    tensor = L.Dense(12, "relu", name="hidden2")(L.Dropout(0.3, seed=4, name="drop")(tensor))
    return keras.Model(x, L.Dense(outputs, name="outputs")(tensor))


def noisy(outputs: int) -> Any:
    keras.utils.set_random_seed(1)
    x = keras.Input(SHAPE, name="X")
    tensor = L.GaussianNoise(0.2, seed=3, name="noise")(L.Flatten(name="flat")(x))
    tensor = RReLU(seed=8, name="rrelu")(L.Dense(10, name="hidden1")(tensor))
    tensor = L.Dense(10, "selu", name="hidden2")(L.AlphaDropout(0.2, seed=5, name="alpha")(tensor))
    return keras.Model(x, L.Dense(outputs, name="outputs")(tensor))


def conv(outputs: int = 3) -> Any:
    """Two branches that meet; no bias where a normalisation takes it off: Adam would make steps of its rounding."""
    keras.utils.set_random_seed(2)
    x = keras.Input(SHAPE, name="X")
    kernel = {"padding": "same", "use_bias": False, "kernel_regularizer": "l2"}
    tensor = L.ReLU(name="relu1")(
        L.BatchNormalization(name="norm1", momentum=0.8)(L.Conv2D(6, 3, name="c1", **kernel)(x))
    )
    other = L.BatchNormalization(name="norm2", momentum=0.8)(
        L.DepthwiseConv2D(3, padding="same", use_bias=False, name="c2")(tensor)
    )
    tensor = L.Add(name="sum")([tensor, L.Activation("tanh", name="tanh")(other)])
    tensor = L.SpatialDropout2D(0.2, seed=6, name="drop")(tensor)
    return keras.Model(x, L.Dense(outputs, name="outputs")(L.GlobalAveragePooling2D(name="pool")(tensor)))


def samples(n: int, target: Target, seed: int) -> Features:
    draws = np.random.default_rng(seed)
    classes = draws.choice(3, n, p=(0.6, 0.3, 0.1))
    x = (draws.normal(size=(n, *SHAPE)) + 0.4 * classes[:, None, None, None]).astype(np.float32)
    if target.kind == "class":
        return Features((x,), classes)
    if target.kind == "multilabel":
        return Features((x,), (draws.random((n, 3)) < 0.4).astype(np.float32))
    return Features((x,), x.mean(axis=(1, 2))[:, :2] * 2 + 1)


def made(model: Callable[..., Any], target: Target = CLASSES, **training: Any) -> Callable[..., tuple[Any, Fitted]]:
    """Return what trains a new model each time, alone or by a loop that it is given."""
    how = Training(**{"epochs": 4, "batch_size": 33, "lr": 0.01, **training})
    splits = {"train": samples(117, target, 1), "valid": samples(61, target, 2)}

    def train(**given: Any) -> tuple[Any, Fitted]:
        net = model(target.width)
        return net, fit(net, splits, how, target, lr=how.lr, seed=1, **given)

    return train


def by(crew: Crew, folder: Path) -> Callable[..., ParallelLoop]:
    return lambda work, least: ParallelLoop(crew, folder, work, least)


def alike(one: tuple[Any, Fitted], other: tuple[Any, Fitted], *, atol: float = 2e-5) -> None:
    (model, fitted), (again, together) = one, other
    assert fitted.improved == together.improved
    assert fitted.best == together.best
    for first, second in zip(fitted.epochs, together.epochs, strict=True):
        assert np.allclose(figures(first), figures(second), rtol=1e-4, atol=1e-5)
    for variable, value in zip(model.variables, again.variables, strict=True):
        assert np.allclose(variable.numpy(), value.numpy(), rtol=1e-4, atol=atol), variable.path


def figures(epoch: Epoch) -> list[float]:
    layers = [getattr(layer, name) or 0.0 for layer in epoch.layers for name in FIGURES]
    return [epoch.train_loss, epoch.valid_loss, epoch.valid_accuracy, *layers]


CASES = {
    "sgd, dropout": made(dense, optimizer="sgd", lr=0.1),
    "adam, a batch that does divide": made(dense, batch_size=26),
    "a last batch that is filled up, one sample more for one worker": made(dense, batch_size=51),
    "batch normalisation, l2, several dropouts, two branches": made(conv, optimizer="momentum", lr=0.05),
    "batch normalisation, adam": made(conv),
    "clipped by the norm of all": made(dense, clip_norm=0.05, optimizer="nesterov", lr=0.1),
    "clipped by a quantile of the norms": made(dense, clip_quantile=0.5, optimizer="rmsprop", lr=0.002),
    "noise, alpha dropout, random slopes, numbers": made(noisy, NUMBERS, schedule="1cycle"),
    "several labels, weighed, smoothed": made(dense, SEVERAL, class_weights="balanced", label_smoothing=0.1),
    "weighed classes, rates by depth, warm-up": made(
        dense, class_weights="balanced", layer_decay=0.5, warmup=0.2, optimizer="adamw", weight_decay=0.1
    ),
    "stopped early": made(dense, epochs=30, patience=2, lr=0.05, optimizer="sgd"),
    "one step an epoch": made(conv, batch_size=117),
}


@pytest.mark.parametrize("name", CASES)
def test_two_workers_come_to_what_one_process_does(two: Crew, tmp_path: Path, name: str) -> None:
    train = CASES[name]
    alike(train(), train(loop=by(two, tmp_path)))


def through(frozen: tuple[str, ...], **given: Any) -> tuple[Any, Fitted]:
    """Train the upper part of a net, through its lower part in every step."""
    net = conv()
    _, halves = halved(net, frozen)
    how = Training(epochs=3, batch_size=33, lr=0.01)
    splits = {"train": samples(117, CLASSES, 1), "valid": samples(61, CLASSES, 2)}
    return net, fit(halves.tail, splits, how, CLASSES, lr=0.01, seed=1, trunk=halves.trunk, **given)


def test_frozen_layers_run_in_the_workers_too(two: Crew, tmp_path: Path) -> None:
    frozen = ("X", "c1", "norm1", "relu1")
    alike(through(frozen), through(frozen, loop=by(two, tmp_path)))


@pytest.mark.parametrize("changes", ["flip,crop=0.2,rotate=10", "mixup=0.4"])
def test_each_worker_changes_its_images_as_one_would(two: Crew, tmp_path: Path, changes: str) -> None:
    train = made(conv, epochs=2)
    augment = Augmenter(parse_augment(changes), SHAPE, seed=5, classes=3)
    alike(train(augment=augment), train(augment=augment, loop=by(two, tmp_path)))


def test_recorded_views_of_16_bits(two: Crew, tmp_path: Path) -> None:
    how = Training(epochs=3, batch_size=20, lr=0.01)
    train, valid = samples(120, CLASSES, 1), samples(61, CLASSES, 2)
    views = Features((train.arrays[0].astype(np.float16),), np.repeat(train.labels[::4], 4))
    nets = dense(), dense()
    loops: list[dict[str, Any]] = [{}, {"loop": by(two, tmp_path)}]
    alone, together = (
        (net, fit(net, {"train": views, "valid": valid}, how, CLASSES, lr=0.01, seed=1, views=4, **loop))
        for net, loop in zip(nets, loops, strict=True)
    )
    alike(alone, together)


def test_samples_in_files_are_read_there_in_windows(two: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IN_MEMORY", "WINDOW_BYTES", "STRETCH_BYTES"):
        module = "spilled" if name == "IN_MEMORY" else "fitting.streaming"
        monkeypatch.setattr(f"transfer.{module}.{name}", 0)  # to be set as in the workers, and set back at the end
    small_memory()
    how, splits = Training(epochs=3, batch_size=33, lr=0.01), dict[str, Features]()
    for seed, (name, n) in enumerate({"train": 117, "valid": 61}.items(), start=1):
        inside = samples(n, CLASSES, seed)
        file = np.memmap(tmp_path / name, np.float32, "w+", 4096, inside.arrays[0].shape)
        file[:] = inside.arrays[0]
        file.flush()
        splits[name] = Features((file,), inside.labels)
    nets = dense(), dense()
    alone = fit(nets[0], splits, how, CLASSES, lr=0.01, seed=1)
    together = fit(nets[1], splits, how, CLASSES, lr=0.01, seed=1, loop=by(two, tmp_path / "none"))
    alike((nets[0], alone), (nets[1], together))
    in_memory = {name: Features((np.array(split.arrays[0]),), split.labels) for name, split in splits.items()}
    other = fit(dense(), in_memory, how, CLASSES, lr=0.01, seed=1)
    assert other.epochs[0].train_loss != alone.epochs[0].train_loss, "the order is that of windows"
    assert not (tmp_path / "none").exists()


def test_a_killed_worker_costs_the_epochs_since_the_last_save(
    two: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer.fitting.fit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(transfer.fitting.fit, "SHOW_SECONDS", 0.0)
    train, lengths, killed = made(conv, epochs=6), list[int](), list[int]()

    def told(epochs: Any) -> None:
        lengths.append(len(epochs))
        if len(epochs) == 3 and not killed:
            killed.append(two.processes[1])
            os.kill(killed[0], signal.SIGKILL)

    together = train(loop=by(two, tmp_path), told=told, saved=lambda _: None)
    assert lengths == [1, 2, 3, 4, 5, 6]
    assert killed[0] not in two.processes
    alike(train(), together)


def test_divergence_is_the_same_error(two: Crew, tmp_path: Path) -> None:
    train = made(dense, optimizer="sgd", lr=1e30)
    with pytest.raises(DivergenceError) as alone:
        train()
    with pytest.raises(DivergenceError) as together:
        train(loop=by(two, tmp_path))
    assert (together.value.message, together.value.hint) == (alone.value.message, alone.value.hint)
    assert len(together.value.fitted.epochs) == 1


@pytest.mark.parametrize("back", [False, True], ids=["here after there", "there after here"])
def test_a_phase_goes_on_elsewhere(two: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool) -> None:
    monkeypatch.setattr(transfer.fitting.fit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(transfer.fitting.fit, "SHOW_SECONDS", 0.0)
    train, states = made(conv, epochs=5), list[Any]()
    loops = [Loop, by(two, tmp_path)]
    whole = train(loop=loops[back], saved=states.append)
    assert len(states) == 5
    alike(whole, train(loop=loops[not back], resume=states[2]))


def test_a_state_of_another_phase_is_refused_as_it_is_here(two: Crew, tmp_path: Path) -> None:
    with pytest.raises(ZooError) as caught:
        made(dense)(loop=by(two, tmp_path), resume={"epoch": np.zeros(3)})
    assert caught.value.message.startswith("the saved state is not of this phase: it lacks best/0")
    assert caught.value.hint == "begin the run anew: zoo replay RUN"


class Elsewhere(ParallelWorker):
    """A worker of a module that is in this process only."""


def test_a_cluster_with_other_versions(two: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Elsewhere, "__module__", "only_here")
    module = ModuleType("only_here")
    vars(module)["Elsewhere"] = Elsewhere
    monkeypatch.setitem(sys.modules, "only_here", module)
    two.start()
    with pytest.raises(ZooError) as begun:
        two.ask("begin", Elsewhere(), None)
    monkeypatch.setattr("transfer.cluster.parallel_crew.ParallelWorker", Elsewhere)
    with pytest.raises(ZooError) as started:
        Crew(1).start()
    for caught in (begun, started):
        assert caught.value.message.startswith("a machine of the cluster cannot take the work over: ")
        assert "No module named" in caught.value.message
        assert (
            caught.value.hint == "install the same versions of zoo, TensorFlow and Keras on all machines of the cluster"
        )


def test_no_room_in_the_cluster(two: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer.cluster.parallel_crew.FOUND", 2.0)
    two.start()  # has two of three CPUs
    with opened(Cluster(None, 2), 50, tmp_path / "samples") as loop, pytest.raises(ZooError) as caught:
        made(dense)(loop=loop)
    assert caught.value.message == "the cluster found no room for 2 workers within 2 s"
    assert caught.value.hint == (
        "take fewer: --workers N; ray status, on a machine of the cluster, shows what is in use"
    )


def test_one_worker_is_this_process(cluster: None, tmp_path: Path) -> None:
    with opened(Cluster(None, 1), 50, tmp_path) as loop:
        assert loop is Loop
    with opened(Cluster(None, 3), 1, tmp_path) as loop:
        assert loop is Loop, "nor are there more than samples a step"


def test_a_phase_whose_workers_are_always_lost_ends(two: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer.cluster.parallel_loop.LOSSES", 0)

    def told(_: Any) -> None:
        os.kill(two.processes[0], signal.SIGKILL)

    with pytest.raises(ZooError) as caught:
        made(dense)(loop=by(two, tmp_path), told=told)
    assert caught.value.message.startswith("workers were lost 1 times in one phase, the last time: ")
    assert caught.value.hint == "see whether their memory suffices (ray status, ray logs), or take fewer: --workers N"


def test_three_workers_with_unlike_parts_end_with_their_phase(two: Crew, tmp_path: Path) -> None:
    two.end()
    train = made(conv, batch_size=35)
    with opened(Cluster(None, 3), 35, tmp_path / "samples") as loop:
        alike(train(), train(loop=loop))
        processes = loop.args[0].processes  # type: ignore[attr-defined]
    assert len(processes) == 3
    for process in processes:
        ended(process)


def ended(process: int) -> None:
    for _ in range(100):
        if not Path(f"/proc/{process}").exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{process} is alive")
