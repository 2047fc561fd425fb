from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from found_data import records
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.data.labels import coded, kind_of, labels_of
from transfer.data.target import Target, find_target, scaled, values

NAN = float("nan")
FRACTIONS = [0.5, 1.5, 2.0]


@pytest.mark.parametrize(
    ("labels", "wanted", "kind"),
    [
        ([3, 1, 3], None, "class"),
        (["b", "a"], None, "class"),
        ([True, False], None, "class"),
        ([1.0, 2.0, 1.0, 2.0], None, "class"),
        ([1.0, 2.0, 3.0], None, "number"),
        (FRACTIONS, None, "number"),
        ([[0, 1], [1, 0]], None, "class"),
        ([[0, 1], [1, 1]], None, "multilabel"),
        ([[0, 0], [1, 0]], None, "multilabel"),
        ([[0.0, 1.0], [1.0, 1.0]], None, "multilabel"),
        ([[0.5, 1], [1, 0]], None, "number"),
        ([[2, 1], [1, 0]], None, "number"),
        ([[0], [1]], None, "class"),
        ([3, 1], "number", "number"),
        ([1.0, 2.0, 3.0], "class", "class"),
        ([[0, 1], [1, 0]], "multilabel", "multilabel"),
        ([[0, 1], [1, 0]], "number", "number"),
        (list(range(100)), None, "class"),
        (list(range(101)) * 2, None, "class"),
        (list(range(101)), "class", "class"),
        (list(range(101)), "number", "number"),
    ],
)
def test_what_labels_are(labels: Any, wanted: str | None, kind: str) -> None:
    assert kind_of(labels_of(records(labels), "d.npz"), wanted, "d.npz") == kind


@pytest.mark.parametrize(
    ("labels", "wanted", "message", "hint"),
    [
        (["a", "b"], "number", "d.npz has labels of shape (2,) and dtype <U1, such as a: --target-type number does not",
         "they can be: class"),
        (FRACTIONS, "class", "d.npz has labels of shape (3,) and dtype float64, such as 0.5: --target-type class does",
         "they can be: number"),
        ([1, 2], "multilabel", "--target-type multilabel does not fit", "they can be: class, number"),
        ([[1, 1], [0, 1]], "class", "--target-type class does not fit", "they can be: multilabel, number"),
        ([[1, 2], [0, 1]], "multilabel", "--target-type multilabel does not fit", "they can be: number"),
        ([["a", "b"]], None, "several columns hold numbers, or 0 and 1", ""),
        (list(range(101)), None, "d.npz has 101 different labels in 101 samples: too many to be classes",
         "--target-type number"),
    ],
)  # fmt: skip
def test_what_labels_cannot_be(labels: Any, wanted: str | None, message: str, hint: str) -> None:
    with pytest.raises(ZooError) as caught:
        kind_of(labels_of(records(labels), "d.npz"), wanted, "d.npz")
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "", "b", ""], "d.npz, row 1 has no label, and 1 more like it"),
        ([0.5, 1.5, NAN], "d.npz, row 2 has no label: it is NaN"),
        ([[0.5, 1.5], [NAN, 1.0]], "d.npz, row 1 has no label: it is NaN"),
        ([0.5, math.inf], "d.npz, row 1 has an infinite label"),
        ([1j, 2j], "d.npz: labels are of dtype complex128; expected integers or text, or numbers"),
        ([[[1]]], "d.npz has 1 samples and labels of shape (1, 1, 1); expected one a sample"),
    ],
)
def test_labels_that_are_none(labels: Any, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        labels_of(records(labels), "d.npz")
    assert caught.value.message == message


def test_data_without_labels_say_how_to_name_them() -> None:
    with pytest.raises(ZooError, match=r"d\.npz carries no labels") as caught:
        labels_of(records(None, x=[[1.0]]), "d.npz")
    assert caught.value.hint == "name the column that holds them: --target COLUMN"


@pytest.mark.parametrize(
    ("labels", "names", "classes", "positions"),
    [
        ([10, 9, 10], (), ("9", "10"), [1, 0, 1]),
        ([-1, 1, -2], (), ("-2", "-1", "1"), [1, 2, 0]),
        (["é", "b", "B"], (), ("B", "b", "é"), [2, 1, 0]),
        ([True, False], (), ("False", "True"), [1, 0]),
        ([2.0, 10.0, 2.0, 10.0], (), ("2", "10"), [0, 1, 0, 1]),
        ([[0, 0, 1], [1, 0, 0]], (), ("0", "2"), [1, 0]),
        ([[0, 0, 1], [1, 0, 0]], ("z", "y", "x"), ("z", "x"), [1, 0]),
        ([1, 0, 1], ("zebra", "ant"), ("zebra", "ant"), [1, 0, 1]),
        ([2, 0], ("zebra", "bee", "ant"), ("zebra", "ant"), [1, 0]),
        ([[3], [1]], ("species",), ("1", "3"), [1, 0]),
    ],
)
def test_classes_are_in_order(labels: Any, names: tuple[str, ...], classes: tuple[str, ...], positions: Any) -> None:
    found = records(labels, names)
    target = find_target(found, "class", "d.npz")
    assert (target, target.width) == (Target("class", classes), len(classes))
    y = values(found, target, "d.npz")
    assert (y.tolist(), y.dtype) == (positions, np.int64)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1), st.data())
