"""References: text that names a model.

Grammar::

    ref      = path | name [ "@" revision ] | scheme "://" place
    path     = text that starts with "/", "./", "../", "~" or "file:"
    name     = segment [ "/" segment ]       (a model in the catalogue, at most 96 characters in all)
    revision = a commit, at least its first 7 characters, a branch or a tag

    hf://      owner "/" name [ "@" revision ] [ "/" file ]          (also one segment: hf://gpt2)
    https://   host "/" owner "/" name [ "@" revision ] [ "/" file ] (any hub that speaks the same protocol)
    kaggle://  owner "/" model "/" framework "/" variation [ "@" version ] [ "/" file ]
    tfhub://   a URL
    oci://     host [ ":" port ] "/" repository [ ":" tag | "@" digest ]
    others     place [ "@" revision ]                                (s3://bucket/models/name@v2)

A segment has letters, digits, ".", "_" and "-", begins and ends with a letter or digit, and holds neither "--" nor
"..": the alphabet of the Hugging Face Hub (`huggingface_hub.utils.validate_repo_id`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from registry.errors import ZooError

SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")
MAX_NAME = 96
MAIN = "main"  # the branch that a name without a revision means
SHORTEST = 7  # how many characters of a commit name it at least
COMMIT = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
HUBS = {"hf": 2, "https": 3, "http": 3, "kaggle": 4}  # scheme: how many segments name a model
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,94}")


@dataclass(frozen=True)
class Ref:
    """A parsed reference; `str()` gives text that parses to the same value.

    >>> Ref.parse("mnist-dnn@v2")
    Ref(name='mnist-dnn', revision='v2', source='', file='')
    >>> Ref.parse("hf://org/name@main/sub/model.keras")
    Ref(name='org/name', revision='main', source='hf', file='sub/model.keras')
    >>> str(Ref.parse("oci://localhost:5000/team/digits:v1"))
    'oci://localhost:5000/team/digits:v1'
    >>> Ref.parse("./model.keras").source
    'file'

    Attributes:
        name: the model's name within its source; the path where `source` is `file`.
        revision: a commit, branch or tag; None for the newest.
        source: the scheme of where the name is looked up; empty for the catalogue.
        file: one file of the model; empty for all of it.
    """

    name: str
    revision: str | None = None
    source: str = ""
    file: str = ""

    def __str__(self) -> str:
        if self.source == "file":
            return f"file:{self.name}"
        prefix = f"{self.source}://" if self.source else ""
        mark = ":" if self.source == "oci" and ":" not in (self.revision or "") else "@"
        return prefix + self.name + (mark + self.revision if self.revision else "") + (self.file and f"/{self.file}")

    def at(self, revision: str) -> Ref:
        """Return the reference to a revision of the same model."""
        return replace(self, revision=revision)

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Parse a reference.

        Raises:
            ZooError: the text follows no line of the grammar.
        """
        if text.startswith("file:"):
            return cls(_not_empty(text.removeprefix("file:"), text), None, "file")
        if text.startswith(("/", "./", "../", "~")) or text in (".", ".."):
            return cls(text, None, "file")
        source, found, rest = text.partition("://")
        if not found:
            name, revision = _revised(text, text)
            _check(name, text)
            return cls(name, revision)
        if not SCHEME.fullmatch(source):
            raise ZooError(f"{text!r} is no reference: {source!r} is no source's name")
        if source == "tfhub":
            return cls(_not_empty(rest, text), None, source)
        if source == "oci":
            return _image(rest, text)
        if source in HUBS:
            return _on_hub(rest, source, text)
        name, revision = _revised(rest, text)
        return cls(_not_empty(name, text), revision, source)


def check_name(name: str) -> str:
    """Return `name` if a new model in the catalogue may have it.

    Raises:
        ZooError: it holds a revision or a forbidden character, or is too long.
    """
    _check(name, name)
    return name


