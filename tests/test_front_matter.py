"""Front matter: others' is read whatever it is, ours is what the Hub's own library reads back."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.repocard_data import model_index_to_eval_results
from hypothesis import given
from hypothesis import strategies as st

from registry.card import Card, Lineage
from zoo.front_matter import LICENSES, Facts, hub_license, read_front_matter
from zoo.readme import front_matter, readme

FULL = """---
license: apache-2.0
library_name: keras
pipeline_tag: image-classification
tags:
- vision
- 2024
- vision
datasets: [mnist, org/other]
base_model: org/parent
model-index:
- name: x
  results:
  - task: {type: a}
    license: not this one
---
# Title

[![badge](https://a/b.png)](https://c)

A [small](https://a/b) net
for *digits*. It is good.

## Use
"""


def test_a_whole_page() -> None:
    assert read_front_matter(FULL) == Facts(
        "apache-2.0", "image-classification", ("vision", "2024"), "A small net for *digits*. It is good.",
        ("mnist", "org/other"), "org/parent",
    )  # fmt: skip
    assert read_front_matter("\ufeff" + FULL.replace("\n", "\r\n")) == read_front_matter(FULL)


def front(text: str) -> Facts:
    return read_front_matter(f"---\n{text}\n---\n")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", Facts()),
        ("license: [mit, apache-2.0]", Facts(license="mit, apache-2.0")),
        ("license: other\nlicense_name: tongyi", Facts(license="tongyi")),
        ("license: other", Facts(license="other")),
        ("license:", Facts()),
        ("license: null", Facts()),
        ("license: ~", Facts()),
        ("license: 'null'", Facts(license="null")),
        ("license: {a: mit}", Facts()),
        ("license: 3", Facts(license="3")),
        ("license: no", Facts(license="no")),
        ("tags: one", Facts(tags=("one",))),
        ("tags: [a, [b], {c: d}, e, null, '']", Facts(tags=("a", "e"))),
        ("tags: [a, b\nlicense: mit", Facts(tags=("a", "b license"))),
        ("license: mit\ntags: {", Facts(license="mit")),
        ("base_model:\n- a/b\n- c/d", Facts(base_model="a/b")),
        ("? [license, tags]\n: mit\ntags: [x]", Facts(tags=("x",))),
        ("? {a: b}\n: {license: mit}\nlicense: isc", Facts(license="isc")),
        ("a: &x [mit]\nlicense: *x", Facts()),
        ("license: !!python/object/apply:os.system [exit]", Facts(license="exit")),
        ("- license: mit", Facts()),
        ("just text", Facts()),
        ("license: 'mit\n\n  zero'", Facts(license="mit zero")),
        ("license: " + "x" * 400, Facts()),
        ("\x00license: mit", Facts()),
        ("%YAML 9.9", Facts()),
        ('tags: ["\\e[31mred", "a\\u202eb", "\\a"]', Facts(tags=("[31mred", "a b"))),
        ("license: \ud800", Facts()),
    ],
)
def test_front_matter_of_any_kind(text: str, facts: Facts) -> None:
    assert front(text) == facts


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        ("Plain words.", "Plain words."),
        ("# Title\nText right below.", "Text right below."),
        ("<div>\n<b>x</b>\n</div>\n\n| a | b |\n\n- list\n\n> quote\n\n1. one\n\n![i](j)\n\nAt last.", "At last."),
        ("```\ncode\n```\n\nText.", "Text."),
        ("# Only\n\n## Headings", ""),
        ("word " * 100, ("word " * 39).strip() + " …"),
        ("a\x1b[31mred\u202e", "a [31mred"),
        ("---\nno end", ""),
        ("", ""),
    ],
)
def test_summaries(body: str, summary: str) -> None:
    assert read_front_matter(body).summary == summary


HOSTILE = {
    "deep": "---\na: " + "[" * 100_000,
    "deep maps": "---\n" + "".join(" " * n + "a:\n" for n in range(700)),
    "laughs": "---\na: &a0 [x]\n" + "".join(f"k{n}: &a{n + 1} [{f'*a{n},' * 9}]\n" for n in range(20)),
    "many": "---\ntags:\n" + "".join(f"- t{n}\n" for n in range(40_000)),
    "huge": "---\nlicense: mit\n" + "x" * 10**7,
    "quotes": "---\na: '" + "'" * 200_000,
    "anchors": "---\n" + "&a " * 80_000,
    "keys": "---\n" + "? " * 120_000,
    "links": "[" * 250_000,
    "links without end": "[a](" * 60_000,
    "dashes": "---\n" + "--\n" * 80_000,
    "blanks": "\n \n" * 80_000,
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pages_take_no_time(text: str) -> None:
    start = time.perf_counter()
    facts = read_front_matter(text)
    assert time.perf_counter() - start < 5
    assert len(facts.tags) <= 200
    assert len(facts.summary) <= 200


@given(st.text(alphabet="---\n:[]{}&*!|>'\"ab,#?% \t\r", max_size=80))
def test_nothing_raises(text: str) -> None:
    read_front_matter(text)
    front(text)


@given(st.dictionaries(st.text(max_size=9), st.none() | st.text() | st.integers() | st.lists(st.text())))
def test_what_yaml_writes_is_read(values: dict[str, object]) -> None:
    tags = ["a", "b"]
    assert front(yaml.safe_dump({**values, "tags": tags, "license": "mit"})).tags == ("a", "b")


CARD = Card(
    "mine", "keras", "model.keras", task="image-classification", summary="Classifies digits.", license="MIT",
    tags=("small",), metrics={"test_accuracy": 0.9, "test_accuracy_ci95": [0.8, 0.95]},
    lineage=Lineage("mnist-dnn@3f2a9c01b7de", "hidden[12]", ("hidden1",), "/home/me/digits.npz", "ab" * 32, "r1"),
)  # fmt: skip


def written(card: Card, parent_origin: str = "") -> dict[str, object]:
    """What the Hub's own library finds on the page."""
    data = ModelCard(readme(card, parent_origin=parent_origin)).data
    assert isinstance(data, ModelCardData)
    found: dict[str, object] = data.to_dict()  # type: ignore[no-untyped-call]
    assert found == front_matter(card, parent_origin).to_dict()  # type: ignore[no-untyped-call]
    return found


def test_ours_is_read_by_the_hubs_library() -> None:
    found = written(CARD)
    assert {key: value for key, value in found.items() if key != "model-index"} == {
        "license": "mit", "library_name": "keras", "pipeline_tag": "image-classification", "tags": ["zoo", "small"],
        "metrics": ["accuracy"],
    }  # fmt: skip
    name, (result,) = model_index_to_eval_results(found["model-index"])  # type: ignore[arg-type]
    assert name == "mine"
    assert (result.task_type, result.metric_type, result.metric_value) == ("image-classification", "accuracy", 0.9)
    assert (result.dataset_name, result.dataset_type, result.dataset_split) == ("digits.npz", "digits.npz", "test")


def test_ours_is_read_by_us() -> None:
    assert read_front_matter(readme(CARD)) == Facts(
        "mit", "image-classification", ("zoo", "small"), "Classifies digits.", (), ""
    )


def test_an_empty_card() -> None:
    assert written(Card("bare", "keras", "m.keras")) == {"library_name": "keras", "tags": ["zoo"]}


@pytest.mark.parametrize(
    ("parent", "origin", "base_model"),
    [
        ("hf://org/name@abcdef0", "", "org/name"),
        ("hf://gpt2", "", "gpt2"),
        ("mnist-dnn@abcdef0", "hf://org/name@abcdef0", "org/name"),
        ("mnist-dnn@abcdef0", "", None),
        ("mnist-dnn@abcdef0", "kaggle://a/b/c/d@1", None),
        ("https://hub.example.org/org/name@abcdef0", "", None),
        ("oci://localhost:5000/a/b:v1", "", None),
        ("/home/me/model.ckpt", "", None),
        ("model.ckpt", "", None),
        ("not a ref at all", "", None),
    ],
)
def test_only_models_of_the_hub_are_base_models(parent: str, origin: str, base_model: str | None) -> None:
    card = replace(CARD, lineage=Lineage(parent, "h", ("h",), "d.npz"))
    assert written(card, origin).get("base_model") == base_model


@pytest.mark.parametrize(
    ("data", "datasets", "shown"),
    [
        ("hf://datasets/mnist", ["mnist"], "mnist"),
        ("hf://datasets/org/name@main", ["org/name"], "org/name"),
        ("mnist-dnn@abcdef0:digits.npz", None, "digits.npz"),
        ("../secret/place/mine.npz", None, "mine.npz"),
    ],
)
def test_data(data: str, datasets: list[str] | None, shown: str) -> None:
    card = replace(CARD, lineage=Lineage("m@abcdef0", "h", ("h",), data))
    found = written(card)
    assert found.get("datasets") == datasets
    _, (result,) = model_index_to_eval_results(found["model-index"])  # type: ignore[arg-type]
    assert result.dataset_type == shown
    assert "secret" not in readme(card)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [0.1, 0.2]])
def test_figures_that_are_none(value: float | list[float]) -> None:
    assert "model-index" not in written(replace(CARD, metrics={"test_accuracy": value}))


@pytest.mark.parametrize(
    ("license", "fields"),
    [
        ("apache-2.0", ("apache-2.0", None)),
        ("Apache-2.0", ("apache-2.0", None)),
        ("AGPL-3.0-or-later", ("agpl-3.0", None)),
        ("openrail++", ("openrail++", None)),
        ("LicenseRef-Mine: v1", ("other", "licenseref-mine-v1")),
        ("mit, isc", ("other", "mit-isc")),
        ("!!", ("other", "unnamed")),
        (" ", (None, None)),
    ],
)
def test_licences(license: str, fields: tuple[str | None, str | None]) -> None:
    assert hub_license(license) == fields
    assert fields[0] is None or fields[0] in LICENSES


NASTY = st.text(max_size=30) | st.sampled_from(
    ["---", "a: b", "- x", "{{", "&a", "*a", "!!python/name:x", "null", "yes"]
)


@given(NASTY, NASTY, st.lists(NASTY, max_size=3), NASTY)
def test_no_text_breaks_the_page(task: str, license: str, tags: list[str], summary: str) -> None:
    card = replace(CARD, task=task, license=license, tags=tuple(tags), summary=summary)
    page = readme(card)
    expected = front_matter(card).to_dict()  # type: ignore[no-untyped-call]
    assert yaml.safe_load(page.split("\n---\n")[0].removeprefix("---\n")) == expected
    assert all(line.isprintable() for line in page.split("\n"))
