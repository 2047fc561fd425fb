from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from found_data import drawn, found, records
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.data.arrays.samples import ArraySamples
from transfer.data.assemble import assemble
from transfer.data.dataset import Dataset, Split, check_finite
from transfer.data.duplicates import Shared, Twins, duplicates
from transfer.data.inspection import ClassCount, NumberRange, inspect
from transfer.data.reading import Reading
from transfer.data.records import Broken, Found
from transfer.data.target import Target

PLAIN = Reading()
TWO = [0, 1] * 50
SPLIT = {
    "train": records([5, 9, 9, 5]),
    "valid": records([9, 5], start=10),
    "test": records([5, 9, 5], start=20),
}


def sizes(data: Dataset) -> list[int]:
    return [len(split) for split in data.splits.values()]


def test_data_that_are_not_split_are_split_by_class() -> None:
    data = assemble(found(TWO), PLAIN)
    assert (data.ref, data.kind, data.classes) == ("d.npz", "arrays", ("0", "1"))
    assert sizes(data) == [70, 15, 15]
    assert sorted(row for split in data.splits.values() for row in drawn(split)) == list(range(100))
    for split in data.splits.values():
        assert [row % 2 for row in drawn(split)] == split.y.tolist()
    assert sizes(assemble(found(TWO), Reading(split=(80, 10, 10)))) == [80, 10, 10]
    assert sizes(assemble(found(TWO), Reading(split=(80, 20, 0)))) == [80, 20, 0]


def test_splits_that_are_there_stay() -> None:
    data = assemble(found(**SPLIT), PLAIN)
    assert [split.y.tolist() for split in data.splits.values()] == [[0, 1, 1, 0], [1, 0], [0, 1, 0]]
    assert [drawn(split) for split in data.splits.values()] == [[0, 1, 2, 3], [10, 11], [20, 21, 22]]
    without = assemble(found(train=SPLIT["train"], valid=SPLIT["valid"]), PLAIN)
    assert sizes(without) == [4, 2, 0]
    halved = assemble(found(train=records(TWO), test=SPLIT_01), PLAIN)
    assert sizes(halved) == [85, 15, 2]
    assert sizes(assemble(found(train=records(TWO)), PLAIN)) == [70, 15, 15]


SPLIT_01 = records([0, 1], start=1000)


def test_another_seed_splits_otherwise() -> None:
    one, same, other = (assemble(found(TWO), Reading(seed=seed)) for seed in (1, 1, 2))
    assert one.fingerprint == same.fingerprint != other.fingerprint


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=60, max_size=120), st.integers(0, 9), st.integers(1, 30))
def test_what_is_chosen_does_not_move_a_sample_to_another_split(labels: list[int], seed: int, limit: int) -> None:
    labels = [0, 1, 2, 3, 4] * 8 + labels
    whole = assemble(found(labels), Reading(seed=seed))
    at = {row: name for name, split in whole.splits.items() for row in drawn(split)}
    readings = [
        Reading(seed=seed, classes="1-3"),
        Reading(seed=seed, limit_per_class=limit),
        Reading(seed=seed, classes="4,0", limit_per_class=limit),
    ]
    few = [assemble(found(labels), reading) for reading in readings]
    few.append(assemble(found(labels), Reading(seed=seed), ("4", "3", "2", "1", "0", "7")))
    for data in few:
        for name, split in data.splits.items():
            assert {at[row] for row in drawn(split)} <= {name}
            assert [data.classes[place] for place in split.y] == [str(labels[row]) for row in drawn(split)]


def test_classes_and_limits() -> None:
    labels = [number % 10 for number in range(400)]
    data = assemble(found(labels), Reading(classes="5-9"))
    assert (data.classes, sizes(data)) == (("5", "6", "7", "8", "9"), [140, 30, 30])
    limited = assemble(found(labels), Reading(classes="5,7", limit_per_class=4))
    assert (limited.classes, sizes(limited)) == (("5", "7"), [8, 8, 12])
    names = assemble(found(all=records([0, 1] * 20, ("zebra", "ant"))), PLAIN)
    assert names.classes == ("zebra", "ant")
    three = found(all=records([0, 1, 2] * 20, ("zebra", "bee", "ant")))
    assert assemble(three, Reading(classes="ant,zebra")).classes == ("zebra", "ant")