def check_label(label: str) -> str:
    """Return `label` if a branch or tag may have it.

    Raises:
        ZooError: it holds a forbidden character, is too long, or looks like a commit.
    """
    if not LABEL.fullmatch(label):
        raise ZooError(
            f"{label!r} is no name for a tag or branch: expected 1 to 95 letters, digits, '.', '_' or '-'", "try v2"
        )
    if COMMIT.fullmatch(label):
        raise ZooError(f"{label!r} could be taken for a commit", f"try v{label}")
    return label


def check_path(path: str) -> str:
    """Return `path` if a model's file may have it: relative, and staying in the model's folder.

    Raises:
        ValueError: it is absolute, leaves the folder, or holds a backslash or a control character.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in path or not path.isprintable():
        raise ValueError(f"the path {path!r} leaves the model's folder")
    return path


def _check(name: str, text: str) -> None:
    segments = name.split("/")
    if len(name) > MAX_NAME:
        raise ZooError(f"{text!r} is no model name: expected 1 to {MAX_NAME} characters, got {len(name)}")
    for segment in segments:
        _check_segment(segment, text)
    if len(segments) > 2:
        raise ZooError(f"{text!r} is no model name: it has {len(segments)} segments, expected NAME or OWNER/NAME")


def _check_segment(segment: str, text: str) -> None:
    if not SEGMENT.fullmatch(segment):
        raise ZooError(
            f"{text!r} is no model name: expected 1 to 96 letters, digits, '.', '_' or '-', "
            f"a letter or digit at both ends; got {segment!r}",
            "a path begins with ./ or /",
        )
    if "--" in segment or ".." in segment or segment.endswith(".git"):
        raise ZooError(f"{text!r} is no model name: {segment!r} holds '--' or '..' or ends in '.git'")


def _revised(rest: str, text: str) -> tuple[str, str | None]:
    name, found, revision = rest.partition("@")
    if found and not revision:
        raise ZooError(f"{text!r} is no reference: nothing follows the @", f"try {text.removesuffix('@')}")
    return name, revision or None


def _on_hub(rest: str, source: str, text: str) -> Ref:
    name, revision = _revised(rest, text)
    if revision is None:
        parts = name.split("/")
        count = HUBS[source]
        name, file = "/".join(parts[:count]), "/".join(parts[count:])
    else:
        revision, _, file = revision.partition("/")
    segments = name.split("/")
    if len(segments) < HUBS[source] and not (source == "hf" and len(segments) == 1):
        raise ZooError(
            f"{text!r} is no reference: {name!r} has {len(segments)} of {HUBS[source]} segments", EXAMPLES[source]
        )
    for segment in segments[1:] if source.startswith("http") else segments:
        _check_segment(segment, text)
    if file:
        try:
            check_path(file)
        except ValueError as error:
            raise ZooError(f"{text!r} is no reference: {error}") from error
    return Ref(name, revision, source, file)


EXAMPLES = {
    "hf": "hf://org/name@revision",
    "https": "https://hub.example.org/org/name@revision",
    "http": "http://localhost:8000/org/name@revision",
    "kaggle": "kaggle://google/mobilenet-v2/tensorFlow2/035-96-feature-vector@2",
}


def _image(rest: str, text: str) -> Ref:
    host, found, path = rest.partition("/")
    if not found or not host or not path:
        raise ZooError(f"{text!r} is no reference: expected a host and a repository", "oci://host:5000/name:tag")
    path, mark, revision = path.partition("@")
    if not mark:
        path, mark, revision = path.partition(":")
    if mark and not revision:
        raise ZooError(f"{text!r} is no reference: nothing follows the {mark}", f"try {text[:-1]}")
    for segment in path.split("/"):
        _check_segment(segment, text)
    return Ref(f"{host}/{path}", revision or None, "oci")


def _not_empty(path: str, text: str) -> str:
    if not path:
        raise ZooError(f"{text!r} names no path", "file:./folder/model.keras")
    return path
