"""`docs/card.md` describes every field of a card, and no other; its examples are read by the program."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from registry import card as card_module
from registry import columns as columns_module
from registry.card import SCHEMA, Card, decode, encode

TEXT = (Path(__file__).parents[1] / "docs" / "card.md").read_text(encoding="utf-8")
CLASSES = {
    name: found
    for module in (card_module, columns_module)
    for name, found in vars(module).items()
    if dataclasses.is_dataclass(found) and isinstance(found, type) and found.__module__ == module.__name__
}
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", TEXT, re.S | re.M))


def rows(name: str) -> dict[str, tuple[str, str, str, str]]:
    """Return a section's table: field -> type, default, meaning, example."""
    lines = re.findall(r"^\| `(\w+)` \| (.+?) \| (.*?)\s?\| (.+?) \| `(.+)` \|$", SECTIONS[name], re.M)
    assert len(lines) == len(re.findall(r"^\| `", SECTIONS[name], re.M)), "a row is not like the others"
    return {
        field: (kind, default.strip().strip("`"), meaning, example) for field, kind, default, meaning, example in lines
    }


def test_every_class_has_a_section() -> None:
    assert set(SECTIONS) == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_is_described_and_no_other(name: str) -> None:
    assert list(rows(name)) == [field.name for field in dataclasses.fields(CLASSES[name])]


def default_of(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return msgspec.json.encode(field.default_factory()).decode()
    return "" if field.default is dataclasses.MISSING else msgspec.json.encode(field.default).decode()


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_and_examples(name: str) -> None:
    hints = get_type_hints(CLASSES[name])
    for field in dataclasses.fields(CLASSES[name]):
        _, default, _, example = rows(name)[field.name]
        assert default == default_of(field), field.name
        msgspec.json.decode(example, type=hints[field.name])


WORDS = {"text": str, "integer": int, "number": float, "true or false": bool}


@pytest.mark.parametrize("name", CLASSES)
def test_simple_types(name: str) -> None:
    hints = get_type_hints(CLASSES[name])
    for field, (kind, *_) in rows(name).items():
        if kind in WORDS or hints[field] in WORDS.values():
            assert WORDS.get(kind) is hints[field], field


def test_the_example_is_canonical() -> None:
    example = re.search(r"```json\n(.*?)```", TEXT, re.S)
    assert example
    card = decode(example[1].encode())
    assert encode(card) == example[1].encode()
    assert card.name == "team/digits"


def test_what_is_said_of_reading() -> None:
    assert f"schema {SCHEMA}" in TEXT
    assert decode(b'{"name": "a", "format": "keras", "weights": "w", "later": [1]}') == Card("a", "keras", "w")
