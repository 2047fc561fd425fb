from __future__ import annotations

import errno
import fcntl
import os
import resource
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import chain
from found_data import data_set
from nets import build

from registry.errors import ZooError
from transfer.alone import alone, held
from transfer.backbone import Backbone, layer_of
from transfer.cache import FeatureCache
from transfer.evaluate import score
from transfer.extract import outputs
from transfer.importers.keras_file import read as read_keras
from transfer.moving import follow, settling
from transfer.plan.hyperparameters import Training
from transfer.plan.plan import Plan
from transfer.plan.top import Top
from transfer.result import Result
from transfer.run import Job
from transfer.run_status import Status
from transfer.runs import RunFolder, Runs, plain
from zoo.report import phases_table, verdict, write_report

PLAN = Plan(
    "tiny@0123456789ab",
    "blobs",
    "hidden[12]",
    top=Top(dropout=0.1),
    training=Training(epochs=8, batch_size=16, lr=0.02),
)
Carry = Callable[..., tuple[Result, RunFolder]]


@pytest.fixture
def carry_out(tmp_path: Path, data_file: Path) -> Carry:
    """Carry a plan out on the small net and the small data set."""

    def carry(plan: Plan = PLAN, source: Any = None, **options: Any) -> tuple[Result, RunFolder]:
        with Runs(tmp_path / "runs").new(plan) as folder:
            backbone = Backbone(source or chain())
            job = Job(plan, backbone, data_set(data_file), folder, FeatureCache(tmp_path / "cache"), **options)
            return job.run(), folder

    return carry


def test_a_run_from_end_to_end(carry_out: Carry, data_file: Path) -> None:
    result, folder = carry_out()
    assert result.cut == ("hidden2",)
    assert result.phases[0].train == ("hidden3", "outputs")
    assert result.phases[0].frozen == ("hidden1", "hidden2")
    assert 0.5 < result.valid_accuracy <= 1
    assert result.scratch is not None
    assert result.scratch.phases[0].train == ("hidden1", "hidden2", "hidden3", "outputs")
    best = result.phases[result.best_phase - 1]
    assert best.valid_loss == min(phase.valid_loss for phase in result.phases if phase.kept)
    model = read_keras(folder.model).model
    test = data_set(data_file).test
    x = test.samples.take(np.arange(len(test)))  # type: ignore[attr-defined]
    assert score(outputs(model, x), test.y, ("0", "1", "2")).accuracy == result.accuracy
    assert folder.result == result
    assert folder.plan == PLAN
    assert folder.status.state == "done"
    assert len(folder.epochs()) == sum(phase.epochs for phase in (*result.phases, *result.scratch.phases))
    stored = np.load(folder.path / "test.npz")
    assert np.allclose(outputs(model, stored["inputs"]), stored["outputs"], atol=1e-6)


def test_frozen_layers_are_the_sources_byte_for_byte(carry_out: Carry) -> None:
    source = chain()
    _, folder = carry_out(replace(PLAN, unfreeze=()), source)
    model = read_keras(folder.model).model
    for scope in ("hidden1", "hidden2"):
        pairs = zip(layer_of(source, scope).get_weights(), layer_of(model, scope).get_weights(), strict=True)
        assert all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_the_same_seed_gives_the_same_result(carry_out: Carry) -> None:
    results = [carry_out(replace(PLAN, seed=seed))[0] for seed in (3, 3, 4)]
    figures = [[(p.epochs, p.train_loss, p.valid_loss) for p in one.phases] for one in results]
    assert figures[0] == figures[1] != figures[2]
    assert results[0].test_accuracy == results[1].test_accuracy


def test_cached_equals_uncached(carry_out: Carry) -> None:
    cached, uncached = (carry_out(replace(PLAN, cached=way))[0] for way in (True, False))
    losses = [[phase.valid_loss for phase in one.phases] for one in (cached, uncached)]
    assert np.allclose(*losses, rtol=1e-5)
    assert (uncached.cache.key, uncached.cache.bytes) == ("", 0)


def test_the_second_run_extracts_nothing(carry_out: Carry) -> None:
    stages: list[str] = []
    first, _ = carry_out()
    second, _ = carry_out(watch=lambda stage, done, total, note="": stages.append(stage))
    assert (first.cache.hit, second.cache.hit) == (False, True)
    assert first.cache.key == second.cache.key
    assert not [stage for stage in stages if stage.startswith("extract")]
    assert [phase.valid_loss for phase in first.phases] == [phase.valid_loss for phase in second.phases]


