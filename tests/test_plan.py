from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.data.reading import Reading
from transfer.plan.hyperparameters import Training
from transfer.plan.imaging import Imaging
from transfer.plan.levels import groups
from transfer.plan.phases import Phase, next_phase
from transfer.plan.plan import Plan
from transfer.plan.selection import choose
from transfer.plan.top import Top
from transfer.result import PhaseResult
from zoo.plans import make_plan, phases_of

NAMES = ("hidden1", "hidden2", "hidden3", "hidden4", "hidden5", "outputs")
LAYERS = (
    LayerInfo("X", "InputLayer", 0),
    *(LayerInfo(name, "Dense", 10, True, (below,)) for below, name in pairwise(("X", *NAMES))),
)
PLAN = Plan("mnist-dnn@abc", "d", "hidden[123]")


def outcome(phase: Phase, loss: float, done: list[PhaseResult]) -> PhaseResult:
    here = [one.valid_loss for one in done if one.reused == phase.reused]
    train = tuple(name for name in NAMES if name not in phase.frozen)
    return PhaseResult(
        train, phase.frozen, (), phase.lr, 1, 1, 0.0, loss, loss, 0.5,
        all(loss < one.valid_loss for one in done), phase.fresh or loss < min(here), phase.reused,
    )  # fmt: skip


def carried_out(plan: Plan, losses: list[float]) -> tuple[list[Phase], list[PhaseResult]]:
    """Return a plan's phases, the first of which come to these losses, and all others to ever lower ones."""
    phases: list[Phase] = []
    done: list[PhaseResult] = []
    selection = choose(LAYERS, plan.reuse, plan.freeze)
    while phase := next_phase(plan, selection, NAMES, done):
        loss = losses[len(done)] if len(done) < len(losses) else 1 / (10 + len(done))
        phases.append(phase)
        done.append(outcome(phase, loss, done))
    return phases, done


def trained(plan: Plan, losses: list[float] | None = None) -> list[tuple[str, ...]]:
    return [phase.train for phase in carried_out(plan, losses or [])[1]]


ANEW = [9.0]  # a beginning that gains nothing


def test_auto_frees_one_layer_more_from_the_top_down() -> None:
    assert trained(PLAN, [5, 4, 3, 2, *ANEW, *ANEW])[:4] == [NAMES[3:], NAMES[2:], NAMES[1:], NAMES]


def test_auto_then_drops_the_topmost_reused_layer_and_begins_again() -> None:
    phases, _ = carried_out(PLAN, [5, 4, 6, 3, 7, 2, 1])
    assert (
        [(phase.reused, phase.frozen, phase.fresh) for phase in phases]
        == [
            (NAMES[:3], NAMES[:3], True),
            (NAMES[:3], NAMES[:2], False),
            (NAMES[:3], NAMES[:1], False),  # gains nothing: hidden3 is dropped
            (NAMES[:2], NAMES[:2], True),
            (NAMES[:2], NAMES[:1], False),  # nor does this, but the beginning was the best so far
            (NAMES[:1], NAMES[:1], True),
            (NAMES[:1], (), False),
        ]
    )


def test_auto_stops_when_a_beginning_gains_nothing() -> None:
    phases, done = carried_out(PLAN, [5, 6, 7, 8])
    assert [phase.reused for phase in phases] == [NAMES[:3], NAMES[:3], NAMES[:2], NAMES[:2]]
    assert [one.kept for one in done] == [True, False, False, False]


def test_auto_of_layers_that_train_from_the_start_drops_none() -> None:
    plan = replace(PLAN, freeze="none")
    assert trained(plan) == [NAMES]


def test_gradual_frees_all_whatever_they_gain() -> None:
    plan = replace(PLAN, unfreeze=("gradual",))
    assert trained(plan, [1, 2, 3, 4]) == [NAMES[3:], NAMES[2:], NAMES[1:], NAMES]


def test_none_is_a_single_phase() -> None:
    assert trained(replace(PLAN, unfreeze=())) == [NAMES[3:]]


def test_each_regex_is_a_phase() -> None:
    plan = replace(PLAN, unfreeze=("hidden[34]|outputs", "hidden1"))
    assert trained(plan) == [NAMES[3:], NAMES[2:], ("hidden1", *NAMES[2:])]


def test_later_phases_learn_at_a_lower_rate() -> None:
    plan = replace(PLAN, training=Training(lr=0.01, unfreeze_lr=0.1))
    phases, _ = carried_out(plan, [5, 4, 6, 3, 7])
    assert [phase.lr for phase in phases[:5]] == pytest.approx([0.01, 0.001, 0.001, 0.01, 0.001])


def test_groups_of_a_deep_net_do_not_cut_a_branch() -> None:
    layers = [LayerInfo("X", "InputLayer", 0)]
    below = "X"
    for number in range(20):
        block = f"block{number}"
        layers += [
            LayerInfo(f"{block}/conv", "Conv2D", 10, True, (below,)),
            LayerInfo(f"{block}/norm", "BatchNormalization", 4, True, (f"{block}/conv",)),
            LayerInfo(f"{block}/add", "Add", 0, False, (below, f"{block}/norm")),
        ]
        below = f"{block}/add"
    scopes = [layer.name for layer in layers]
    found = groups(layers, scopes)
    assert len(found) == 8
    assert sum(found, ()) == tuple(scopes[1:]), "every layer with parameters is in one of them"
    assert all(group[0].endswith("/conv") and group[-1].endswith("/add") for group in found)


