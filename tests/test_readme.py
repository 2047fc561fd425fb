"""The README's commands exist, take the options shown, and name files that are there; and the page of a model."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer, hub  # noqa: F401

from registry.card import Card, FileEntry, LayerInfo, Lineage, Preprocessing, TensorSpec
from zoo.readme import readme

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ").split("#")[0].strip()
    for block in re.findall(r"^```\n(.*?)^```", README, re.S | re.M)
    for line in block.splitlines()
    if line.removeprefix("$ ").startswith("zoo ")
]


def test_it_opens_with_the_two_commands() -> None:
    block = README.split("```")[1]
    assert [line.split("#")[0].strip() for line in block.strip().splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_and_option_exists(command: str, zoo_command: Callable[..., Any]) -> None:
    words = shlex.split(command)[1:]
    page = zoo_command(*(words[:2] if words[0] == "data" else words[:1]), "--help")
    for option in (word for word in words if word.startswith("--")):
        assert option in page, f"{command}: {option}"


def test_the_table_names_every_command(zoo_command: Callable[..., Any]) -> None:
    listed = set(re.findall(r"^  ([a-z]+)  ", zoo_command("--help").split("Commands:")[1], re.M))
    assert listed == set(re.findall(r"`zoo ([a-z]+)", README))


def test_linked_files_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_way_through_the_readme(
    zoo_command: Callable[..., Any],
    data_file: Path,
    tmp_path: Path,
    hub: HubServer,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numpy as np
    from conftest import chain
    from real_data import conv_net, digit_folder

    conv_net().save(tmp_path / "mine.keras")
    for folder in ("photos", "new-photos"):
        digit_folder(tmp_path / folder, classes=3)
    hub.add("org/name", {"model.keras": (tmp_path / "mine.keras").read_bytes()})
    hub.tag("org/name", "v1")
    monkeypatch.setenv("HF_TOKEN", hub.token)
    monkeypatch.chdir(tmp_path)
    chain().export("saved_model_dir", verbose=False)
    chain().save("old.h5")
    layers = conv_net().layers
    arrays = {f"{layer.name}.{w.name}".replace(">", "."): np.asarray(w) for layer in layers for w in layer.weights}
    np.savez("weights.npz", **arrays)
    Path("names.rules").write_text("(block.)\\.conv\\.(\\w+) = \\1/conv/\\2\nhead\\.(\\w+) = head/\\1\n")
    names = {"my/model.ckpt": str(tmp_path / "mine.keras"), "weights.pt": "weights.npz"}
    for command in COMMANDS:
        words = [names.get(word, word) for word in shlex.split(command)[1:]]
        if "mnist-dnn" not in words:
            quick = ["--epochs", "2"] if words[0] == "transfer" else []
            zoo_command(*words, *quick)


SMALL = Card(
    "team/digits", "keras", "model.keras", summary="Classifies digits.", classes=("0", "1"),
    inputs=(TensorSpec("X", (None, 784)),), outputs=(TensorSpec("outputs", (None, 2)),),
    preprocessing=Preprocessing((28, 28), scale=0.5, offset=-1.0), tests="test.npz", data="digits.npz",
    layers=(LayerInfo("X", "InputLayer", 0), LayerInfo("a|b", "Dense", 1570)), metrics={"valid_accuracy": 0.5},
)  # fmt: skip


def test_a_models_page() -> None:
    assert (
        readme(SMALL, paths=["README.md", "model.keras", "model.safetensors", "test.npz", "LICENSE"])
        == """---
library_name: keras
tags:
- zoo
---

# team/digits

Classifies digits.

| figure | value |
| --- | --- |
| valid_accuracy | 0.5000 |

## How to use it

Pull it by the address where you found this page, `hf://OWNER/NAME` or `oci://HOST/NAME:TAG`:

```
zoo pull hf://OWNER/digits --as team/digits
zoo show team/digits
```

```python
import zoo

model = zoo.load("team/digits").model
```

Input: `X`, `(n, 784)` float32.

Raw samples are `(28, 28)` uint8. Integers are prepared as `x * 0.5 - 1` and
reshaped; floating-point numbers are taken as prepared and only reshaped.

Labels, in the order of the outputs: `0`, `1`.

| file | holds | size |
| --- | --- | --- |
| LICENSE |  |  |
| model.keras | the weights (keras) |  |
| model.safetensors | the weights (safetensors) |  |
| test.npz | stored inputs, and the outputs that belong to them |  |
| zoo.json | the card: what the program knows of the model |  |

| layer | type | parameters |
| --- | --- | --- |
| X | InputLayer | 0 |
| a\\|b | Dense | 1,570 |
"""
    )


def test_a_page_says_where_a_model_came_from() -> None:
    made = Lineage("mnist-dnn@3f2a9c0", "hidden[12]", ("hidden1", "hidden2"), "/home/me/d.npz", "ab" * 32, "r1")
    assert readme(replace(SMALL, lineage=made)).endswith(
        "Made from `mnist-dnn@3f2a9c0`: the layers `hidden[12]` (hidden1, hidden2) were reused and\n"
        "trained on `d.npz` (fingerprint `abababababab`) in the run `r1`.\n"
    )
    assert readme(replace(SMALL, lineage=Lineage("model.ckpt"))).endswith("Imported from `model.ckpt`.\n")


def test_a_page_says_no_more_than_is_known() -> None:
    page = readme(Card("bare", "files", ""))
    for word in ("Labels", "Raw samples", "Input", "figure", "layer", "Made", "None"):
        assert word not in page


def test_a_page_of_many_labels_and_known_sizes() -> None:
    files = (FileEntry("m.ckpt.index", 1300, "0" * 64), FileEntry("x.txt", 5, "0" * 64))
    page = readme(Card("many", "tf1-metagraph", "m.ckpt", classes=tuple(f"c{n}" for n in range(1000)), files=files))
    assert "`c18`, `c19` and 980 more, in `zoo.json`." in page
    assert "| m.ckpt.index | the weights (tf1-metagraph) | 1.3 kB |\n| x.txt |  | 5 B |\n" in page


@pytest.mark.parametrize(
    ("how", "lines"),
    [
        (Preprocessing((28, 28), embedded=True), ['np.zeros((1, 28, 28), "uint8"))  # a raw sample']),
        (
            Preprocessing((96, 96, 3), scale=0.5, resize="crop", embedded=True),
            ['np.zeros((1, 480, 640, 3), "uint8"))  # an image of any size', "`(n, n, 3)` uint8", "`crop(x, 96x96, "],
        ),
        (Preprocessing((28, 28)), []),
    ],
)
def test_a_page_says_how_plain_keras_is_given_raw_samples(how: Preprocessing, lines: list[str]) -> None:
    page = readme(replace(SMALL, preprocessing=how))
    told = "`model.keras` begins with these steps, in layers `preprocess>...`; `zoo` leaves them out."
    assert [line in page for line in ('keras.saving.load_model("model.keras")', told)] == [how.embedded] * 2
    assert all(line in page for line in lines)
    graph = replace(SMALL, preprocessing=how, layers=(LayerInfo("a", "GraphLayer", 1),))
    assert "keras.saving.load_model" not in readme(graph)
