"""The table of layers before a transfer: short where there are many layers, and true."""

from __future__ import annotations

import re

import pytest

from registry.card import LayerInfo
from transfer.plan.selection import choose
from zoo.screens import layers_page


def layers(blocks: int) -> tuple[LayerInfo, ...]:
    """An input, blocks of two layers of which one has weights, and outputs; one above the other."""
    names = [("X", "InputLayer", 0)]
    for number in range(blocks):
        names += [(f"conv{number}", "Conv2D", 10 + number), (f"act{number}", "ReLU", 0)]
    names.append(("outputs", "Dense", 99))
    return tuple(
        LayerInfo(name, kind, many, inputs=(names[place - 1][0],) if place else ())
        for place, (name, kind, many) in enumerate(names)
    )


def shown(blocks: int, reuse: str, freeze: str | None = None) -> list[list[str]]:
    page = layers_page(choose(layers(blocks), reuse, freeze), short=True)
    return [re.split(r"  +", line.strip()) for line in page.split("\n\n")[0].splitlines()[1:]]


def test_few_layers_are_all_named() -> None:
    assert [row[0] for row in shown(19, "conv.*")] == [layer.name for layer in layers(19)]


def test_long_stretches_are_counted() -> None:
    rows = shown(30, "conv.*", "conv([0-9]|1.)")
    assert rows == [
        ["X", "InputLayer", "0"],
        ["conv0", "Conv2D", "10", "reused, frozen"],
        ["act0", "ReLU", "0"],
        ["… 37 more", f"{sum(range(11, 30)):,}", "reused, frozen"],
        ["act19", "ReLU", "0"],
        ["conv20", "Conv2D", "30", "reused, trained"],
        ["act20", "ReLU", "0"],
        ["… 17 more", f"{sum(range(31, 40)):,}", "reused, trained"],
        ["act29", "ReLU", "0"],
        ["outputs", "Dense", "99", "new, trained"],
    ]


@pytest.mark.parametrize("blocks", [20, 30, 75])
@pytest.mark.parametrize(("reuse", "freeze"), [("conv.*", None), ("conv[01].*", "conv0"), (".*", "conv.*")])
def test_every_layer_and_parameter_is_counted(blocks: int, reuse: str, freeze: str | None) -> None:
    rows = shown(blocks, reuse, freeze)
    names, parameters = 0, 0
    for row in rows:
        more = re.fullmatch(r"… (\d+) more", row[0])
        names += int(more[1]) if more else 1
        parameters += int(row[1 if more else 2].replace(",", ""))
    assert names == len(layers(blocks)) and parameters == sum(layer.parameters for layer in layers(blocks))


def test_zoo_layers_names_all() -> None:
    assert "…" not in layers_page(choose(layers(75), "conv.*", None))
