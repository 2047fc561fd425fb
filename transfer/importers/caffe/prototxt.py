"""Read a prototxt: a `NetParameter` in protobuf's text format, with its size and nesting bounded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from registry.errors import ZooError
from transfer.importers.caffe.schema import NetParameter

LARGEST = 2_000_000  # bytes; the prototxt of a net of a thousand layers has a tenth of that
LONGEST = 20_000  # characters of a line, as protobuf's parser takes quadratic time in it
DEEPEST = 16  # a net nests four deep
HINT = "expected a network in protobuf's text format, such as the deploy.prototxt of a model"
# The closing quote may be missing, so that a string never has to be tried twice.
_MARK = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[{}<>]""")


def read_prototxt(path: Path) -> Any:
    """Return the `NetParameter` of a prototxt; fields that are not known are left out.

    Raises:
        ZooError: it cannot be read, is too large or too deep, is no network, or is a solver.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}", HINT) from error
    if size > LARGEST:
        raise ZooError(f"{path} is too large for a prototxt: {size:,} bytes; expected at most {LARGEST:,}", HINT)
    try:
        return parsed(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ZooError(f"{path} is no prototxt: it is not text", HINT) from error
    except ZooError as error:
        raise ZooError(f"{path} is no prototxt of a network: {error.message}", HINT) from error


def parsed(text: str) -> Any:
    """Parse the text of a network.

    >>> parsed('layer { name: "data" type: "Input" new_field: 3 }').layer[0].name
    'data'

    Raises:
        ZooError: it is not in the text format, is nested deeper than 16, or has no layer.
    """
    if (depth := nesting(text)) > DEEPEST:
        raise ZooError(f"it is nested {depth:,} deep; expected at most {DEEPEST}")
    if (longest := max(map(len, text.split("\n")))) > LONGEST:
        raise ZooError(f"it has a line of {longest:,} characters; expected at most {LONGEST:,}")
    try:
        net = text_format.Parse(text, NetParameter(), allow_unknown_field=True)
    except (text_format.ParseError, ValueError) as error:
        raise ZooError(f"{str(error).splitlines()[0][:200]}") from error
    if not net.layer and not net.layers:
        raise ZooError("it has no layer")
    return net


def nesting(text: str) -> int:
    """Return how deep the braces of a text are nested, outside of strings and comments.

    >>> nesting('a { b: "{{{" c < d: 1 > }  # {')
    2
    """
    depth = deepest = 0
    for mark in _MARK.findall(text):
        depth += 1 if mark in "{<" else -1 if mark in "}>" else 0
        deepest = max(deepest, depth)
    return deepest
