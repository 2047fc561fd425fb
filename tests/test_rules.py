"""The rules that say where a file's arrays go."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.weights.matching.exceptions import Exceptions, exceptions
from transfer.weights.matching.match import by_rules, resolve
from transfer.weights.matching.rules import LONGEST, Rule, Rules, parse
from transfer.weights.target import Kind, Target

TEXT = r"""
# a comment
.*\.num_batches_tracked =
features\.(\d+)\.weight = conv\1/kernel

classifier\.(weight|bias) = top/\1
"""
NAMES = ["features.0.weight", "features.12.weight", "bn.num_batches_tracked", "classifier.weight", "classifier.bias"]


def test_the_first_rule_that_matches_says_where_a_name_goes() -> None:
    renamed = parse(TEXT).renamed([*NAMES, "same/kernel"])
    assert renamed.targets == {
        "features.0.weight": ("conv0/kernel",),
        "features.12.weight": ("conv12/kernel",),
        "classifier.weight": ("top/weight",),
        "classifier.bias": ("top/bias",),
        "same/kernel": ("same/kernel",),
    }
    assert renamed.dropped == {"bn.num_batches_tracked": r".*\.num_batches_tracked ="}
    rules = parse("a.* = first/kernel\nb|ab = second/kernel")
    assert rules.renamed(["ab", "b"]).targets == {"ab": ("first/kernel",), "b": ("second/kernel",)}


def test_a_match_is_whole_and_one_array_may_fill_several_weights() -> None:
    assert parse("fc = top/kernel\nfc1 = low/kernel").renamed(["fc", "fc1"]).targets["fc1"] == ("low/kernel",)
    renamed = parse("in_proj = a/query/kernel + a/key/kernel").renamed(["in_proj"])
    assert renamed.targets["in_proj"] == ("a/query/kernel", "a/key/kernel")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "the file of rules holds no rule", "expected 'regex = scope/weight'"),
        ("# only this", "the file of rules holds no rule", ""),
        ("a = b/c\nnonsense", "line 2 of the file of rules is no rule: 'nonsense'", "expected 'regex = scope/weight'"),
        ("= a/b", "line 1 of the file of rules is no rule", ""),
        ("a(b = x/y", "line 1 of the file of rules: the regex 'a(b' is invalid", ""),
        ("a = x", "line 1 of the file of rules: 'x' is no weight of a model", "scope/weight"),
        (r"a(b) = x/\2", r"rules: 'x/\2' uses the group \2; the regex 'a(b)' has 1 group", "counted from 1"),
        (r"a = x/\0", r"uses the group \0; the regex 'a' has 0 groups", ""),
        (r"(a) = x/\g<1>", "is no weight of a model", ""),
        (f"{'a' * LONGEST} = x/y", "line 1 of the file of rules has 506 characters; expected at most 500", ""),
    ],
)  # fmt: skip
def test_lines_that_are_no_rules(text: str, message: str, hint: str) -> None:
    with pytest.raises(ZooError) as caught:
        parse(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_rules_that_match_nothing_are_listed_with_their_lines() -> None:
    with pytest.raises(ZooError) as caught:
        parse("# one\nfc.* = top/kernel\nfc2 = low/kernel\nx =").renamed(["fc1", "fc2"])
    assert caught.value.message == "2 of the rules matched no name: line 3: fc2 = low/kernel; line 4: x ="
    assert "the file has fc1, fc2" in caught.value.hint


def test_a_regex_that_would_run_for_years_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(ZooError, match="take too long"):
        parse("(a+)+b = x/y").renamed(["a" * 60])
    assert time.monotonic() - started < 9
    assert parse("(a+)+b =").renamed(["a" * 5000, "ab"]).targets == {"a" * 5000: ("a" * 5000,)}, "a name too long"


WORD = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=6)


@given(st.lists(st.tuples(WORD, st.one_of(st.just(""), st.builds("{}/{}".format, WORD, WORD))), min_size=1, max_size=6))
def test_rules_print_as_they_parse(lines: list[tuple[str, str]]) -> None:
    rules = Rules(tuple(Rule(regex, put, number) for number, (regex, put) in enumerate(lines, 1)))
    assert parse(str(rules)) == rules


def test_a_regex_may_hold_an_equals_sign() -> None:
    assert parse("(?=a)a = x/y").rules == (Rule("(?=a)a", "x/y", 1),)
    assert parse("(?=a)a =").rules == (Rule("(?=a)a", "", 1),)


TARGETS = [
    Target("conv/kernel", (3, 3, 1, 2), Kind.CONV),
    Target("bn/gamma", (2,), Kind.VECTOR),
    Target("bn/beta", (2,), Kind.VECTOR),
    Target("bn/moving_mean", (2,), Kind.VECTOR),
    Target("lstm/lstm_cell/kernel", (2, 8), Kind.LSTM_KERNEL),
    Target("lstm/lstm_cell/recurrent_kernel", (2, 8), Kind.LSTM_RECURRENT),
    Target("lstm/lstm_cell/bias", (8,), Kind.LSTM_BIAS),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("conv/kernel", "conv/kernel"),
        ("conv/weight", "conv/kernel"),
        ("bn/weight", "bn/gamma"),
        ("bn/bias", "bn/beta"),
        ("bn/running_mean", "bn/moving_mean"),
        ("lstm/kernel", "lstm/lstm_cell/kernel"),
        ("lstm/weight_hh_l0", "lstm/lstm_cell/recurrent_kernel"),
        ("lstm/bias_ih_l0", "lstm/lstm_cell/bias"),
        ("bn/running_var", None),
        ("con/kernel", None),
        ("kernel", None),
    ],
)
def test_weights_go_by_the_names_of_other_frameworks_too(text: str, found: str | None) -> None:
    assert resolve(text, {target.name: target for target in TARGETS}) == found


def test_two_names_for_one_weight() -> None:
    rules = parse("a|b = conv/kernel")
    with pytest.raises(ZooError, match="the rules send 2 names to conv/kernel: a, b; expected at most 1"):
        by_rules(TARGETS, ["a", "b"], rules, Exceptions())
    rules = parse(r"bias_(ih|hh) = lstm/bias")
    match = by_rules(TARGETS, ["bias_hh", "bias_ih"], rules, Exceptions())
    assert match.pairs == {"lstm/lstm_cell/bias": ("bias_ih", "bias_hh")}, "an input bias comes first"


def test_exceptions_name_either_side() -> None:
    names = ["fc.weight", "fc.bias", "fc2.weight", "top/kernel"]
    assert exceptions(["fc", "top/.*"], names).names == {"fc.weight", "fc.bias", "top/kernel"}
    with pytest.raises(ZooError) as caught:
        exceptions(["fcc"], names)
    assert caught.value.message == "--allow-partial 'fcc' names nothing in the file or the model"
    with pytest.raises(ZooError, match="the regex '\\(' is invalid"):
        exceptions(["("], names)