def test_positions_lead_back_to_the_labels(labels: list[int], data: st.DataObject) -> None:
    found = records(labels)
    known = tuple(data.draw(st.permutations([str(label) for label in sorted(set(labels))])))
    target = find_target(found, "class", "d.npz", known=known)
    assert target.classes == known
    assert [int(known[place]) for place in values(found, target, "d.npz")] == labels


def test_several_labels_and_numbers_are_columns() -> None:
    labels = [[1, 0, 1], [0, 0, 0]]
    several = find_target(records(labels, ("a", "b", "c")), "multilabel", "d.npz")
    assert several == Target("multilabel", ("a", "b", "c"))
    y = values(records(labels), several, "d.npz")
    assert (y.tolist(), y.dtype) == (labels, np.float32)
    turned = records([[0, 1, 1]], ("b", "c", "a"))
    assert values(turned, several, "d.npz").tolist() == [[1, 0, 1]]
    assert find_target(records([[1.5, 2]]), "number", "d.npz").classes == ("value 1", "value 2")
    assert find_target(records([[1.5, 2]]), "number", "d.npz", ("w", "h")).classes == ("w", "h")
    assert find_target(records([1.5, 2]), "number", "d.npz").classes == ("value",)
    assert find_target(records([1.5, 2]), "number", "d.npz", ("price",)).classes == ("price",)
    assert find_target(records([1.5, 2]), "number", "d.npz", known=("price",)).classes == ("price",)
    assert find_target(records(labels), "multilabel", "d.npz", known=("p", "q", "r")).classes == ("p", "q", "r")
    assert values(records([1, 2]), Target("number", ("value",)), "d.npz").tolist() == [[1], [2]]


def test_mean_and_deviation_are_exact() -> None:
    y = np.array([[0.1, 1], [0.2, 2], [0.3, 4]], np.float32)
    got = scaled(Target("number", ("a", "b")), y)
    assert got.mean == pytest.approx(tuple(y.astype(np.float64).mean(axis=0)), rel=1e-15)
    assert got.deviation == pytest.approx(tuple(y.astype(np.float64).std(axis=0)), rel=1e-12)
    with pytest.raises(ZooError, match="the number 'b' is 4 in all of the training split: there is nothing to learn"):
        scaled(Target("number", ("a", "b")), np.array([[1, 4], [2, 4]], np.float32))


A_B = Target("class", ("a", "b"))


@pytest.mark.parametrize(
    ("found", "target", "message"),
    [
        (records(["a", "c", "b", "c"]), A_B,
         "a label unseen in training: c, in d.npz, row 1; d.npz, row 3; expected a, b"),
        (records(list("abcdefgh")), A_B, "a label unseen in training: c, d, e, f, g and 1 more, in d.npz, row 2"),
        (records([1, 3], ("x", "y", "z")), A_B, "d.npz, row 1 has the label 3; the data name the labels 0 to 2"),
        (records([1, -1], ("x", "y")), A_B, "d.npz, row 1 has the label -1; the data name the labels 0 to 1"),
        (records([1, 0], ("x", "x")), A_B, "the data call two labels 'x', such as that of d.npz, row 0"),
        (records([1.0, 1.5]), A_B, "d.npz, row 1 has the label 1.5; expected a class"),
        (records([[0, 1], [1, 1]]), A_B, "d.npz, row 1 has 2 labels of 2; expected one"),
        (records([[0, 1], [0, 0]]), A_B, "d.npz, row 1 has 0 labels of 2; expected one"),
        (records([[0, 1], [0, 2]]), Target("multilabel", ("a", "b")), "row 1 has the label 2; expected 0 or 1"),
        (records([[0, 1]]), Target("multilabel", ("a", "b", "c")),
         "d.npz has labels (1, 2) int64; expected 3 number(s) a sample"),
        (records([[0, 1]], ("a", "z")), Target("multilabel", ("a", "b")), "d.npz has the labels a, z; expected a, b"),
        (records(["a"]), Target("number", ("value",)), "d.npz has labels (1, 1) <U1; expected 1 number(s) a sample"),
        (records([1.0, 1e300]), Target("number", ("value",)),
         "d.npz, row 1 has the label 1e+300; expected a number that float32 holds"),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_are_named_by_row(found: Any, target: Target, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        values(found, target, "d.npz")
    assert message in caught.value.message


def test_labels_that_a_model_does_not_know() -> None:
    with pytest.raises(ZooError) as caught:
        find_target(records(["a", "c"]), "class", "d.npz", known=("a", "b"))
    assert caught.value.message == "a label that the model does not know: c, in d.npz, row 1; expected a, b"
    assert "--classes" in caught.value.hint
    with pytest.raises(ZooError, match=r"d\.npz has the labels a, c; the model knows a, b"):
        find_target(records([[0, 1]], ("a", "c")), "multilabel", "d.npz", known=("a", "b"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("rank", ("a",)), "'rank' is no kind of target; expected class, multilabel, number"),
        (("class", ("a", "a")), "a target's labels have the same name twice: a, a"),
        (("class", ("a", "b"), (1.0,), (1.0,)), "a class target has 1 means for 2 labels"),
        (("number", ("a", "b"), (1.0,), (1.0,)), "a number target has 1 means for 2 labels"),
        (("number", ("a",), (1.0,), ()), "a number target has 1 means for 1 labels"),
    ],
)
def test_targets_that_make_no_sense(fields: Any, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        Target(*fields)
    assert caught.value.message == message


def test_codes_are_the_data_s_own_whatever_a_model_knows() -> None:
    found = records(["b", "a"])
    assert coded(found, labels_of(found, "d.npz")).names == ("a", "b")
