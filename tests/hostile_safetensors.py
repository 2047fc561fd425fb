"""What a hostile safetensors file tries, and an index of shards: offsets, sizes and names that are lies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hostile_case import Case, changing, writing
from hostile_seeds import SHARD_INDEX
from weight_files import safetensors

SAFE = r"is no safetensors file, or a damaged one: "


def cases() -> Iterator[Case]:
    """Yield the cases of these formats."""
    yield from _safetensors()
    yield from _shards()


def _safetensors() -> Iterator[Case]:
    for wrong, header, size, message in (
        ("a header of 2**60 bytes", _one(), 1 << 60, SAFE + r"its header is to have 1152921504606846976 bytes; it has"),
        ("a header nested 100,000 deep", b'{"w":' + b"[" * 100_000, None, SAFE),
        ("no header", b"", None, SAFE),
        (
            "an array of 4 TB",
            _one(shape=[1 << 20, 1 << 20]),
            None,
            SAFE + r"w \[1048576, 1048576\] F32 does not fit its",
        ),
        ("a negative size", _one(shape=[-2, -3]), None, SAFE + r"w \[-2, -3\] F32 does not fit its 24 bytes"),
        (
            "arrays that overlap",
            _two([0, 16], [8, 24]),
            None,
            SAFE + r"its arrays overlap or leave a gap: one begins at 8",
        ),
        ("a gap", _two([0, 8], [16, 24]), None, SAFE + r"its arrays overlap or leave a gap: one begins at 16"),
        (
            "numbers beyond its end",
            _one(shape=[8], data_offsets=[0, 32]),
            None,
            SAFE + r"its arrays end at 32, and its",
        ),
        ("a type that there is not", _one(dtype="F7"), None, r"holds 'w' of the type F7; expected one of F64"),
    ):
        write = writing("m.safetensors", safetensors, header, size=size)
        yield Case("safetensors", wrong, write, rf"m\.safetensors {message}")


def _shards() -> Iterator[Case]:
    name = SHARD_INDEX.replace(".", r"\.")
    for wrong, places, message in (
        (
            "a shard outside",
            {"d.weight": "../model-1.safetensors"},
            r"names the file '\.\./model-1\.safetensors'; expected",
        ),
        ("a shard from the root", {"d.weight": "/etc/passwd"}, r"names the file '/etc/passwd'; expected files in its"),
        ("itself as a shard", {"d.weight": SHARD_INDEX}, rf"names the file '{name}'; expected files in its own folder"),
        (
            "a shard that is not there",
            {"d.weight": "gone.safetensors"},
            r"names the file gone\.safetensors, which is not",
        ),
        (
            "an array that is not there",
            {"x": "model-1.safetensors"},
            r"says that 'x' is in model-1\.safetensors, which",
        ),
        ("no arrays", {}, r"names no arrays; expected a weight_map"),
        ("a list of names", ["d.weight"], r"is no index of weights: Expected `object`, got `array`"),
    ):
        content = json.dumps({"weight_map": places}).encode()
        yield Case("shards", wrong, changing(SHARD_INDEX, lambda _, content=content: content), rf"{name} {message}")
    deep = changing(SHARD_INDEX, lambda _: b'{"weight_map":' + b'{"a":' * 100_000)
    yield Case("shards", "an index nested 100,000 deep", deep, rf"{name} is no index of weights")


def _one(**entry: Any) -> dict[str, Any]:
    return {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | entry}


def _two(*places: list[int]) -> dict[str, Any]:
    return {
        name: {"dtype": "U8", "shape": [place[1] - place[0]], "data_offsets": place}
        for name, place in zip("ab", places, strict=True)
    }
