from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.plan.activation import KNOWN, Activation, parse_activation
from transfer.plan.dropping import dropped, edge
from transfer.plan.plan import Plan
from transfer.plan.style import INITS, Style
from transfer.plan.top import Top
from zoo.top_text import read_top, top_words

NAMES = ("hidden1", "hidden2", "hidden3", "hidden4", "hidden5", "outputs")
LAYERS = (
    LayerInfo("X", "InputLayer", 0),
    *(LayerInfo(name, "Dense", 10, True, (below,)) for below, name in pairwise(("X", *NAMES))),
)


@pytest.mark.parametrize(
    ("text", "name", "numbers", "plain"),
    [
        ("relu", "relu", (), True), ("leaky_relu", "leaky_relu", (0.2,), True),
        ("leaky_relu(0.01)", "leaky_relu", (0.01,), False), ("rrelu", "rrelu", (1 / 8, 1 / 3), False),
        ("rrelu( 0.1 , 0.3 )", "rrelu", (0.1, 0.3), False), ("prelu", "prelu", (0.25,), False),
        ("elu(1)", "elu", (1.0,), True), ("elu(0.5)", "elu", (0.5,), False), ("tanh", "tanh", (), True),
    ],
)  # fmt: skip
def test_activations_are_read(text: str, name: str, numbers: tuple[float, ...], plain: bool) -> None:
    read = parse_activation(text)
    assert (read.name, read.numbers, read.plain) == (name, numbers, plain)
    assert parse_activation(str(read)) == read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rleu", "--activation takes relu, leaky_relu(alpha), rrelu(low,high), prelu(alpha), elu(alpha), selu, gelu, "
         "swish, tanh, sigmoid; got 'rleu'"),
        ("leaky_relu(0.1", "got 'leaky_relu(0.1'"),
        ("relu(1)", "the activation is written relu; got 'relu(1)'"),
        ("rrelu(0.1)", "the activation is written rrelu(low,high); got 'rrelu(0.1)'"),
        ("leaky_relu(steep)", "the activation is written leaky_relu(alpha); got 'leaky_relu(steep)'"),
        ("elu(-1)", "the numbers of an activation are 0 or above; got 'elu(-1)'"),
        ("elu(nan)", "the numbers of an activation are 0 or above; got 'elu(nan)'"),
        ("rrelu(0.3,0.1)", "rrelu draws slopes from low to high; got 'rrelu(0.3,0.1)'"),
    ],
)  # fmt: skip
def test_bad_activations(text: str, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        Top(activation=text)
    assert message in caught.value.message
    if text == "rleu":
        assert caught.value.hint.startswith("did you mean")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bn_momentum": 1.0}, "--bn-momentum must be above 0 and below 1, got 1.0"),
        ({"l1": -1.0}, "--l1 must be 0 or above, got -1.0"),
        ({"l2": float("nan")}, "--l2 must be 0 or above, got nan"),
        ({"max_norm": 0.0}, "--max-norm must be above 0, got 0.0"),
        ({"batch_norm": True, "batch_norm_before": True}, "--batch-norm normalises after the activation"),
        ({"init": "magic"}, f"--init takes {', '.join(INITS)}; got 'magic'"),
        ({"units": (3, 2), "layers": (Style(),)}, "--top has 2 hidden layers, but 1 descriptions of them"),
    ],
)
def test_bad_tops(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError) as caught:
        Top(**options)
    assert message in caught.value.message


def test_a_plan_of_an_older_version_is_read() -> None:
    old = {"units": [9], "activation": "elu", "init": "he", "batch_norm": True, "dropout": 0.1}
    plan = msgspec.json.decode(json.dumps({"model": "m", "data": "d", "reuse": "r", "top": old}), type=Plan)
    assert plan.top == Top((9,), "elu", "he", True, 0.1)
    assert plan.top.styles == (Style("elu", "he", True, dropout=0.1),)


def test_drop_takes_all_that_is_above() -> None:
    assert dropped(LAYERS, "hidden5|outputs", NAMES[:3]) == {"hidden5", "outputs"}
    gone = dropped(LAYERS, "hidden4", NAMES[:3])
    assert gone == {"hidden4", "hidden5", "outputs"}
    assert edge(LAYERS, gone, NAMES[:3]) == ("hidden3",)
    assert edge(LAYERS, dropped(LAYERS, "outputs", NAMES[:1]), NAMES[:1]) == ("hidden5",)
    assert dropped(LAYERS, None, NAMES) == frozenset()


