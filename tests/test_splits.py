from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from found_data import records
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.data.apportion import apportioned, hamilton
from transfer.data.choice import chosen_classes
from transfer.data.groups import check_apart, check_groups, grouped
from transfer.data.parting import shares_of
from transfer.data.splits import keys, limited, stratified
from transfer.data.strata import bins, rarest

SHARES = st.tuples(st.integers(1, 100), st.integers(0, 100), st.integers(0, 100))
LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=200).map(lambda y: np.array(y, np.int64))
SEEDS = st.integers(0, 2**40)


def exact(count: int, share: int, shares: Sequence[int]) -> Fraction:
    return Fraction(count * share, sum(shares))


@given(st.lists(st.integers(0, 60), min_size=1, max_size=9), SHARES)
def test_shares_are_exact_by_class_and_in_all(counts: list[int], shares: tuple[int, int, int]) -> None:
    table = apportioned(np.array(counts), shares)
    for count, row in zip(counts, table.tolist(), strict=True):
        assert sum(row) == count
        assert all(abs(got - exact(count, share, shares)) < 1 for got, share in zip(row, shares, strict=True))
        assert row[0] or count < 2, "a class of two samples has one in training"
    # Classes that are due less than one training sample may cost the totals their exactness.
    if all(count < 2 or exact(count, shares[0], shares) >= 1 for count in counts):
        assert table.sum(axis=0).tolist() == hamilton(sum(counts), shares)


@pytest.mark.parametrize(
    ("counts", "shares", "expected"),
    [
        ([100, 100], (70, 15, 15), [[70, 15, 15], [70, 15, 15]]),
        ([50, 50], (70, 15, 15), [[35, 7, 8], [35, 8, 7]]),
        ([2, 2, 2], (70, 15, 15), [[1, 0, 1], [1, 1, 0], [2, 0, 0]]),
        ([1], (70, 15, 15), [[1, 0, 0]]),
        ([2] * 5, (10, 45, 45), [[1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1]]),
        ([7, 0], (80, 20, 0), [[6, 1, 0], [0, 0, 0]]),
    ],
)
def test_shares_of_small_counts(counts: list[int], shares: tuple[int, int, int], expected: list[list[int]]) -> None:
    assert sorted(apportioned(np.array(counts), shares).tolist()) == sorted(expected)


@given(LABELS, SHARES, SEEDS)
def test_a_stratified_split_is_a_partition(y: np.ndarray, shares: tuple[int, int, int], seed: int) -> None:
    parts = stratified(y, shares, seed)
    assert np.sort(np.concatenate(parts)).tolist() == list(range(len(y)))
    assert all((np.diff(part) > 0).all() for part in parts)
    counts = np.stack([np.bincount(y[part], minlength=7) for part in parts], axis=1)
    assert counts.tolist() == apportioned(np.bincount(y, minlength=7), shares).tolist()
    assert all(np.array_equal(one, again) for one, again in zip(parts, stratified(y, shares, seed), strict=True))


def test_splits_are_the_same_on_every_machine() -> None:
    """Written down once: whatever changes these moves somebody's training samples into their test split."""
    y = np.arange(20) % 2
    assert [part.tolist() for part in stratified(y, (70, 15, 15), 0)] == STRATIFIED
    groups = np.array([f"p{number // 3}" for number in range(20)])
    assert [part.tolist() for part in grouped(groups, y, (70, 15, 15), 0)] == GROUPED
    assert limited(y, 3, 0).tolist() == LIMITED
    assert keys(5, 7, "split").tolist() == KEYS


STRATIFIED = [[0, 3, 4, 5, 6, 7, 10, 11, 13, 14, 15, 16, 17, 18], [1, 8, 19], [2, 9, 12]]
GROUPED = [[3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 17, 18, 19], [12, 13, 14], [0, 1, 2]]
LIMITED = [3, 4, 8, 9, 13, 14]
KEYS = [12319357488284035205, 9894768480530074134, 17013569045864829444, 13485120816287846840, 11254161656128962060]


def test_another_seed_is_another_split() -> None:
    y = np.zeros(100, np.int64)
    assert not np.array_equal(stratified(y, (70, 15, 15), 0)[0], stratified(y, (70, 15, 15), 1)[0])


@given(LABELS, st.integers(1, 8), SEEDS)
def test_a_limit_takes_as_many_as_there_are_of_a_class(y: np.ndarray, most: int, seed: int) -> None:
    rows = limited(y, most, seed)
    assert np.bincount(y[rows], minlength=7).tolist() == np.minimum(np.bincount(y, minlength=7), most).tolist()
    assert set(rows.tolist()) <= set(limited(y, most + 1, seed).tolist()), "a larger limit only adds"


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=120), SHARES, SEEDS)
def test_no_group_is_in_two_splits(samples: list[tuple[int, int]], shares: tuple[int, int, int], seed: int) -> None:
    groups = np.array([f"patient {group}" for group, _ in samples])
    y = np.array([label for _, label in samples])
    parts = grouped(groups, y, shares, seed)
    assert np.sort(np.concatenate(parts)).tolist() == list(range(len(y)))
    held = [set(groups[part]) for part in parts]
    assert sum(map(len, held)) == len(set(groups))
    assert all(np.array_equal(one, again) for one, again in zip(parts, grouped(groups, y, shares, seed), strict=True))
    wanted = [part for part, share in zip(parts, shares, strict=True) if share]
    assert all(len(part) for part in wanted) or len(set(groups)) < len(wanted)
    assert not any(len(part) for part, share in zip(parts, shares, strict=True) if not share)


