"""What every destination of this kind must do: publish, resolve, fetch back byte for byte."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.blobs import entry_of
from registry.card import CARD_FILE, Card, encode, revision_of
from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.folder.source import Files
from registry.sources.oci.source import OCI
from registry.sources.remote import Destination, Remote, Searchable
from registry.watch import silent

PLACES = ("file", "s3", "memory", "oci")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A reference to a place of each kind where nothing is yet."""
    if request.param == "file":
        yield f"file:{tmp_path}/shelf/digits"
    elif request.param == "s3":
        yield f"{request.getfixturevalue('s3')}/models/digits"
    elif request.param == "memory":
        yield f"memory://{uuid.uuid4().hex}/digits"
    else:
        yield f"oci://{request.getfixturevalue('docker_registry')}/{uuid.uuid4().hex}/digits"


def source_of(place: str) -> Files | OCI:
    return OCI() if place.startswith("oci:") else Files()


def made(folder: Path, summary: str = "") -> Card:
    """Write a model's files into a folder, an empty and a large one among them, and return its card."""
    (folder / "sub").mkdir(parents=True)
    (folder / "model.keras").write_bytes(bytes(range(256)) * 5000)
    (folder / "sub" / "labels.txt").write_text("zero\none\n")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "README.md").write_text("# digits\n")
    files = tuple(entry_of(folder, path) for path in ("README.md", "empty.txt", "model.keras", "sub/labels.txt"))
    card = Card("digits", "keras", "model.keras", "image-classification", summary, "MIT", ("small",), files=files)
    (folder / CARD_FILE).write_bytes(encode(card))
    return card


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pull(source: Remote, ref: Ref, into: Path) -> dict[str, bytes]:
    """Resolve and fetch everything."""
    listing = source.resolve(ref)
    into.mkdir()
    source.fetch(listing, listing.files, into, silent)
    return content(into)


def at(place: str, label: str) -> Ref:
    """The reference to a branch or tag, as people write it."""
    return Ref.parse(f"{place}:{label}" if place.startswith("oci:") else f"{place}@{label}")


def test_what_is_published_comes_back_byte_for_byte(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    assert isinstance(source, Destination) and isinstance(source, Searchable)
    folder, told = tmp_path / "made", []
    card = made(folder)
    pushed = source.push(folder, card, Ref.parse(place), tag="v1", watch=lambda *report: told.append(report))
    assert told[-1][1] == told[-1][2] > 0 and told[-1][0] == "upload"
    assert [report[1] for report in told] == sorted(report[1] for report in told)

    listing = source.resolve(Ref.parse(place))
    assert listing.ref == pushed.ref and listing.name == "digits"
    assert (listing.task, listing.license, listing.tags) == ("image-classification", "MIT", ("small",))
    assert all(file.digest.startswith("sha256:") for file in listing.files)
    assert Ref.parse(str(pushed.ref)) == pushed.ref
    assert source.resolve(pushed.ref) == listing

    told.clear()
    into = tmp_path / "into"
    into.mkdir()
    source.fetch(listing, listing.files, into, lambda *report: told.append(report))
    assert content(into) == content(folder)
    assert told[-1][:3] == ("download", card.bytes + (folder / CARD_FILE).stat().st_size, told[-1][2])
    assert told[-1][1] == told[-1][2]
    for number, label in enumerate(("v1", revision_of(card)[:12])):
        assert pull(source, at(place, label), tmp_path / str(number)) == content(folder)


def test_a_second_revision_leaves_the_first(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    first = source.push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(place), watch=silent)
    second = source.push(tmp_path / "b", made(tmp_path / "b", "better"), Ref.parse(place), watch=silent)
    assert first.ref != second.ref
    assert source.resolve(Ref.parse(place)).ref == second.ref
    assert pull(source, first.ref, tmp_path / "into") == content(tmp_path / "a")


def test_the_same_content_again_is_the_same_revision(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    card = made(tmp_path / "a")
    first = source.push(tmp_path / "a", card, Ref.parse(place), watch=silent)
    assert source.push(tmp_path / "a", card, Ref.parse(place), tag="again", watch=silent) == first
    assert source.resolve(at(place, "again")).ref == first.ref


def test_a_branch_is_published_to(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    card = made(tmp_path / "a")
    pushed = source.push(tmp_path / "a", card, at(place, "dev"), watch=silent)
    assert source.resolve(at(place, "dev")).ref == pushed.ref
    with pytest.raises(ZooError, match=r"has no (revision 'main'|tag 'latest')") as caught:
        source.resolve(Ref.parse(place))
    assert "dev" in caught.value.hint


def test_unknown_labels_name_near_ones(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    source.push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(place), tag="release-1", watch=silent)
    with pytest.raises(ZooError, match=r"has no (revision|tag) 'release-2'") as caught:
        source.resolve(at(place, "release-2"))
    assert caught.value.hint == "did you mean release-1?"


def test_fetching_again_keeps_what_is_whole_and_replaces_what_is_not(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    source.push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(place), watch=silent)
    into = tmp_path / "into"
    pull(source, Ref.parse(place), into)
    whole = (into / "model.keras").stat()
    (into / "README.md").write_bytes(b"# DIGITS\n")
    listing = source.resolve(Ref.parse(place))
    source.fetch(listing, listing.files, into, silent)
    assert content(into) == content(tmp_path / "a")
    assert (into / "model.keras").stat().st_mtime_ns == whole.st_mtime_ns


def test_half_a_file_is_continued(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    source.push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(place), watch=silent)
    into, told = tmp_path / "into", []
    into.mkdir()
    expected = (tmp_path / "a" / "model.keras").read_bytes()
    (into / "model.keras.part").write_bytes(expected[:1_000_000])
    listing = source.resolve(Ref.parse(place))
    source.fetch(listing, listing.files, into, lambda *report: told.append(report))
    assert content(into) == content(tmp_path / "a")
    steps = [done for _, done, _, path in told if path == "model.keras"]
    assert steps[1] - steps[0] == 1_000_000


def test_search_finds_what_is_published(place: str, tmp_path: Path) -> None:
    source = source_of(place)
    pushed = source.push(tmp_path / "a", made(tmp_path / "a"), Ref.parse(place), watch=silent)
    above, _, name = place.rpartition("/")
    if place.startswith("oci:"):
        above = place.removeprefix("oci://").partition("/")[0]
        name = place.removeprefix(f"oci://{above}/")
    found = source.search(name.upper(), 5, above)
    assert [(line.name, line.task, line.license) for line in found] == [(place, "image-classification", "MIT")]
    assert found[0].revision in str(pushed.ref)
    assert source.search("no-such-model", 5, above) == []
    with pytest.raises(ZooError, match=r"needs a place|by its address"):
        source.search("digits", 5)