def test_auto_begins_again_where_unfreezing_spoils_and_the_best_is_kept(carry_out: Carry) -> None:
    training = Training(epochs=8, batch_size=16, lr=0.02, unfreeze_lr=50.0)
    result, folder = carry_out(replace(PLAN, training=training, compare_scratch=False))
    assert [phase.reused for phase in result.phases] == [("hidden1", "hidden2")] * 2 + [("hidden1",)] * 2
    assert [phase.gained for phase in result.phases] == [True, False, True, False], "the rate is far too high"
    best = min(result.phases, key=lambda phase: phase.valid_loss)
    assert result.phases[result.best_phase - 1] == best
    source, model = chain(), read_keras(folder.model).model
    for scope in best.frozen:
        pairs = zip(layer_of(source, scope).get_weights(), layer_of(model, scope).get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs), "the spoilt weights are gone"


def test_every_named_phase_is_carried_out(carry_out: Carry) -> None:
    result, _ = carry_out(replace(PLAN, unfreeze=("hidden2", "hidden1"), compare_scratch=False))
    assert [phase.train for phase in result.phases] == [
        ("hidden3", "outputs"), ("hidden2", "hidden3", "outputs"), ("hidden1", "hidden2", "hidden3", "outputs"),
    ]  # fmt: skip
    assert [phase.cut for phase in result.phases] == [("hidden2",), ("hidden1",), ("X",)]
    assert result.scratch is None


def test_upper_layers_alone_are_reused(carry_out: Carry) -> None:
    result, folder = carry_out(replace(PLAN, reuse="hidden[23]|outputs", unfreeze=()), chain(outputs=3))
    assert result.phases[0].train == ("hidden1",)
    assert result.cut == ("X",)
    model = read_keras(folder.model).model
    assert np.array_equal(
        layer_of(model, "outputs").get_weights()[0], layer_of(chain(outputs=3), "outputs").get_weights()[0]
    )


def test_data_without_a_test_split(tmp_path: Path, data_file: Path) -> None:
    arrays = {key: array for key, array in np.load(data_file).items() if not key.endswith("test")}
    np.savez(tmp_path / "d.npz", **arrays)
    with Runs(tmp_path / "runs").new(PLAN) as folder:
        job = Job(PLAN, Backbone(chain()), data_set(tmp_path / "d.npz"), folder, FeatureCache(tmp_path / "cache"))
        result = job.run()
    assert (result.test_accuracy, result.test_accuracy_ci95, result.test) == (None, None, None)


def test_data_that_do_not_fit_leave_a_failed_run(carry_out: Carry, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"train have samples of shape \(8,\); the model expects \(9\)"):
        carry_out(source=chain(width=9))
    (folder,) = Runs(tmp_path / "runs").all()
    assert folder.status.state == "failed"
    assert "the model expects (9)" in folder.status.why
    with pytest.raises(ZooError, match=r"has no result: it is failed"):
        folder.result  # noqa: B018