def test_groups_are_balanced_by_class() -> None:
    random = np.random.default_rng(0)
    groups = random.integers(0, 300, 3000).astype(str)
    y = random.integers(0, 3, 3000)
    for part, share in zip(grouped(groups, y, (70, 15, 15), 0), (0.7, 0.15, 0.15), strict=True):
        assert np.bincount(y[part]) / np.bincount(y) == pytest.approx(share, abs=0.01)


def test_a_class_that_one_group_holds_is_trained_on() -> None:
    groups = np.array([f"p{number // 5}" for number in range(100)])
    for rare in range(20):
        y = np.where(groups == f"p{rare}", 2, np.arange(100) % 2)
        train, valid, test = grouped(groups, y, (30, 35, 35), 0)
        assert 2 in y[train]
        assert set(y[valid]) == set(y[test]) == {0, 1}


def test_the_order_of_rows_in_a_group_does_not_matter_to_where_it_goes() -> None:
    groups, y = np.array(list("aabbccdd")), np.array([0, 1] * 4)
    order = np.array([7, 2, 5, 0, 1, 6, 3, 4])
    one, other = grouped(groups, y, (50, 25, 25), 3), grouped(groups[order], y[order], (50, 25, 25), 3)
    assert [set(groups[part]) for part in one] == [set(groups[order][part]) for part in other]


def test_a_sample_of_several_labels_counts_as_its_rarest() -> None:
    labels = np.array([[1, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]])
    assert rarest(labels).tolist() == [1, 2, 0, 3, 1]


def test_numbers_are_split_by_size() -> None:
    numbers = np.random.default_rng(0).normal(size=1000)
    assert np.bincount(bins(numbers)).tolist() == [100] * 10
    for part in stratified(bins(numbers), (70, 15, 15), 0):
        assert np.bincount(bins(numbers)[part]).tolist() == [len(part) // 10] * 10
    assert not bins(numbers[:9]).any()
    assert not bins(numbers.reshape(500, 2)).any()


@pytest.mark.parametrize(
    ("names", "asked", "expected"),
    [
        (("train",), None, (70, 15, 15)),
        (("train", "test"), None, (85, 15, 0)),
        (("train", "valid"), None, None),
        (("train", "valid", "test"), None, None),
        (("test",), None, None),
        (("train",), (80, 10, 10), (80, 10, 10)),
        (("train", "valid"), (80, 0, 20), (80, 0, 20)),
        (("train", "test"), (90, 10, 0), (90, 10, 0)),
    ],
)
def test_what_is_split_off(
    names: tuple[str, ...], asked: tuple[int, int, int] | None, expected: tuple[int, int, int] | None
) -> None:
    assert shares_of(names, asked, "d.npz") == expected


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("train", "test"), ("test",)])
def test_what_is_split_already_is_not_split_again(names: tuple[str, ...]) -> None:
    with pytest.raises(ZooError) as caught:
        shares_of(names, (80, 10, 10), "d.npz")
    assert caught.value.message == f"--split 80/10/10 does not fit d.npz: it is split already into {', '.join(names)}"
    assert "--split 85/15/0" in caught.value.hint


DIGITS = tuple(map(str, range(10)))


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("5-9", DIGITS, ("5", "6", "7", "8", "9")),
        ("dog, cat", ("cat", "cow", "dog"), ("cat", "dog")),
        ("cat,0-1", ("0", "1", "2", "cat"), ("0", "1", "cat")),
        ("1-2", ("1-2", "1", "2"), ("1-2",)),
        ("-2--1", ("-2", "-1", "0"), ("-2", "-1")),
        ("t-shirt", ("shirt", "t-shirt"), ("t-shirt",)),
        ("tench, Tinca", ("tench", "tench, Tinca"), ("tench, Tinca",)),
        ("1-2", ("01", "02", "03"), ("01", "02")),
    ],
)
def test_classes_are_chosen(text: str, names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert chosen_classes(text, names) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("ca", "--classes: there is no class 'ca'", "did you mean cat?"),
        ("cat,,dog", "--classes 'cat,,dog' has an empty name in it", "such as --classes 5-9"),
        ("cat,cat", "--classes 'cat,cat' names the class 'cat' twice", ""),
        ("1-2,2", "--classes '1-2,2' names the class '2' twice", ""),
        ("2-1", "--classes: the range 2-1 is upside down", "such as --classes 1-2"),
        ("1-3", "--classes 1-3: there is no class '3'", "there are: 1, 2, cat"),
        ("0-999999999999", "--classes 0-999999999999: there is no class '0'", ""),
    ],
)
def test_classes_that_cannot_be_chosen(text: str, message: str, hint: str) -> None:
    with pytest.raises(ZooError) as caught:
        chosen_classes(text, ("1", "2", "cat"))
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_a_group_in_two_splits_is_named() -> None:
    parts = {
        "train": records([0, 1], groups=["p1", "p7"], called="train.csv"),
        "test": records([0, 1, 0], groups=["p2", "p7", "p7"], called="test.csv"),
    }
    with pytest.raises(ZooError) as caught:
        check_apart(parts, "patient")
    assert caught.value.message == (
        "the group 'p7' of patient is in two splits: train (train.csv, row 1) and test (test.csv, row 1)"
    )
    assert caught.value.hint == "put all its samples into one split"
    check_apart({"train": parts["train"], "valid": records([1], groups=["p2"]), "test": records([1])}, "patient")


def test_a_sample_without_a_group_is_named() -> None:
    with pytest.raises(ZooError, match=r"d\.npz, row 1 has no group, as 2 sample\(s\) in all"):
        check_groups(records([0, 1, 0], groups=["p", "", ""]))