def test_a_normalisation_is_freed_with_its_layer() -> None:
    layers = (
        LayerInfo("X", "InputLayer", 0),
        LayerInfo("conv", "Conv2D", 10, True, ("X",)),
        LayerInfo("norm", "BatchNormalization", 4, True, ("conv",)),
        LayerInfo("dense", "Dense", 4, True, ("norm",)),
    )
    assert groups(layers, ("X", "conv", "norm", "dense")) == [("conv", "norm"), ("dense",)]


def test_hidden1_does_not_select_hidden10() -> None:
    layers = (*LAYERS[:-1], LayerInfo("hidden10", "Dense", 10, True, ("hidden5",)), LAYERS[-1])
    assert choose(layers, "hidden1").reused == ("hidden1",)


def test_a_gap_in_the_reused_layers_is_trained_anew() -> None:
    selection = choose(LAYERS, "hidden[13]")
    assert (selection.reused, selection.frozen, selection.cut) == (("hidden1", "hidden3"),) * 2 + (("hidden1",),)
    assert trained(replace(PLAN, reuse="hidden[13]"))[0] == ("hidden2", "hidden4", "hidden5", "outputs")


def test_upper_layers_and_outputs_alone() -> None:
    selection = choose(LAYERS, "hidden[34]|outputs")
    assert selection.reused == ("hidden3", "hidden4", "outputs")
    assert selection.cut == ("X",)
    assert selection.below == {layer.name for layer in LAYERS}


def test_freeze_takes_part_of_what_is_reused() -> None:
    selection = choose(LAYERS, "hidden[123]", "hidden[12]")
    assert (selection.frozen, selection.cut) == (("hidden1", "hidden2"), ("hidden2",))


@pytest.mark.parametrize(
    ("reuse", "freeze", "message"),
    [
        (".*", None, "selects every layer: nothing is left to train"),
        ("X", None, "selects only layers without weights: X"),
        ("hidden9", None, "the regex 'hidden9' selects no layer"),
        ("hidden[123]", "hidden4", "--freeze 'hidden4' names hidden4, of what is not reused: it is made anew"),
        ("hidden[12", None, "is invalid"),
    ],
)
def test_bad_selections(reuse: str, freeze: str | None, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        choose(LAYERS, reuse, freeze)
    assert message in caught.value.message


def test_every_layer_may_be_reused_when_some_train_from_the_start() -> None:
    assert choose(LAYERS, ".*", "hidden[12]").frozen == ("hidden1", "hidden2")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Top(dropout=1.0), "--dropout must be at least 0 and below 1, got 1.0"),
        (lambda: Top(units=(10, 0)), "--top takes widths from 1 to 100,000; got 0"),
        (lambda: Top(init="magic"), "--init takes he, xavier, lecun, xavier_uniform, "),
        (lambda: Top(activation="magic"), "--activation takes"),
        (lambda: Training(epochs=0), "--epochs must be above 0, got 0"),
        (lambda: Training(batch_size=-1), "--batch-size must be above 0, got -1"),
        (lambda: Training(clip_norm=0.0), "--clip-norm must be above 0, got 0.0"),
        (lambda: make_plan("m", "d", "r", None, "auto", 0, {"epoch": 3}), "transfer has no option 'epoch'"),
        (lambda: make_plan("m", "d", "r", None, None, 0, {"recipe": "lpft"}), "--recipe takes textbook, lp-ft, ulmfit"),
        (lambda: phases_of(["auto", "hidden1"]), "--unfreeze takes auto, gradual or none alone"),
    ],
)
def test_bad_choices(make: object, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        make()  # type: ignore[operator]
    assert message in caught.value.message


def test_a_recipe_is_what_its_choices_are() -> None:
    plain = make_plan("m", "d", "r", None, ".*", 0, {"unfreeze_lr": 0.1})
    assert make_plan("m", "d", "r", None, None, 0, {"recipe": "lp-ft"}) == plain
    assert make_plan("m", "d", "r", None, None, 0, {"recipe": "textbook"}) == make_plan(
        "m", "d", "r", None, None, 0, {}
    )
    assert make_plan("m", "d", "r", None, None, 0, {"recipe": "full"}).freeze == "none"


def test_an_option_beside_a_recipe_counts() -> None:
    plan = make_plan("m", "d", "r", None, None, 0, {"recipe": "ulmfit", "epochs": 7})
    assert (plan.training.epochs, plan.training.schedule, plan.unfreeze) == (7, "1cycle", ("gradual",))


tops = st.builds(Top, st.none() | st.lists(st.integers(1, 99), max_size=3).map(tuple), dropout=st.floats(0, 0.9))
plans = st.builds(
    Plan, st.text(), st.text(), st.text(), st.none() | st.text(), st.lists(st.text(), max_size=2).map(tuple), tops,
    st.builds(Training, epochs=st.integers(1, 9), lr=st.floats(1e-6, 1)),
    st.builds(Reading, st.none() | st.text(), st.sampled_from([None, "class", "number"]), classes=st.text(),
              split=st.sampled_from([None, (80, 10, 10), (60, 40, 0)]), skip_broken=st.booleans()),
    st.builds(Imaging, st.none() | st.tuples(st.integers(1, 4096), st.integers(1, 4096)), augment=st.just("flip"),
              views=st.none() | st.integers(1, 9)),
    st.booleans(), st.booleans(), st.integers(),
)  # fmt: skip


@given(plans)
def test_a_plan_goes_through_json(plan: Plan) -> None:
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
