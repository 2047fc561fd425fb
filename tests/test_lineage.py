# ruff: noqa: F811  (a fixture that is imported, and then named as a parameter)
"""Where models came from and what was made from them, as people and programs read it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs, chain
from hub_server import HubServer, hub  # noqa: F401

from registry.card import Card, Lineage
from registry.lineage import Node
from registry.shelf import Shelf
from registry.spot import Spot
from zoo.family import document, mermaid, tree_text

Zoo = Callable[..., Any]
QUICK = ("--epochs", "2", "--batch-size", "16", "--lr", "0.02", "-q")


@dataclass(frozen=True)
class Family:
    """A home in which `first` was made from `tiny`, and `second` from `first`."""

    home: Path
    data: Path
    refs: dict[str, str]


@pytest.fixture(scope="module")
def made_family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """The family, made by the command line; copied, never used."""
    from zoo.app import run

    folder, home = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("family") / "home"
    chain().save(folder / "chain.keras")
    x, y = blobs(135)
    np.savez(folder / "blobs.npz", x=x, y=y)
    data = ["--data", str(folder / "blobs.npz"), *QUICK]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        for words in (
            ["import", str(folder / "chain.keras"), "--as", "tiny"],
            ["transfer", "tiny", "--reuse", "hidden[12]", "--recipe", "lp-ft", *data],
            ["publish", "last", "--as", "first"],
            ["transfer", "first", "--reuse", "hidden1", "--no-compare-scratch", *data, "--publish-as", "second"],
        ):
            assert run(words) == 0
        shelf = Shelf()
        refs = {name: shelf.find(name).ref for name in ("tiny", "first", "second")}
    return Family(home, folder / "blobs.npz", refs)


@pytest.fixture
def family(made_family: Family, zoo_home: Path) -> Family:
    """The family in this test's catalogue."""
    shutil.copytree(made_family.home, zoo_home)
    return made_family


