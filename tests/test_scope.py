from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.scope import layer_name, matches, scope_of, select

NAMES = ["X", "hidden1", "hidden2", "hidden3", "hidden10", "block1/conv", "block1/conv/relu", "block10/conv", "outputs"]

scopes = st.lists(st.from_regex(r"[A-Za-z0-9._-]{1,6}", fullmatch=True), min_size=1, max_size=4).map("/".join)


@given(scopes)
def test_a_layers_name_carries_its_scope(scope: str) -> None:
    assert scope_of(layer_name(scope)) == scope
    assert "/" not in layer_name(scope)


@given(scopes)
def test_a_scope_matches_itself_and_its_beginnings_whole(scope: str) -> None:
    assert matches(re.compile(re.escape(scope)), scope)
    assert matches(re.compile(re.escape(scope.split("/")[0])), scope)
    assert not matches(re.compile(re.escape(scope)), scope + "0")


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("hidden1", ["hidden1"]),
        ("hidden[123]", ["hidden1", "hidden2", "hidden3"]),
        ("hidden[13]|outputs", ["hidden1", "hidden3", "outputs"]),
        (r"hidden\d+", ["hidden1", "hidden2", "hidden3", "hidden10"]),
        ("block1", ["block1/conv", "block1/conv/relu"]),
        ("block1/conv", ["block1/conv", "block1/conv/relu"]),
        (".*/conv", ["block1/conv", "block1/conv/relu", "block10/conv"]),
        (".*", NAMES),
    ],
)
def test_select(pattern: str, selected: list[str]) -> None:
    assert list(select(pattern, NAMES)) == selected


@pytest.mark.parametrize("pattern", ["hidden", "idden1", "conv", "", "HIDDEN1", "hidden1/"])
def test_parts_of_segments_select_nothing(pattern: str) -> None:
    with pytest.raises(ZooError, match="selects no layer") as caught:
        select(pattern, NAMES)
    assert caught.value.hint


def test_near_names_are_listed() -> None:
    with pytest.raises(ZooError) as caught:
        select("hiden1", NAMES)
    assert "hidden1" in caught.value.hint


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("hidden[12", "unterminated character set at character 7"), ("*", "nothing to repeat at character 1")],
)
def test_an_invalid_regex_says_where(pattern: str, message: str) -> None:
    with pytest.raises(ZooError, match="is invalid") as caught:
        select(pattern, NAMES)
    assert message in caught.value.message
