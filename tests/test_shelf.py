from __future__ import annotations

from pathlib import Path

import pytest
from backends import backend, overwrite, stored  # noqa: F401

from registry.blobs import entry_of
from registry.card import Card
from registry.errors import ZooError
from registry.shelf import Shelf
from registry.spot import Spot

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two files, one of them in a folder below."""
    made = tmp_path / "files"
    (made / "sub").mkdir(parents=True)
    (made / "w.bin").write_bytes(b"weights")
    (made / "sub" / "t.txt").write_text("text")
    return made


MINE, AGAIN = Spot("mine"), Spot("mine", update=True)


def revisions(shelf: Shelf, name: str = "mine") -> list[str]:
    return [entry.revision for entry in shelf.local.catalogue.history(name)]


def card(name: str = "mine", summary: str = "") -> Card:
    return Card(name, "keras", "w.bin", task="image-classification", tags=("small", "mine"), summary=summary)


def test_publish_find_and_lay_out(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder, MINE)
    found = shelf.find("mine")
    assert found == model == shelf.find(model.ref) == shelf.find(f"mine@{model.revision}")
    laid = shelf.folder(found)
    assert (laid / "w.bin").read_bytes() == b"weights"
    assert (laid / "sub" / "t.txt").read_text() == "text"
    assert list(found.card.files) == [entry_of(folder, path) for path in ("sub/t.txt", "w.bin")]
    assert shelf.folder(found) == laid


def test_revisions_are_kept(folder: Path) -> None:
    shelf = Shelf()
    first = shelf.publish(card(), folder, MINE)
    second = shelf.publish(card(summary="better"), folder, AGAIN)
    assert shelf.find("mine") == second
    assert shelf.find(first.ref) == first
    assert revisions(shelf) == [first.revision, second.revision]


def test_the_same_content_again_is_the_same_revision(folder: Path) -> None:
    shelf = Shelf()
    first = shelf.publish(card(), folder, MINE)
    assert shelf.publish(card(), folder, AGAIN) == first
    assert revisions(shelf) == [first.revision]


def test_a_taken_name_is_refused_and_nothing_changes(folder: Path) -> None:
    shelf = Shelf()
    first = shelf.publish(card(), folder, MINE)
    with pytest.raises(ZooError, match="the name 'mine' is taken") as caught:
        shelf.publish(card(summary="other"), folder, MINE)
    assert "--update" in caught.value.hint
    assert shelf.find("mine") == first
    with pytest.raises(ZooError, match="the name 'mnist-dnn' is taken"):
        shelf.publish(card("mnist-dnn"), folder, Spot("mnist-dnn", update=True))


def test_unknown_names_and_revisions(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder, MINE)
    with pytest.raises(ZooError, match="no model is named 'mnist-dn'") as caught:
        shelf.find("mnist-dn")
    assert "did you mean mnist-dnn" in caught.value.hint
    with pytest.raises(ZooError, match="mine has no revision 'abcdef0'") as caught:
        shelf.find("mine@abcdef0")
    assert model.revision[:12] in caught.value.hint
    with pytest.raises(ZooError, match="hf://org/name is not on this machine") as caught:
        shelf.find("hf://org/name")
    assert caught.value.hint == "zoo pull hf://org/name, then use the name that it gets here"
    with pytest.raises(ZooError, match="is a path, not a model's name") as caught:
        shelf.find("./m.keras")
    assert caught.value.hint == "zoo import ./m.keras --as NAME"


def test_a_short_revision_is_not_enough(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder, MINE)
    with pytest.raises(ZooError, match="has no revision"):
        shelf.find(f"mine@{model.revision[:6]}")


def test_identical_files_are_stored_once(folder: Path) -> None:
    shelf = Shelf()
    shelf.publish(card("a"), folder, Spot("a"))
    before = len(stored(shelf))
    shelf.publish(card("b"), folder, Spot("b"))
    assert len(stored(shelf)) == before + 1  # only b's own card


def test_lost_bytes_are_named(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder, MINE)
    shelf.local.store.delete(model.card.files[1].sha256)
    with pytest.raises(ZooError, match=r"the stored bytes of w\.bin are gone"):
        shelf.folder(model)
    assert not list(shelf.home.checkouts.iterdir())


def test_damaged_bytes_are_named_and_not_laid_out(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder, MINE)
    overwrite(shelf, model.card.files[1].sha256, b"w3ights")
    with pytest.raises(ZooError, match=r"the (stored )?bytes of .* are damaged: .*\w{64}"):
        shelf.folder(model)
    shelf.publish(card(summary="again"), folder, AGAIN)  # which stores the true bytes again
    assert (shelf.folder(model) / "w.bin").read_bytes() == b"weights"


def test_another_name_keeps_the_revision(folder: Path) -> None:
    shelf = Shelf()
    model = shelf.publish(card(), folder, MINE)
    copy = shelf.adopt(shelf.zoo_json(model), shelf.folder(model), Spot("team/copy"))
    assert (copy.name, copy.revision, copy.card) == ("team/copy", model.revision, model.card)
    assert shelf.find("team/copy") == copy


def test_branches_and_tags(folder: Path) -> None:
    shelf = Shelf()
    first = shelf.publish(card(), folder, Spot("mine", tag="v1"))
    second = shelf.publish(card(summary="try"), folder, Spot("mine", branch="dev", update=True))
    assert shelf.find("mine") == first == shelf.find("mine@v1") == shelf.find("mine@main")
    assert shelf.find("mine@dev") == second
    with pytest.raises(ZooError, match="the tag 'v1' of mine names") as caught:
        shelf.publish(card(summary="other"), folder, Spot("mine", tag="v1", update=True))
    assert caught.value.hint == "choose another tag"
    with pytest.raises(ZooError, match="mine has no revision 'v3'") as caught:
        shelf.find("mine@v3")
    assert caught.value.hint.endswith("oldest first; dev, main, v1")


def test_sorts_and_limits(folder: Path) -> None:
    shelf = Shelf()
    for name, size in {"b": 3, "a": 2, "c": 1}.items():
        (folder / "w.bin").write_bytes(b"x" * (10_000_000 if size == 3 else size))
        shelf.publish(card(name), folder, Spot(name))
    assert [line.name for line in shelf.summaries(source="local")] == ["a", "b", "c"]
    assert [line.name for line in shelf.summaries(sort="size", limit=2)] == ["b", "mnist-dnn"]
    assert [line.name for line in shelf.summaries(sort="updated", source="local")] == ["c", "a", "b"]
    with pytest.raises(ZooError, match="no sort is named 'colour'") as caught:
        shelf.summaries(sort="colour")
    assert "name" in caught.value.hint
    with pytest.raises(ZooError, match="no source is named 'mars'"):
        shelf.summaries(source="mars")
