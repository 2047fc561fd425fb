"""The front matter of other people's `README.md`, read leniently, and the Hub's names of licences.

https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import yaml

MOST_CHARACTERS = 2**18  # of a page that are looked at
MOST_WORDS, MOST_IN_A_WORD = 200, 300
SUMMARY = 200
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in Python takes minutes for a deeply nested page
FRONT = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)(?:^---[ \t]*\r?$|\Z)(.*)", re.S | re.M)
NO_PROSE = re.compile(r"[#<>|!\[*+-]|\d+\.|={3}")  # how headings, HTML, tables, badges, quotes and lists begin
LINK = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\n]{0,1000}\)")

# https://huggingface.co/docs/hub/repositories-licenses; the Hub refuses a page whose licence is not one of these.
LICENSES = frozenset({
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m",
    "bigscience-bloom-rail-1.0", "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd",
    "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5",
    "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0", "cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0",
    "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl",
    "lgpl-2.1", "lgpl-3.0", "isc", "lppl-1.3c", "ms-pl", "mpl-2.0", "odc-by", "odbl", "openrail++", "osl-3.0",
    "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "lgpl-lr", "deepfloyd-if-license", "llama2",
    "gemma", "unknown", "other",
})  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What a page says of a model; what it does not say is empty.

    Attributes:
        license: as it is written there; the licence's own name where the Hub calls it `other`.
        task: the pipeline tag.
        tags: words.
        summary: the first sentence or so of the text.
        datasets: what it was trained on.
        base_model: the first of the models that it was made from.
    """

    license: str = ""
    task: str = ""
    tags: tuple[str, ...] = ()
    summary: str = ""
    datasets: tuple[str, ...] = ()
    base_model: str = ""


def read_front_matter(text: str) -> Facts:
    """Read a page; whatever is broken, huge or of a wrong type counts as not said, and nothing raises.

    >>> read_front_matter("---\\nlicense: mit\\ntags: [a, b]\\n---\\n# Name\\n\\nClassifies digits.")
    Facts(license='mit', task='', tags=('a', 'b'), summary='Classifies digits.', datasets=(), base_model='')
    """
    match = FRONT.match(text[:MOST_CHARACTERS])
    front, body = match.groups() if match else ("", text[:MOST_CHARACTERS])
    said = _words_by_key(front)

    def word(key: str) -> str:
        return next(iter(said.get(key, ())), "")

    license = ", ".join(said.get("license", ()))
    return Facts(
        license=word("license_name") or license if license == "other" else license,
        task=word("pipeline_tag"),
        tags=said.get("tags", ()),
        summary=_summary(body),
        datasets=said.get("datasets", ()),
        base_model=word("base_model"),
    )


def hub_license(license: str) -> tuple[str | None, str | None]:
    """Write a licence as the front matter's fields `license` and `license_name`.

    >>> hub_license("MIT"), hub_license("GPL-3.0-only"), hub_license("My Own, 1"), hub_license("")
    (('mit', None), ('gpl-3.0', None), ('other', 'my-own-1'), (None, None))
    """
    lower = license.strip().lower()
    known = lower if lower in LICENSES else re.sub(r"(-only|-or-later)$", "", lower)
    if known in LICENSES:
        return known, None
    return ("other", re.sub(r"[^a-z0-9.]+", "-", lower).strip("-.") or "unnamed") if lower else (None, None)


def plain(text: str) -> str:
    """Return a text as one line that any terminal and any YAML reader takes."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _words_by_key(front: str) -> dict[str, tuple[str, ...]]:
    """Return the words of each key of a YAML mapping: its scalar, or the scalars of its list."""
    found: dict[str, list[str]] = {}
    try:
        for key, value in _scalars(front):
            words = found.setdefault(key, [])
            clean = plain(value)
            if clean and clean not in words and len(words) < MOST_WORDS and len(clean) <= MOST_IN_A_WORD:
                words.append(clean)
    except (yaml.YAMLError, ValueError):
        pass  # what came before the break holds
    return {key: tuple(words) for key, words in found.items()}


def _scalars(front: str) -> Iterator[tuple[str, str]]:
    """Yield key and scalar of the outermost mapping, and key and item where its value is a list of scalars.

    It goes by the parser's events: nothing is built, so that aliases do not multiply and depth costs nothing.
    """
    depth, key, at_key, in_list = 0, "", True, False
    for event in yaml.parse(front, Loader=LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth == 1 and not isinstance(event, yaml.MappingStartEvent):
                return
            if depth == 2:
                key, in_list = ("" if at_key else key), isinstance(event, yaml.SequenceStartEvent)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            at_key ^= depth == 1
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            if depth == 1 and at_key:
                key = _value(event)
            elif depth == 1 or (depth == 2 and in_list):
                yield key, _value(event)
            at_key ^= depth == 1


def _value(event: yaml.Event) -> str:
    """Return a scalar's text; empty for null and for an alias."""
    if not isinstance(event, yaml.ScalarEvent):
        return ""
    return "" if event.style in (None, "") and event.value.lower() in ("", "~", "null", "none") else str(event.value)


def _summary(body: str) -> str:
    """Return the first paragraph of prose in Markdown, shortened, without links."""
    paragraphs = re.split(r"\n[ \t\r]*\n", body[: 2**15])
    prose = islice((p for p in (_prose(part) for part in paragraphs) if p), 1)
    return textwrap.shorten(next(prose, ""), SUMMARY, placeholder=" …")


def _prose(paragraph: str) -> str:
    lines = [line.strip() for line in paragraph.strip().splitlines()]
    if not lines or any(line.startswith("```") for line in lines):
        return ""
    while lines and lines[0].startswith("#"):
        lines = lines[1:]
    prose = " ".join(lines)
    return "" if NO_PROSE.match(prose) else plain(LINK.sub(r"\1", prose))