@pytest.mark.parametrize(
    ("pattern", "reused", "message", "hint"),
    [
        ("hidden3|outputs", NAMES[:3], "--drop 'hidden3|outputs' drops the reused layer hidden3: it is in --reuse",
         "leave it out of --drop, or out of --reuse"),
        ("hidden2", ("hidden1", "hidden4"), "--drop 'hidden2' drops the reused layer hidden4: it stands above hidden2",
         "leave it out of --drop"),
        ("hiden5", NAMES[:3], "the regex 'hiden5' selects no layer", "did you mean hidden5"),
        ("hidden[5", NAMES[:3], "the regex 'hidden[5' is invalid", "quote it for the shell"),
        (".*", NAMES[:3], "--drop '.*' drops every layer with weights", "name upper layers only"),
        ("hidden1", NAMES[:3], "--drop 'hidden1' drops every layer with weights", "such as outputs"),
    ],
)  # fmt: skip
def test_bad_drops(pattern: str, reused: tuple[str, ...], message: str, hint: str) -> None:
    with pytest.raises(ZooError) as caught:
        dropped(LAYERS, pattern, reused)
    assert message in caught.value.message
    assert hint in caught.value.hint


TOML = """
[defaults]
activation = "relu"
l2 = 0.001
batch_norm = true

[[layers]]
units = 100
activation = "leaky_relu(0.1)"
dropout = 0

[[layers]]
units = 50
batch_norm_before = true
max_norm = 3
"""


def test_a_file_says_each_layer(tmp_path: Path) -> None:
    path = tmp_path / "top.toml"
    path.write_text(TOML)
    read = read_top(str(path), {"dropout": 0.2, "l2": 0.01})
    assert read == {
        "top": (100, 50), "activation": "relu", "l2": 0.01, "batch_norm": True, "dropout": 0.2,
        "layers": (
            Style("leaky_relu(0.1)", batch_norm=True, dropout=0.0, l2=0.01),
            Style("relu", batch_norm_before=True, dropout=0.2, l2=0.01, max_norm=3.0),
        ),
    }  # fmt: skip
    same = tmp_path / "top.json"
    same.write_text(json.dumps(tomllib.loads(TOML)))
    assert read_top(str(same), {"dropout": 0.2, "l2": 0.01}) == read