def add(name: str, parent: str, **step: Any) -> str:
    """Put a small model into the catalogue that says it was made from another; return its reference."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "net.onnx").write_bytes(name.encode())
        lineage = Lineage(parent, **step)
        return Shelf().publish(Card(name, "onnx", "net.onnx", lineage=lineage), Path(folder), Spot(name)).ref


@pytest.mark.usefixtures("zoo_home")
def test_a_model_from_scratch_is_held_against_reuse(zoo_command: Zoo) -> None:
    import tempfile

    figures: dict[str, float | list[float]] = {"test_accuracy": 0.9, "scratch_test_accuracy": 0.9}
    for name, more, said in (("old", {}, ""), ("new", {"reused_test_accuracy": 0.8}, ", +0.1000 against reuse")):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "net.onnx").write_bytes(name.encode())
            card = Card(name, "onnx", "net.onnx", lineage=Lineage("p@1", run="r"), metrics={**figures, **more})
            Shelf().publish(card, Path(folder), Spot(name))
        text = zoo_command("lineage", name)
        assert "its architecture, trained from scratch" in text
        assert text.rstrip().endswith(f"test accuracy 0.9000{said}")


def test_the_tree(zoo_command: Zoo, family: Family) -> None:
    refs, data = family.refs, family.data
    lines = zoo_command("lineage", "first").splitlines()
    fingerprint = zoo_command("show", "first", "--json")["lineage"]["fingerprint"][:12]
    assert lines[:5] == [
        "chain.keras (not on this machine)",
        f"└── {refs['tiny']}",
        "    │   imported",
        f"    └── * {refs['first']}",
        "        │   reused 'hidden[12]': hidden1, hidden2",
    ]
    assert lines[5] == f"        │   data {data.name} ({fingerprint})"
    assert re.fullmatch(r"        │   test accuracy 0\.\d{4}, [+-]\d\.\d{4} against from scratch", lines[6])
    assert lines[7:10] == [
        f"        └── {refs['second']}",
        "                reused 'hidden1': hidden1",
        f"                data {data.name} ({fingerprint})",
    ]
    assert re.fullmatch(r"                test accuracy 0\.\d{4}", lines[10])
    assert len(lines) == 11


def test_a_model_whose_architecture_alone_was_kept(zoo_command: Zoo, family: Family) -> None:
    add("anew", family.refs["tiny"], run="20261129-000000-tiny", data="blobs.npz", fingerprint="0" * 64)
    assert "its architecture, trained from scratch\n" in zoo_command("lineage", "anew")


@pytest.mark.parametrize("asked", ["tiny", "first", "second"])
def test_every_member_has_the_same_line(zoo_command: Zoo, family: Family, asked: str) -> None:
    page = zoo_command("lineage", asked)
    assert f"* {family.refs[asked]}\n" in page
    assert page.count("* ") == 1
    assert page.replace("* ", "") == zoo_command("lineage", "first").replace("* ", "")


def test_the_document(zoo_command: Zoo, family: Family) -> None:
    top = zoo_command("lineage", "second", "--json")
    assert (top["ref"], top["source"], top["parent"]) == ("chain.keras", None, None)
    (tiny,) = top["children"]
    (first,) = tiny["children"]
    (second,) = first["children"]
    assert [one["ref"] for one in (tiny, first, second)] == list(family.refs.values())
    assert [one["asked"] for one in (top, tiny, first, second)] == [False, False, False, True]
    assert set(second) == {
        "ref", "source", "asked", "metrics", "parent", "reuse", "reused", "data", "fingerprint", "children",
    }  # fmt: skip
    assert (second["parent"], second["reuse"], second["reused"]) == (family.refs["first"], "hidden1", ["hidden1"])
    assert 0 <= first["metrics"]["test_accuracy"] <= 1 and "scratch_test_accuracy" in first["metrics"]
    assert (tiny["reuse"], tiny["data"], first["data"]) == ("", "", family.data.name)


def test_a_pulled_model_has_its_origin_above(zoo_command: Zoo, hub: HubServer, family: Family, tmp_path: Path) -> None:
    chain().save(tmp_path / "model.keras")
    commit = hub.add("org/base", {"model.keras": (tmp_path / "model.keras").read_bytes()})
    zoo_command("pull", "hf://org/base")
    words = ("--reuse", "hidden1", "--data", family.data, *QUICK, "--no-compare-scratch")
    zoo_command("transfer", "base", *words, "--publish-as", "ours")
    lines = zoo_command("lineage", "ours").splitlines()
    assert lines[0] == f"hf://org/base@{commit} (not on this machine)"
    assert lines[1].startswith("└── base@")
    assert lines[3].startswith("    └── * ours@")
    page = zoo_command("show", "base")
    assert re.search(r"^children: +ours@[0-9a-f]{12}$", page, re.M)
    from huggingface_hub import ModelCard

    readme = Shelf().folder(Shelf().find("ours")) / "README.md"
    assert ModelCard.load(readme).data.get("base_model") == "org/base"


def test_what_ships_with_zoo(zoo_command: Zoo) -> None:
    shipped = Shelf().find("mnist-dnn").ref
    child = add("digits", shipped, reuse="hidden[123]", reused=("hidden1", "hidden2", "hidden3"))
    assert zoo_command("lineage", "digits") == (
        f"{shipped}\n└── * {child}\n        reused 'hidden[123]': hidden1, hidden2, hidden3\n"
    )
    assert zoo_command("show", "mnist-dnn", "--json")["children"] == [child]
    assert zoo_command("lineage", "mnist-dnn", "--json")["asked"]


def test_unknown_parents(zoo_command: Zoo) -> None:
    for number, parent in enumerate(("gone@0123456789ab", "gone", "oci://host/net@sha256:" + "0" * 64, "@0123456")):
        child = add(f"child-{number}", parent)
        assert zoo_command("lineage", f"child-{number}") == (
            f"{parent} (not on this machine)\n└── * {child}\n        imported\n"
        )


def test_several_children(zoo_command: Zoo) -> None:
    first = add("one", "gone@0123456789ab")
    others = [add(name, first) for name in ("two", "three")]
    (one,) = zoo_command("lineage", "three", "--json")["children"]
    assert [(child["ref"], child["asked"]) for child in one["children"]] == [(others[1], True)]
    (one,) = zoo_command("lineage", "one", "--json")["children"]
    assert [child["ref"] for child in one["children"]] == others


def test_the_same_revision_under_two_names(zoo_command: Zoo, family: Family) -> None:
    zoo_command("publish", "first", "--as", "copy")
    children = zoo_command("show", "tiny", "--json")["children"]
    assert sorted(ref.partition("@")[0] for ref in children) == ["copy", "first"]
    assert zoo_command("lineage", "second").count(family.refs["second"]) == 1


# Mermaid


def test_mermaid(zoo_command: Zoo, family: Family) -> None:
    lines = zoo_command("lineage", "first", "--mermaid").splitlines()
    refs = family.refs
    assert lines[:3] == ["flowchart TD", '    m0["chain.keras"]', f'    m1["{refs["tiny"]}"]']
    assert re.fullmatch(rf'    m2\["{refs["first"]}<br>test accuracy [^"]+ against from scratch"\]', lines[3])
    assert lines[5:7] == [
        '    m0 -->|"imported"| m1',
        f"    m1 -->|{_reused('hidden[12]', 'hidden1, hidden2', family)}| m2",
    ]
    assert lines[7:] == [
        "    style m2 stroke-width:3px",
        f"    m2 -->|{_reused('hidden1', 'hidden1', family)}| m3",
    ]


def _reused(pattern: str, names: str, family: Family) -> str:
    fingerprint = Shelf().find("first").card.lineage.fingerprint[:12]  # type: ignore[union-attr]
    return f"\"reused '{pattern}': {names}<br>data {family.data.name} ({fingerprint})\""


HOSTILE = (
    'a"]; click m0 "javascript:alert(1)',
    "a\nm9 --> m0",
    "a\rm9 --> m0",
    "a\u2028m9 --> m0",
    "<script>alert(1)</script>",
    "%%{init: {'theme': 'dark'}}%%",
    "`**bold**`",
    "#quot;]; m9",
    "\x1b[2J\x07gone",
)
SYNTAX = re.compile(
    r'flowchart TD|    m\d+\["[^"\n]*"\]|    m\d+ -->\|"[^"\n]*"\| m\d+|    style m\d+ stroke-width:3px'
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text: str) -> None:
    step = Lineage(text, reuse=text, reused=(text,), data=text, fingerprint=text)
    child = Node(text, "local", step, {"test_accuracy": 0.5}, asked=True)
    top = Node(text, "", None, {}, (child, replace(child, asked=False)))
    drawn = mermaid(top)
    assert len(drawn.split("\n")) == 7
    assert all(SYNTAX.fullmatch(line) for line in drawn.split("\n"))
    labels = "".join(re.findall(r'"([^"]*)"', drawn)).replace("<br>", "")
    assert labels.isprintable()
    assert not set(labels) & set('<>"%`')
    assert all(code in ("quot", "lt", "gt", "amp", "35", "37", "96") for code in re.findall(r"#(\w*);?", labels))
    page = tree_text(top)
    assert page.replace("\n", "").isprintable()
    assert len(page.split("\n")) == 9
    assert document(top)["children"][0]["parent"] == text


def test_a_hostile_card_in_the_catalogue(zoo_command: Zoo) -> None:
    add("child", HOSTILE[0], reuse=HOSTILE[4], reused=(HOSTILE[1],))
    for line in zoo_command("lineage", "child", "--mermaid").splitlines():
        assert SYNTAX.fullmatch(line)
    assert len(zoo_command("lineage", "child").splitlines()) == 3


@pytest.mark.parametrize("parent", ["self@", "../../models/mnist-dnn@"])
def test_parents_that_lead_nowhere(zoo_command: Zoo, parent: str) -> None:
    add("child", parent + "0" * 12, reuse="x")
    assert zoo_command("lineage", "child", "--json")["source"] is None


# Removing


def test_what_others_depend_on_is_kept(zoo_command: Zoo, family: Family) -> None:
    refs = family.refs
    for text in ("tiny", refs["tiny"]):
        zoo_command("rm", text, "-y", code=1)
        assert zoo_command.err == (  # type: ignore[attr-defined]
            f"error: {text} is what {refs['first']} came from\nhint: pass --force to remove it all the same\n"
        )
    assert zoo_command("rm", "tiny", "--force", "--dry-run") == (
        f"would remove tiny with 1 revision, which {refs['first']} came from (--dry-run)\n"
    )
    assert zoo_command("rm", "tiny", "--force", "-y").startswith(f"removed tiny with 1 revision, which {refs['first']}")
    assert zoo_command("lineage", "first").splitlines()[0] == f"{refs['tiny']} (not on this machine)"
    zoo_command("rm", "second", "-y")
    zoo_command("rm", "first", "-y")
    assert zoo_command("verify", "--json")["ok"]
    assert zoo_command("list", "--source", "local", "-q") == ""


def test_a_copy_may_go_where_the_other_stays(zoo_command: Zoo, family: Family) -> None:
    """What was made from a revision still has its parent, while any name holds that."""
    zoo_command("publish", "tiny", "--as", "copy")
    assert zoo_command("rm", "second", "-y").startswith("removed second")
    zoo_command("rm", "tiny", "--force", "-y")
    revision = family.refs["tiny"].partition("@")[2]
    assert f"copy@{revision}" in zoo_command("lineage", "first")
    assert zoo_command("verify", "--json")["ok"]