def test_several_labels() -> None:
    labels = [[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]] * 10
    data = assemble(found(all=records(labels, ("a", "b", "c"))), PLAIN)
    assert (data.target, sizes(data)) == (Target("multilabel", ("a", "b", "c")), [28, 6, 6])
    assert data.train.y.tolist() == [labels[row] for row in drawn(data.train)]
    some = assemble(found(all=records(labels, ("a", "b", "c"))), Reading(classes="c,a"))
    assert (some.classes, sizes(some)) == (("a", "c"), [28, 6, 6])
    one_hot_here_only = found(train=records([[0, 1], [1, 0]]), valid=records([[1, 1], [0, 1]]))
    assert assemble(one_hot_here_only, PLAIN).target.kind == "multilabel"


def test_numbers() -> None:
    labels = np.linspace(0, 1, 100)
    data = assemble(found(labels), Reading(target="price"))
    assert (data.target.kind, data.classes, sizes(data)) == ("number", ("price",), [70, 15, 15])
    assert data.target.mean == pytest.approx((float(data.train.y.mean()),))
    assert data.target.deviation == pytest.approx((float(data.train.y.std()),))
    assert data.train.y.shape == (70, 1)
    forced = assemble(found(list(range(200))), Reading(target_type="number"))
    assert forced.target.kind == "number"


def test_groups_stay_together() -> None:
    groups = [f"patient {number // 4}" for number in range(100)]
    data = assemble(found(all=records(TWO, groups=groups)), Reading(group_column="patient"))
    held = [{groups[row] for row in drawn(split)} for split in data.splits.values()]
    assert sum(map(len, held)) == 25
    assert all(held)
    halved = found(train=records(TWO, groups=groups), test=records([0, 1], groups=["x", "x"], start=200))
    halves = [{groups[row] for row in drawn(split)} for split in list(assemble(halved, PLAIN).splits.values())[:2]]
    assert not halves[0] & halves[1]
    assert all(halves)


def test_data_to_score_a_model_with() -> None:
    only = found(test=records(["b", "a"]))
    data = assemble(only, PLAIN, ("c", "b", "a"))
    assert (data.classes, sizes(data), data.test.y.tolist()) == (("c", "b", "a"), [0, 0, 2], [1, 2])
    assert len(data.fingerprint) == 64
    assert assemble(only, PLAIN, ()).classes == ("a", "b")
    assert sizes(assemble(found(test=records(["b", "b"])), PLAIN, ("a", "b"))) == [0, 0, 2]
    numbers = assemble(found(test=records([0.5, 0.7])), PLAIN, ())
    assert (numbers.target, sizes(numbers)) == (Target("number", ("value",)), [0, 0, 2])
    with pytest.raises(ZooError, match=r"a label that the model does not know: b, in d\.npz, row 0; expected a"):
        assemble(only, PLAIN, ("a",))


