from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from services import forget_s3, free_port
from test_destinations import content, made, pull

from registry.card import CARD_FILE
from registry.errors import ZooError
from registry.places import open_place
from registry.ref import Ref, check_name
from registry.sources.folder.source import Files, slug
from registry.watch import silent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plain folder with a model's files, and hidden ones."""
    made_folder = tmp_path / "my model"
    (made_folder / "sub").mkdir(parents=True)
    (made_folder / ".git").mkdir()
    for path in ("model.keras", "sub/labels.txt", ".DS_Store", ".git/config"):
        (made_folder / path).write_text(path)
    return made_folder


def local(path: Path | str) -> Ref:
    return Ref.parse(f"file:{path}")


def test_a_plain_folder(folder: Path, tmp_path: Path) -> None:
    listing = Files().resolve(local(folder))
    assert (listing.ref, listing.name) == (Ref(str(folder), None, "file"), "my-model")
    assert [(file.path, file.bytes, file.digest) for file in listing.files] == [
        ("model.keras", 11, ""),
        ("sub/labels.txt", 14, ""),
    ]
    assert sorted(pull(Files(), local(folder), tmp_path / "into")) == ["model.keras", "sub/labels.txt"]


def test_a_single_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    listing = Files().resolve(Ref.parse("./model.keras"))
    assert (listing.ref, listing.name) == (local(folder / "model.keras"), "model")
    assert pull(Files(), Ref.parse("file:model.keras"), tmp_path / "into") == {"model.keras": b"model.keras"}
    assert Files().resolve(Ref.parse(".")).ref == local(folder)
    assert Files().resolve(Ref.parse("./sub/..")).ref == local(folder)


def test_a_plain_folder_with_a_card(tmp_path: Path) -> None:
    card = made(tmp_path / "a")
    listing = Files().resolve(local(tmp_path / "a"))
    digests = {file.path: file.digest for file in listing.files}
    assert digests["model.keras"] == f"sha256:{card.files[2].sha256}" and digests[CARD_FILE].startswith("sha256:")
    assert (listing.task, listing.license) == ("image-classification", "MIT")
    assert listing.ref.revision is None
    (tmp_path / "a" / CARD_FILE).write_text("{}")
    with pytest.raises(ZooError, match=r"a/zoo\.json is no model card"):
        Files().resolve(local(tmp_path / "a"))