def test_an_interrupted_run_is_seen_as_such_and_the_cache_is_whole(carry_out: Carry, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "phase 1":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(watch=stop)
    (folder,) = Runs(tmp_path / "runs").all()
    assert folder.status.state == "interrupted"
    assert not list((tmp_path / "cache").rglob("tmp-*"))
    assert carry_out()[0].phases, "and the next run goes through"


def test_a_run_counts_as_running_for_as_long_as_its_lock_is_held(tmp_path: Path) -> None:
    with Runs(tmp_path).new(PLAN) as folder:
        folder.write("status.json", replace(folder.status, process=2**22 + 1))
        assert folder.status.state == "running", "a number means nothing in another container"
    for process in (1, os.getpid(), 2**22 + 1):
        folder.write("status.json", Status("running", 1.0, process=process))
        assert folder.status.state == "interrupted", "the process that has the number now is another"
        with Runs(tmp_path).again(folder):
            assert folder.status.state == "running"
        assert folder.status.state == "done"
    (folder.path / ".lock").unlink(missing_ok=True)
    folder.write("status.json", Status("running", 1.0, process=os.getpid()))
    assert folder.status.state == "interrupted", "a copy of a folder has no lock perhaps"


def test_who_looks_does_not_keep_a_run_from_being_taken_up(tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("wb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        letting_go = threading.Timer(0.05, looking.close)
        letting_go.start()
        with alone(tmp_path):
            letting_go.join()
            assert held(tmp_path)
    assert not held(tmp_path)


def test_a_run_that_was_killed_with_only_a_plan_is_listed_and_can_be_taken_up(tmp_path: Path) -> None:
    with Runs(tmp_path).new(PLAN) as folder:
        (folder.path / "status.json").unlink()
        assert folder.status.state == "running"
    (folder.path / "status.json").unlink()
    assert Runs(tmp_path).all() == [Runs(tmp_path).find("last")] == [folder]
    assert (folder.status.state, folder.status.started) == ("interrupted", (folder.path / "plan.json").stat().st_mtime)
    with Runs(tmp_path).again(folder):
        pass
    assert folder.status.state == "done"


def test_a_full_disk_does_not_hide_what_went_wrong_first(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(ZooError, match="the sample 17 is broken"), Runs(tmp_path).new(PLAN) as folder:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            raise ZooError("the sample 17 is broken")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert folder.status.state == "interrupted"


FULL = "Can't decrement id ref count (file write failed: errno = 28, error message = 'No space left on device')"
NO_ROOM = {
    "as Python tells it": (OSError(errno.EFBIG, "by someone"), "File too large"),
    "as h5py tells it when it closes a file": (RuntimeError(FULL), "No space left on device"),
    "otherwise": (RuntimeError("Keras has no words"), "Keras has no words"),
}


@pytest.mark.parametrize("name", NO_ROOM)
def test_a_model_for_which_there_is_no_room(
    carry_out: Carry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The errors are what was seen with a limit on the size of files; beyond it HDF5 ends some processes."""
    error, why = NO_ROOM[name]

    def full(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("transfer.run.draft", full)
    with pytest.raises(ZooError) as caught:
        carry_out(replace(PLAN, compare_scratch=False))
    (folder,) = Runs(tmp_path / "runs").all()
    assert caught.value.message == f"cannot write the result into {folder.path}: {why}"
    assert caught.value.hint == "free some space, or set ZOO_HOME to a folder on another disk"
    assert folder.status.why == caught.value.message


def test_runs_are_found_by_a_beginning(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    made = []
    for _ in range(2):
        with runs.new(PLAN) as folder:
            made.append(folder)
    assert runs.find(made[0].id) == made[0]
    assert runs.find("last") == made[1]
    assert runs.find(made[1].id) == made[1]
    with pytest.raises(ZooError, match=r"2 runs begin with '2'"):
        runs.find("2")
    with pytest.raises(ZooError, match=r"no run is named 'x'"):
        runs.find("x")


def test_fresh_statistics_have_time_to_settle() -> None:
    assert settling(chain(), steps=3) == 0
    # The net's momentum is 0.5, and 0.5 ** 4.3 is 0.05.
    model = build([("dense", (0,)), ("batch_norm", (1,))])
    assert [settling(model, steps) for steps in (1, 2, 3, 5)] == [5, 3, 2, 1]
    follow(model, 4)
    assert model.get_layer("block>l2").momentum == 0.5, "no slower than an epoch"
    model.get_layer("block>l2").momentum = 0.99
    follow(model, 4)
    assert model.get_layer("block>l2").momentum == 0.75


def test_auto_keeps_the_model_from_scratch_where_that_is_better(carry_out: Carry) -> None:
    source = chain()
    for layer in source.layers[1:]:  # a source whose units are all off: what it passes on says nothing
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    plan = replace(PLAN, training=Training(epochs=8, batch_size=16, lr=0.02, unfreeze_lr=1e-6))
    result, folder = carry_out(plan, source)
    assert result.scratch is not None
    assert result.kept == "scratch"
    assert result.accuracy == result.scratch.test_accuracy
    document = plain(result)
    assert document["kept_test_accuracy"] == document["accuracy"] == result.scratch.test_accuracy
    assert document["test_accuracy"] == result.test_accuracy
    assert result.scratch.test is not None and result.scratch.test.accuracy == result.scratch.test_accuracy
    card = folder.card
    assert card.metrics["test_accuracy"] == result.scratch.test_accuracy
    assert card.metrics["reused_test_accuracy"] == result.test_accuracy
    write_report(folder, plan, result)
    text = folder.report.read_text()
    by_class = text[text.index("Of the model from scratch, which is kept.") :]
    assert all(f"{share:.4f}" in by_class for share in result.scratch.test.per_class.values())
    assert card.metrics["valid_accuracy"] == result.scratch.valid_accuracy
    assert card.lineage is not None and card.lineage.reuse == "" and card.lineage.reused == ()
    assert "the model from scratch is kept" in verdict(result)
    assert "scratch *" in phases_table(result)


def test_a_plan_without_the_choice_keeps_what_it_reused(carry_out: Carry) -> None:
    source = chain()
    for layer in source.layers[1:]:
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    assert carry_out(replace(PLAN, unfreeze=()), source)[0].kept == "reused"


def test_one_pass_fills_the_caches_of_all_cuts(carry_out: Carry, tmp_path: Path) -> None:
    stages: list[str] = []
    result, _ = carry_out(watch=lambda stage, done, total, note="": stages.append(stage))
    cuts = {phase.cut for phase in result.phases if phase.cut != ("X",)}
    assert len(cuts) > 1
    assert {stage for stage in stages if stage.startswith("extract")} == {"extract, train", "extract, valid"}
    assert len(list((tmp_path / "cache").iterdir())) >= len(cuts)
