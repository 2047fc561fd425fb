"""A JSON value or a text that a bundler has put into a JavaScript file, read without running anything.

Bundled models hold `module.exports={...}` or `module.exports="base64…"`; only literals are understood.
"""

from __future__ import annotations

import json
import re
from typing import Any

from registry.errors import ZooError

START = re.compile(r"(?:exports\s*=|export\s+default)\s*(?=[{\"'])")
TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>!0|!1|(?:[^\W\d]|\$)[\w$]*)
      | (?P<sign>[{}\[\],:])
    )""",
    re.VERBOSE,
)
WORDS = {"!0": True, "!1": False, "true": True, "false": False, "null": None}
DEEPEST = 200
Token = tuple[str, str]


def exported(script: str, where: str) -> Any:
    """Return the object, or the text, that a script exports.

    >>> exported('module.exports={a:[1,.5,!0],"b c":null}', "m.js")
    {'a': [1, 0.5, True], 'b c': None}

    Raises:
        ZooError: it exports no literal, or an unfinished one.
    """
    begin = START.search(script)
    if begin is None:
        raise ZooError(f"{where} exports no JSON object and no text: nothing else is read from a script")
    reader = _Reader(script, begin.end(), where)
    return reader.value(reader.next(), 0)


class _Reader:
    """A place in a script."""

    def __init__(self, script: str, at: int, where: str) -> None:
        self.script, self.at, self.where = script, at, where

    def next(self) -> Token:
        if self.script[self.at : self.at + 1] in ('"', "'"):
            return "text", self.quoted()
        match = TOKEN.match(self.script, self.at)
        if match is None or match.lastgroup is None:
            raise self.error(self.script[self.at : self.at + 20] or "the end")
        self.at = match.end()
        return match.lastgroup, match.group(match.lastgroup)

    def quoted(self) -> str:
        """Return a text that begins here; found by search, since it may be megabytes of base64."""
        quote, at = self.script[self.at], self.at + 1
        while (end := self.script.find(quote, at)) >= 0:
            escapes = len(self.script[at:end]) - len(self.script[at:end].rstrip("\\"))
            if escapes % 2 == 0:
                found = self.script[self.at : end + 1]
                self.at = end + 1
                return found
            at = end + 1
        raise self.error("an unfinished text")

    def value(self, token: Token, depth: int) -> Any:
        kind, text = token
        if depth > DEEPEST:
            raise ZooError(f"{self.where} is nested too deeply to be a model")
        if kind == "text":
            return _unquoted(text, self)
        if kind == "number":
            return float(text) if re.search(r"[.eE]", text) else int(text)
        if kind == "word" and text in WORDS:
            return WORDS[text]
        if text == "{":
            return self.pairs(depth)
        if text == "[":
            return self.items(depth)
        raise self.error(text)

    def pairs(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        kind, text = self.next()
        while text != "}":
            key = _unquoted(text, self) if kind == "text" else text
            if kind == "sign" or self.next()[1] != ":":
                raise self.error(text)
            found[key] = self.value(self.next(), depth + 1)
            kind, text = self.separated("}")
        return found

    def items(self, depth: int) -> list[Any]:
        found: list[Any] = []
        token = self.next()
        while token[1] != "]":
            found.append(self.value(token, depth + 1))
            token = self.separated("]")
        return found

    def separated(self, end: str) -> Token:
        token = self.next()
        if token == ("sign", ","):
            return self.next()
        if token != ("sign", end):
            raise self.error(token[1])
        return token

    def error(self, text: str) -> ZooError:
        return ZooError(f"{self.where} is damaged at character {self.at + 1}: expected a JSON value, got {text[:40]!r}")


def _unquoted(text: str, reader: _Reader) -> str:
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    plain = inner.replace("\\'", "'")
    plain = re.sub(r"\\x([0-9a-fA-F]{2})", r"\\u00\1", plain)
    if text[0] == "'":
        plain = re.sub(r'(?<!\\)"', r"\"", plain)
    try:
        return str(json.loads(f'"{plain}"', strict=False))
    except ValueError as error:
        raise reader.error(text[:40]) from error