def test_widths_as_before() -> None:
    assert read_top("100, 50", {"l1": 0.1}) == {"top": (100, 50), "l1": 0.1}
    assert read_top("", {}) == {"top": ()}
    with pytest.raises(ZooError) as caught:
        read_top("100;50", {})
    assert caught.value.message == "--top takes widths such as 100,50, or a file .toml or .json; got '100;50'"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("layers = 3 4", "is no TOML: Expected newline or end of document after a statement (at line 1, ", ""),
        ("", "describes no layers: expected a list of them", "[[layers]] units = 100"),
        ("[[layer]]\nunits = 3", " has no key 'layer'", "did you mean layers?"),
        ("layers = [3]", ": layer 1: expected a table; got 3", "[[layers]]"),
        ("[[layers]]\nunits = 3\n[[layers]]\nunits = 2\nactvation = 'elu'", ": layer 2 has no key 'actvation'",
         "did you mean activation?"),
        ("[[layers]]\nactivation = 'elu'", ": layer 1: units must be a whole number above 0; it is missing", "100"),
        ("[[layers]]\nunits = 2.5", ": layer 1: units must be a whole number above 0; got 2.5", "100"),
        ("[[layers]]\nunits = true", ": layer 1: units must be a whole number above 0; got True", "100"),
        ("[[layers]]\nunits = 2\ndropout = 'much'", ": layer 1: dropout must be a number; got 'much'", ""),
        ("[[layers]]\nunits = 2\nbatch_norm = 1", ": layer 1: batch_norm must be true or false; got 1", ""),
        ("[[layers]]\nunits = 2\nl2 = true", ": layer 1: l2 must be a number; got True", ""),
        ("[[layers]]\nunits = 2\ninit = 3", ": layer 1: init must be text; got 3", ""),
        ("[[layers]]\nunits = 2\ndropout = 2", ": layer 1: --dropout must be at least 0 and below 1, got 2", ""),
        ("[[layers]]\nunits = 2\nactivation = 'reluu'", ": layer 1: --activation takes relu", "did you mean relu"),
        ("[defaults]\nunit = 2\n[[layers]]\nunits = 2", ": defaults has no key 'unit'", "did you mean init?"),
        ("[defaults]\nunits = 2\n[[layers]]\nunits = 2", ": defaults has no key 'units'", "did you mean init?"),
        ("defaults = 3\n[[layers]]\nunits = 2", ": defaults: expected a table; got 3", ""),
    ],
)  # fmt: skip
def test_bad_files(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = tmp_path / "top.toml"
    path.write_text(text)
    with pytest.raises(ZooError) as caught:
        read_top(str(path), {})
    assert caught.value.message.startswith(str(path))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"--top: .*missing.toml cannot be read: No such file or directory"):
        read_top(str(tmp_path / "missing.toml"), {})
    path = tmp_path / "top.json"
    for content, message in [
        (b"\xff\xfe", r"--top: .*top.json is no text: byte 0 is not UTF-8"),
        (b"{", r"top.json is no JSON: Expecting property name"),
        (b"[" * 100_000, r"top.json is no JSON: "),
        (b"[1]", r"top.json: expected the table layers; got a list"),
        (b" " * (1 << 20) + b"{}", r"--top: .*top.json has over 1,048,576 bytes: no description of layers"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ZooError, match=message):
            read_top(str(path), {})


styles = st.builds(
    Style, st.sampled_from([None, "relu", "rrelu(0.1,0.2)"]), st.sampled_from([None, *INITS]), st.booleans(),
    dropout=st.floats(0, 0.9), alpha_dropout=st.booleans(), l1=st.floats(0, 1), l2=st.floats(0, 1),
    max_norm=st.none() | st.floats(0.1, 9), bn_momentum=st.floats(0.1, 0.99),
)  # fmt: skip


@given(styles, st.none() | st.lists(st.tuples(st.integers(1, 99), styles), max_size=3), st.booleans())
def test_a_top_goes_through_its_options(common: Style, rows: list[tuple[int, Style]] | None, each: bool) -> None:
    made = msgspec.to_builtins(common)
    units = None if rows is None else tuple(width for width, _ in rows)
    top = Top(units, **made, layers=tuple(style for _, style in rows) if rows and each else (), drop="outputs")
    assert msgspec.json.decode(msgspec.json.encode(top), type=Top) == top
    assert _again(top_words(top)) == top


def _again(words: list[str]) -> Top:
    """Read options as the command line does."""
    given, left = {}, list(words)
    while left:
        name = left.pop(0).removeprefix("--").replace("-", "_")
        kind = type(getattr(Top(), name)) if name in ("bn_momentum", "dropout", "l1", "l2") else str
        if name in ("batch_norm", "batch_norm_before", "alpha_dropout"):
            given[name] = True
        else:
            given[name] = float(left.pop(0)) if kind is float or name == "max_norm" else left.pop(0)
    text = given.pop("top", None)
    read: dict[str, Any] = given if text is None else read_top(text, given)
    return Top(read.pop("top", None), **read)


def test_every_activation_has_a_form() -> None:
    for name in KNOWN:
        assert parse_activation(name) == Activation(name, tuple(KNOWN[name].values()))
    assert replace(Activation("elu", (1.0,)), numbers=(2.0,)).plain is False


def test_options_and_files_reach_the_plan(zoo_command: Any, tiny: str, data_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "top.toml"
    path.write_text(TOML)
    words = ("transfer", tiny, "--data", data_file, "--reuse", "hidden1", "--dry-run")
    options = ("--drop", "outputs", "--alpha-dropout", "--bn-momentum", "0.9", "--l1", "0.01", "--max-norm", "2")
    plan = zoo_command(*words, "--top", path, *options, "--json")["plan"]
    top = msgspec.convert(plan["top"], Top)
    assert (top.units, top.drop, top.alpha_dropout, top.bn_momentum) == ((100, 50), "outputs", True, 0.9)
    assert [style.max_norm for style in (*top.layers, top.style)] == [2.0, 3.0, 2.0]
    page = zoo_command(*words, "--drop", "hidden3|outputs", "--activation", "selu")
    assert "left out of the model's architecture: hidden3, outputs\n" in page
    assert roles(page) == {"hidden1": "reused, frozen", "hidden2": "new, trained", "hidden3": "left out",
                           "outputs": "left out"}  # fmt: skip
    above = zoo_command(*words, "--top", "9")
    assert roles(above) == {"hidden1": "reused, frozen"} | dict.fromkeys(("hidden2", "hidden3", "outputs"), "left out")
    assert set(roles(zoo_command(*words)).values()) == {"reused, frozen", "new, trained"}
    assert "\nplain dropout undoes what SELU is for" in page
    zoo_command(*words, "--drop", "hidden1", code=1)
    assert "error: --drop 'hidden1' drops every layer with weights" in zoo_command.err


def roles(page: str) -> dict[str, str]:
    """Return what becomes of each layer, by the table of layers."""
    return {found[1]: found[2] for found in re.finditer(r"^(\w+) +Dense +[\d,]+  (.+)$", page, re.M)}


def test_a_report_repeats_a_top_of_a_file(zoo_command: Any, tiny: str, data_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "top.toml"
    path.write_text(TOML)
    words = ("--data", data_file, "--reuse", "hidden1", "--unfreeze", "none", "--epochs", "2", "--no-compare-scratch")
    first = zoo_command("transfer", tiny, *words, "--top", path, "--activation", "rrelu(0.1,0.3)", "--json")
    path.unlink()
    folder = next(Path(run["path"]) for run in zoo_command("runs", "--json")["runs"])
    command = (folder / "report.md").read_text().split("## To repeat it\n\n```\n")[1].split("\n")[0]
    again = zoo_command(*shlex.split(command)[1:], "--json")
    assert again["test_accuracy"] == first["test_accuracy"]
    assert again["phases"][0]["valid_loss"] == first["phases"][0]["valid_loss"]