@pytest.mark.parametrize(
    ("data", "reading", "message"),
    [
        (found([0] * 30), PLAIN, "d.npz has 1 class(es) in its training split; a classifier wants at least two"),
        (found(train=records([0, 1]), valid=records([0, 0])), PLAIN,
         "d.npz: the valid split has samples of fewer than two classes"),
        (found(train=records([0, 1]), valid=records(np.zeros(0, np.int64))), PLAIN,
         "d.npz: the valid split has samples of fewer than two classes: it is empty"),
        (found(train=records([0.5, 0.1]), valid=records(np.zeros(0))), PLAIN, "d.npz: the valid split is empty"),
        (found(train=records(np.zeros(0, np.int64)), valid=records([0, 1])), PLAIN, "d.npz: the train split is empty"),
        (found(train=records([0, 1]), test=records(np.zeros(0, np.int64))), PLAIN, "d.npz: the test split is empty"),
        (found(np.zeros(0, np.int64)), PLAIN, "d.npz is empty"),
        (found(train=records([0, 1, 2]), valid=records([0, 1]), test=records([2])), Reading(classes="0-1"),
         "d.npz: the test split is empty"),
        (found(test=records([0, 1])), PLAIN, "d.npz has no training split: it holds test"),
        (found(holdout=records([0, 1])), PLAIN, "d.npz has the splits holdout; expected train, valid, test"),
        (found(), PLAIN, "d.npz has the splits none; expected train, valid, test"),
        (found(train=records([0, 1]), test=records(None, x=[[1.0]])), PLAIN,
         "d.npz: the test split carries no labels"),
        (found([*TWO, 7]), PLAIN,
         "the class '7' has one sample, d.npz, row 100: it cannot be both trained on and validated with"),
        (found([*TWO, 7, 8, 9]), PLAIN, "the class '7' has one sample, d.npz, row 100, as 2 more classes have"),
        (found(train=records([0, 1]), valid=records([0, 1]), test=records([0, 2], called="test.csv")), PLAIN,
         "a label unseen in training: 2, in test.csv, row 1; expected 0, 1"),
        (found(TWO), Reading(classes="0,2"), "--classes: there is no class '2'"),
        (found(np.linspace(0, 1, 30)), Reading(classes="0"),
         "--classes wants classes; the labels of d.npz are numbers"),
        (found(np.linspace(0, 1, 30)), Reading(limit_per_class=3),
         "--limit-per-class wants one class a sample; the labels of d.npz are of the type number"),
        (found(train=records([[0, 1], [1, 1]], ("a", "b")), valid=records([[1, 1]], ("a", "c"))), Reading(classes="b"),
         "d.npz has no label 'b' in one of its splits"),
        (found(**SPLIT), Reading(split=(70, 15, 15)), "--split 70/15/15 does not fit d.npz: it is split already"),
        (found(TWO), Reading(split=(80, 0, 20)), "the valid split has samples of fewer than two classes: it is empty"),
        (found(all=records([0, 1, 0, 1], groups=list("aabb"))), Reading(group_column="patient"),
         "d.npz has 2 group(s) in patient; 3 splits want one each"),
        (found(train=records([0, 1], groups=["a", "b"]), valid=records([0, 1], groups=["c", "a"])),
         Reading(group_column="patient"), "the group 'a' of patient is in two splits: train"),
    ],
)  # fmt: skip
def test_data_that_do_not_do(data: Found, reading: Reading, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        assemble(data, reading)
    assert message in caught.value.message


def test_a_class_of_one_sample_can_be_left_out() -> None:
    assert sizes(assemble(found([*TWO, 7]), Reading(classes="0-1"))) == [70, 15, 15]
    assert sum(sizes(assemble(found([*TWO, 7]), PLAIN, ("0", "1", "7")))) == 101


def test_a_split_knows_its_rows() -> None:
    split = assemble(found(**SPLIT), PLAIN).train
    assert drawn(split.rows(slice(2))) == [0, 1]
    assert drawn(split.rows(np.array([3, 0]))) == [3, 0]
    assert split.rows(np.array([3, 1])).y.tolist() == [0, 1]
    assert drawn(split.rows(split.y == 1)) == [1, 2]
    assert split.samples.where(3) == split.rows([3]).samples.where(0) == "d.npz, row 3"
    with pytest.raises(ZooError, match="a split has 4 samples and 3 labels"):
        Split(split.samples, split.y[:3])


FINGERPRINT = "f8041871b435f5e8b98e19801eb1ade4b6eb8470e590f94afa32a5b13a4531b5"


def test_the_fingerprint_is_of_all_content_and_its_order_and_of_nothing_else() -> None:
    data = assemble(found(**SPLIT), PLAIN)
    renamed = {name: replace(part, samples=replace(part.samples, called="other")) for name, part in SPLIT.items()}
    assert assemble(replace(found(**renamed), ref="other"), PLAIN).fingerprint == data.fingerprint
    others = [
        found(**SPLIT | {"train": records([5, 9, 5, 9])}),
        found(**SPLIT | {"train": records([5, 9, 9, 5], x=[[0], [1], [2], [3.5]])}),
        found(**SPLIT | {"train": records([5, 9, 9, 5], x=[[0], [2], [1], [3]])}),
        found(**SPLIT | {"test": records([5, 9, 5], start=21)}),
        found(**SPLIT | {"test": records([5, 9], start=20)}),
        found(train=SPLIT["train"], valid=SPLIT["valid"]),
        found(**SPLIT | {"valid": SPLIT["test"], "test": SPLIT["valid"]}),
        found(**{name: replace(part, labels=part.labels + 1) for name, part in SPLIT.items()}),
    ]
    prints = [assemble(other, PLAIN).fingerprint for other in others]
    assert len({data.fingerprint, *prints}) == 1 + len(others)
    number = assemble(found(**SPLIT), Reading(target_type="number"))
    assert number.fingerprint not in {data.fingerprint, *prints}


def test_the_fingerprint_is_the_same_on_every_machine() -> None:
    digests = np.arange(64, dtype=np.uint8).reshape(2, 32)
    split = Split(Digested(digests), np.array([1, 0]))
    data = Dataset("d", "arrays", Target("class", ("a", "b")), split, split.rows([0]), split.rows(slice(0)))
    assert data.fingerprint == FINGERPRINT


class Digested:
    """Samples of which only the digests are known, and that sum themselves up."""

    def __init__(self, digests: np.ndarray) -> None:
        self.digests = digests

    def __len__(self) -> int:
        return len(self.digests)

    def rows(self, chosen: Any) -> Digested:
        return Digested(self.digests[chosen])

    def where(self, row: int) -> str:
        return f"row {row}"


def test_samples_of_the_same_content_in_two_splits() -> None:
    parts = {
        "train": [1, 2, 2, 3, 4],
        "valid": [5, 2, 6],
        "test": [3, 3, 5, 7, 2],
    }
    splits = {
        name: Split(ArraySamples.of(np.array(x)[:, None], name), np.zeros(len(x), np.int64))
        for name, x in parts.items()
    }
    got = duplicates(splits)
    assert got.shared == (Shared("train", "valid", 1), Shared("train", "test", 3), Shared("valid", "test", 2))
    assert got.twins[:2] == (
        Twins("train", "train, row 1", "valid", "valid, row 1"),
        Twins("train", "train, row 3", "test", "test, row 0"),
    )
    assert len(got.twins) == 6
    assert got.repeated == {"train": 1, "test": 1}
    assert len(duplicates(splits, most=1).twins) == 3
    assert duplicates(splits, most=1).shared == got.shared
    assert not duplicates({"train": splits["train"].rows(slice(0))}).shared


@given(st.lists(st.integers(0, 9), max_size=20), st.lists(st.integers(0, 9), max_size=20))
def test_duplicates_are_those_that_a_set_finds(one: list[int], other: list[int]) -> None:
    splits = {
        name: Split(ArraySamples.of(np.array(x, np.int64).reshape(-1, 1), name), np.zeros(len(x), np.int64))
        for name, x in {"train": one, "test": other}.items()
    }
    got = duplicates(splits)
    count = sum(value in one for value in other)
    assert got.shared == ((Shared("train", "test", count),) if count else ())
    assert sum(got.repeated.values()) == len(one) - len(set(one)) + len(other) - len(set(other))


def test_an_inspection_of_classes() -> None:
    broken = (Broken("d.npz, row 7", "it holds NaN"),)
    data = assemble(replace(found(**SPLIT | {"train": records([5, 9, 9, 9])}), broken=broken), PLAIN)
    got = inspect(data)
    assert (got.ref, got.kind, got.target, got.fingerprint) == ("d.npz", "arrays", "class", data.fingerprint)
    assert got.samples == {"train": 4, "valid": 2, "test": 3}
    assert got.classes == (
        ClassCount("5", {"train": 1, "valid": 1, "test": 2}),
        ClassCount("9", {"train": 3, "valid": 1, "test": 1}),
    )
    assert got.balance == pytest.approx(1 / 3)
    assert (got.numbers, got.duplicates.shared, got.broken) == ((), (), broken)


def test_an_inspection_of_other_labels() -> None:
    several = inspect(assemble(found(all=records([[1, 1], [0, 1], [0, 0], [1, 0]] * 5, ("a", "b"))), PLAIN))
    assert {one.name: sum(one.counts.values()) for one in several.classes} == {"a": 10, "b": 10}
    numbers = inspect(assemble(found(train=records([0.5, 1.5]), valid=records([2.5], start=9)), PLAIN))
    assert numbers.numbers == (
        NumberRange("value", "train", 0.5, 1.0, 1.5),
        NumberRange("value", "valid", 2.5, 2.5, 2.5),
    )
    assert (numbers.classes, numbers.balance) == ((), None)


def test_an_inspection_asks_samples_what_they_are_like() -> None:
    data = assemble(found(train=records([0, 1, 0]), valid=records([1, 0], start=9)), PLAIN)
    assert inspect(data, most=2).summary == {
        "train": {"numbers": "(1,) float32, 0 to 1, mean 0.5"},
        "valid": {"numbers": "(1,) float32, 9 to 10, mean 9.5"},
    }


def test_samples_that_are_not_finite() -> None:
    with pytest.raises(ZooError, match="x holds NaN or infinite values in 1 of 3 rows, the first in row 1"):
        check_finite(np.array([[0.0], [np.inf], [1.0]]), "x")
    check_finite(np.array([[1], [2]]), "x")
