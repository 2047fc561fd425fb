"""A top as text: widths, or a TOML or JSON description of each layer; and back as options."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from registry.errors import ChoiceError, ZooError, near
from transfer.plan.style import Style
from transfer.plan.top import Top
from zoo.option_groups import Given

LARGEST = 1 << 20  # bytes of a file
FILES = (".toml", ".json")
STYLE = tuple(field.name for field in fields(Style))
FLAGS, TEXTS = ("batch_norm", "batch_norm_before", "alpha_dropout"), ("activation", "init")
UNSET = ("activation", "init", "max_norm")  # what may be null: in JSON
EXAMPLE = 'such as: [[layers]] units = 100, activation = "elu", on a line each'


def read_top(text: str, given: Mapping[str, Any]) -> Given:
    """Return what `--top` says, with the other options of the top.

    Args:
        text: widths such as `100,50`; a file's path; or a JSON object. A file has a table `defaults` and a list
            `layers`; each layer has `units`, and like the defaults any of the options of `transfer.plan.style.Style`.
        given: the other options, which are stronger than the defaults in a file, and weaker than its layers.

    Raises:
        ZooError: it is none of these, or cannot be read.
    """
    inline = text.lstrip().startswith("{")
    if not inline and not text.lower().endswith(FILES):
        return {**given, "top": _widths(text)}
    where = "--top" if inline else text
    document = _parsed(text if inline else _content(Path(text)), where, toml=text.lower().endswith(".toml"))
    return _described(document, where, given)


def top_words(top: Top) -> list[str]:
    """Return the options that say a top, as far as they differ from the defaults; the inverse of `read_top`."""
    plain, words = Top(), []
    if top.layers:
        words += ["--top", json.dumps({"layers": [_row(top, place) for place in range(len(top.layers))]})]
    elif top.units is not None:
        words += ["--top", ",".join(map(str, top.units))]
    for name in (*STYLE, "drop"):
        value = getattr(top, name)
        if value != getattr(plain, name):
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words


def _row(top: Top, place: int) -> dict[str, Any]:
    own, common = top.layers[place], top.style
    unlike = [name for name in STYLE if getattr(own, name) != getattr(common, name)]
    return {"units": (top.units or ())[place]} | {name: getattr(own, name) for name in unlike}


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ChoiceError(f"--top takes widths such as 100,50, or a file .toml or .json; got {text!r}") from None


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            read = file.read(LARGEST + 1)
    except OSError as error:
        raise ZooError(f"--top: {path} cannot be read: {error.strerror}") from error
    if len(read) > LARGEST:
        raise ZooError(f"--top: {path} has over {LARGEST:,} bytes: no description of layers")
    try:
        return read.decode()
    except UnicodeDecodeError as error:
        raise ZooError(f"--top: {path} is no text: byte {error.start} is not UTF-8") from error


def _parsed(text: str, where: str, *, toml: bool) -> dict[str, Any]:
    try:
        found = tomllib.loads(text) if toml else json.loads(text)
    except (ValueError, RecursionError) as error:  # both parsers' errors are ValueErrors, and say where
        raise ZooError(f"{where} is no {'TOML' if toml else 'JSON'}: {error}") from error
    if not isinstance(found, dict):
        raise ZooError(f"{where}: expected the table layers; got a {type(found).__name__}", EXAMPLE)
    return found


def _described(document: dict[str, Any], where: str, given: Mapping[str, Any]) -> Given:
    _known(document, ("layers", "defaults"), where)
    defaults = document.get("defaults", {})
    common = _options(defaults, f"{where}: defaults") | {name: value for name, value in given.items() if name in STYLE}
    rows = document.get("layers")
    if not isinstance(rows, list) or not rows:
        raise ZooError(f"{where} describes no layers: expected a list of them", EXAMPLE)
    named = [(row, f"{where}: layer {number}") for number, row in enumerate(rows, start=1)]
    units = tuple(_units(row, place) for row, place in named)
    layers = tuple(_style({name: row[name] for name in row if name != "units"}, common, place) for row, place in named)
    return {**common, **given, "top": units, "layers": layers}


def _units(row: Any, where: str) -> int:
    if not isinstance(row, dict):
        raise ZooError(f"{where}: expected a table; got {row!r}", EXAMPLE)
    units = row.get("units")
    if not isinstance(units, int) or isinstance(units, bool) or units < 1:
        got = f"got {units!r}" if "units" in row else "it is missing"
        raise ZooError(f"{where}: units must be a whole number above 0; {got}", EXAMPLE)
    return units


def _style(row: dict[str, Any], common: Given, where: str) -> Style:
    own = _options(row, where, ("units", *STYLE))
    if own.get("batch_norm") or own.get("batch_norm_before"):  # where a layer says so, the common place does not count
        common = {name: value for name, value in common.items() if not name.startswith("batch_norm")}
    return _made(common | own, where)


def _options(row: Any, where: str, known: tuple[str, ...] = STYLE) -> Given:
    """Check a table's names and the types of its values, and that they make a style."""
    if not isinstance(row, dict):
        raise ZooError(f"{where}: expected a table; got {row!r}")
    _known(row, known, where)
    for name, value in row.items():
        kind, types = _expected(name)
        if value is None and name in UNSET:
            continue
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ZooError(f"{where}: {name} must be {kind}; got {value!r}")
    _made(row, where)
    return {name: float(value) if type(value) is int else value for name, value in row.items()}


def _expected(name: str) -> tuple[str, tuple[type, ...]]:
    if name in FLAGS:
        return "true or false", (bool,)
    return ("text", (str,)) if name in TEXTS else ("a number", (int, float))


def _made(options: Mapping[str, Any], where: str) -> Style:
    try:
        return Style(**options)
    except ZooError as error:
        raise ZooError(f"{where}: {error.message}", error.hint) from error


def _known(table: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in names:
            raise ZooError(f"{where} has no key {name!r}", near(name, names))