def test_what_changed_since_is_copied_again(folder: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    pull(Files(), local(folder), into)
    (into / "model.keras.part").write_text("half of something else")
    (folder / "model.keras").write_text("MODEL.KERAS")
    later = time.time() + 5
    os.utime(folder / "model.keras", (later, later))
    listing = Files().resolve(local(folder))
    Files().fetch(listing, listing.files, into, silent)
    assert (into / "model.keras").read_text() == "MODEL.KERAS"
    assert not (into / "model.keras.part").exists()


def test_links(folder: Path, tmp_path: Path) -> None:
    (folder / "same.keras").symlink_to("model.keras")
    (folder / "again").symlink_to("sub")
    (folder / "nothing").symlink_to("gone")
    paths = [file.path for file in Files().resolve(local(folder)).files]
    assert paths == ["model.keras", "same.keras", "sub/labels.txt"]
    (tmp_path / "secret").write_text("")
    (folder / "sub" / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(ZooError, match=rf"sub/out is a link to {tmp_path}/secret, which is not in {folder}"):
        Files().resolve(local(folder))
    (folder / "sub" / "out").unlink()
    (folder / "up").symlink_to("..")
    with pytest.raises(ZooError, match=r"up is a link to .*, which is not in"):
        Files().resolve(local(folder))


def test_a_file_that_grows_or_shrinks_meanwhile(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    listing = Files().resolve(local(folder))
    (folder / "model.keras").write_text("short")
    with pytest.raises(ZooError, match=r"model\.keras came with another size: expected 11 bytes, got 5"):
        Files().fetch(listing, listing.files, tmp_path / "into", silent)
    assert not list((tmp_path / "into").iterdir())


def test_what_is_not_there(folder: Path) -> None:
    with pytest.raises(ZooError, match=rf"there is nothing at file:{folder}/model\.kers") as caught:
        Files().resolve(local(folder / "model.kers"))
    assert caught.value.hint == "did you mean model.keras?"
    with pytest.raises(ZooError, match="has no revisions, so none is named 'v1'"):
        Files().resolve(local(f"{folder}@v1"))
    (folder / "empty").mkdir()
    with pytest.raises(ZooError, match="empty has no files"):
        Files().resolve(local(folder / "empty"))


def test_an_at_sign_that_is_part_of_the_path(folder: Path) -> None:
    (folder / "a@b").mkdir()
    (folder / "a@b" / "model.h5").write_text("x")
    assert [file.path for file in Files().resolve(local(folder / "a@b")).files] == ["model.h5"]


def test_a_tag_stays(tmp_path: Path) -> None:
    shelf = local(tmp_path / "shelf")
    first = Files().push(tmp_path / "a", made(tmp_path / "a"), shelf, tag="v1", watch=silent)
    before = content(tmp_path / "shelf")
    with pytest.raises(ZooError, match=rf"the tag 'v1' of {shelf} is taken by revision {first.ref.name[-64:][:12]}"):
        Files().push(tmp_path / "b", made(tmp_path / "b", "better"), shelf, tag="v1", watch=silent)
    assert content(tmp_path / "shelf") == before


def test_labels_that_cannot_be(tmp_path: Path) -> None:
    card = made(tmp_path / "a")
    with pytest.raises(ZooError, match=r"'\.\./x' is no name for a tag or branch"):
        Files().push(tmp_path / "a", card, local(tmp_path / "shelf"), tag="../x", watch=silent)
    with pytest.raises(ZooError, match="'abcdef0' could be taken for a commit"):
        Files().push(tmp_path / "a", card, local(f"{tmp_path}/shelf@abcdef0"), watch=silent)
    assert not (tmp_path / "shelf").exists()
    Files().push(tmp_path / "a", card, local(tmp_path / "shelf"), watch=silent)
    with pytest.raises(ZooError, match="has no revision"):
        Files().resolve(Ref(str(tmp_path / "shelf"), "../../a/README.md", "file"))


def test_other_peoples_folders_are_left_alone(folder: Path, tmp_path: Path) -> None:
    before = content(folder)
    with pytest.raises(ZooError, match=r"my model holds other files \(.*model\.keras") as caught:
        Files().push(tmp_path / "a", made(tmp_path / "a"), local(folder), watch=silent)
    assert caught.value.hint == "publish to a folder of its own"
    assert content(folder) == before


def test_a_revision_that_is_not_whole_is_not_there(tmp_path: Path) -> None:
    shelf = local(tmp_path / "shelf")
    card = made(tmp_path / "a")
    revision = Files().push(tmp_path / "a", card, shelf, watch=silent).ref.name[-64:]
    (tmp_path / "shelf" / revision / CARD_FILE).unlink()
    (tmp_path / "shelf" / "refs" / "main").unlink()
    with pytest.raises(ZooError, match="has no revision 'main'") as caught:
        Files().resolve(shelf)
    assert caught.value.hint == "there are none"
    Files().push(tmp_path / "a", card, shelf, watch=silent)
    assert pull(Files(), shelf, tmp_path / "into") == content(tmp_path / "a")


def test_damage_is_named(tmp_path: Path) -> None:
    shelf = local(tmp_path / "shelf")
    revision = Files().push(tmp_path / "a", made(tmp_path / "a"), shelf, watch=silent).ref.name[-64:]
    (tmp_path / "shelf" / revision / "README.md").unlink()
    with pytest.raises(ZooError, match=r"has lost README\.md"):
        Files().resolve(shelf)
    card = tmp_path / "shelf" / revision / CARD_FILE
    card.write_bytes(card.read_bytes().replace(b"MIT", b"mit"))
    with pytest.raises(ZooError, match=rf"zoo\.json is damaged: expected sha256 {revision}, got [0-9a-f]{{64}}"):
        Files().resolve(shelf)
    (tmp_path / "shelf" / "refs" / "main").write_text("../..")
    with pytest.raises(ZooError, match=r"refs/main is damaged: expected a revision, got '\.\./\.\.'"):
        Files().resolve(shelf)


def test_a_plain_folder_in_s3(s3: str, tmp_path: Path) -> None:
    bucket = open_place(s3)
    for path in ("dir/model.h5", "dir/sub/labels.txt", "dir/.hidden", "dir/"):
        bucket.below(path).write(path.encode())
    listing = Files().resolve(Ref.parse(f"{s3}/dir"))
    assert [(file.path, file.bytes) for file in listing.files] == [("model.h5", 12), ("sub/labels.txt", 18)]
    assert listing.ref == Ref.parse(f"{s3}/dir")
    assert pull(Files(), Ref.parse(f"{s3}/dir/"), tmp_path / "into")["model.h5"] == b"dir/model.h5"
    assert pull(Files(), Ref.parse(f"{s3}/dir/model.h5"), tmp_path / "one") == {"model.h5": b"dir/model.h5"}


def test_hostile_keys_in_s3(s3: str) -> None:
    open_place(s3).below("dir/../../etc/passwd").write(b"x")
    with pytest.raises(ZooError, match=r"cannot be used: the path '\.\./\.\./etc/passwd' leaves the model's folder"):
        Files().resolve(Ref.parse(f"{s3}/dir"))


def test_s3_says_what_is_missing(s3: str, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=rf"there is nothing at {s3}/digits"):
        Files().resolve(Ref.parse(f"{s3}/digits"))
    with pytest.raises(
        ZooError, match=r"there is no bucket 'nowhere-at-all' \(asked for s3://nowhere-at-all"
    ) as caught:
        Files().resolve(Ref.parse("s3://nowhere-at-all/digits"))
    assert caught.value.hint == "aws s3 mb s3://nowhere-at-all makes it"
    with pytest.raises(ZooError, match="there is no bucket 'nowhere-at-all'"):
        Files().push(tmp_path / "a", made(tmp_path / "a"), Ref.parse("s3://nowhere-at-all/digits"), watch=silent)


def test_s3_without_a_login(s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    open_place(s3).below("dir/model.h5").write(b"x")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    forget_s3()
    with pytest.raises(ZooError, match=f"{s3}/dir needs a login, and none was found") as caught:
        Files().resolve(Ref.parse(f"{s3}/dir"))
    assert caught.value.hint.startswith("run aws configure, or set AWS_ACCESS_KEY_ID")


def test_s3_that_is_down(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    forget_s3()
    began = time.monotonic()
    with pytest.raises(ZooError, match=f"the server of {s3}/dir cannot be reached: Could not connect"):
        Files().resolve(Ref.parse(f"{s3}/dir"))
    assert time.monotonic() - began < 8


def test_file_systems_that_are_not_known() -> None:
    with pytest.raises(ZooError, match="nonsense://x/y cannot be opened: Protocol not known: nonsense"):
        Files().resolve(Ref.parse("nonsense://x/y"))
    with pytest.raises(ZooError, match="file systems are not chained here"):
        Files().resolve(Ref.parse("simplecache://a::file:///etc"))


@pytest.mark.parametrize("text", ["", "..", "a b", "x" * 200, "ü", "a--b", "a..b", ".x.", "name.git", "a.-b-", "é.git"])
def test_any_text_makes_a_name(text: str) -> None:
    assert check_name(slug(text))
