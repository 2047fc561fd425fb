"""What `zoo show` prints of how samples become a model's input."""

from __future__ import annotations

import pytest

from registry.card import Card, LayerInfo, Preprocessing
from registry.columns import Column
from registry.model import Model
from zoo.catalogue import Kin
from zoo.screens import card_page

LAYERS = (LayerInfo("X", "InputLayer", 0),)
AGE, COLOUR = Column("age", "number", missing=True), Column("colour", "category", values=("blue", "red"))
MANY = tuple(Column(f"c{number}", "number") for number in range(1, 11))


@pytest.mark.parametrize(
    ("card", "columns", "preprocessing"),
    [
        (Card("net", "keras", "m", layers=LAYERS), "", "unknown"),
        (Card("net", "keras", "m", layers=LAYERS, preprocessing=Preprocessing((4,))), "", "uint8 (4), x * 1"),
        (
            Card("net", "keras", "m", layers=LAYERS, columns=(AGE, COLOUR)),
            "age (number), colour (category); 5 numbers a row", "",
        ),
        (
            Card("net", "keras", "m", layers=LAYERS, columns=MANY),
            "c1 (number), c2 (number), c3 (number), c4 (number), c5 (number), c6 (number), c7 (number), c8 (number) "
            "and 2 more; 10 numbers a row",
            "",
        ),
        (Card("net", "pickle", "m"), "", ""),
    ],
    ids=["unknown", "numbers", "columns", "many columns", "kept as it came"],
)  # fmt: skip
def test_how_samples_become_the_input(card: Card, columns: str, preprocessing: str) -> None:
    lines = card_page(Model("net", card, "0" * 64, "local"), Kin((), (), (), False)).splitlines()
    shown = {name: value.strip() for name, _, value in (line.partition(":") for line in lines if ":" in line)}
    assert (shown.get("columns", ""), shown.get("preprocessing", "")) == (columns, preprocessing)
