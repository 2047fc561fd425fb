# ruff: noqa: F811  (a fixture that is imported, and then named as a parameter)
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hub_repos import HubError
from hub_server import HubServer, hub  # noqa: F401

from registry.card import Card, FileEntry, encode
from registry.errors import ZooError
from registry.ref import Ref
from registry.sources.hf import download
from registry.sources.hf.source import HuggingFace
from registry.sources.remote import Destination, Listing, Pushed, Searchable
from registry.watch import silent

LARGE = bytes(range(256)) * 1200  # 300 kB: several blocks
FILES = {"README.md": b"# small\n", "sub/labels.txt": b"a\nb\n", "model.keras": LARGE}
CARD = Card("digits", "keras", "model.keras", files=(FileEntry("sub/labels.txt", 4, "0" * 64),))

source = HuggingFace()


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", HubServer.token)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is published: a small file, one in a folder below, an empty and a large one."""
    return write(tmp_path / "out", {**FILES, "empty": b""})


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def resolve(text: str) -> Listing:
    return source.resolve(Ref.parse(text))


def fetch(text: str, into: Path) -> Listing:
    listing = resolve(text)
    source.fetch(listing, listing.files, into, silent)
    return listing


def push(folder: Path, to: str, **options: Any) -> Pushed:
    return source.push(folder, CARD, Ref.parse(to), watch=silent, **options)


def refused(text: str, match: str) -> str:
    """Expect that a reference does not resolve; return the hint."""
    with pytest.raises(ZooError, match=match) as caught:
        resolve(text)
    assert "\x1b" not in caught.value.message and "\n" not in caught.value.message
    return caught.value.hint


def ranges(hub: HubServer) -> list[str]:
    return [headers["Range"] for _, _, headers in hub.requests if "Range" in headers]


# Looking up


def test_what_the_source_can_do() -> None:
    assert isinstance(source, Searchable) and isinstance(source, Destination)


def test_a_branch_a_tag_and_a_commit(hub: HubServer) -> None:
    first = hub.add("org/name", FILES)
    hub.tag("org/name", "v1")
    second = hub.add("org/name", {"README.md": b"# newer\n"})
    draft = hub.add("org/name", {"README.md": b"# draft\n"}, branch="draft")
    named = {"": second, "@main": second, "@v1": first, "@draft": draft, f"@{first}": first, f"@{first[:9]}": first}
    for revision, commit in named.items():
        assert resolve(f"hf://org/name{revision}").ref == Ref("org/name", commit, "hf")


def test_what_a_listing_says(hub: HubServer) -> None:
    hub.add("org/name", FILES, tags=["small", "license:mit", "region:us"], pipeline_tag="image-classification")
    listing = resolve("hf://org/name")
    assert (listing.name, listing.task, listing.license) == ("name", "image-classification", "mit")
    assert (listing.tags, listing.summary) == (("small",), "")
    files = {file.path: (file.bytes, file.digest) for file in listing.files}
    assert files["model.keras"] == (len(LARGE), f"sha256:{hashlib.sha256(LARGE).hexdigest()}")
    assert files["README.md"] == (8, "git-sha1:" + hashlib.sha1(b"blob 8\0# small\n").hexdigest())
    hub.add("org/name", {}, card_data={"license": "apache-2.0", "summary": "digits\x1b[31m\nof people"})
    assert (resolve("hf://org/name").license, resolve("hf://org/name").summary) == (
        "apache-2.0",
        "digits [31m of people",
    )


def test_one_file_of_a_model(hub: HubServer) -> None:
    commit = hub.add("org/name", FILES)
    listing = resolve("hf://org/name@main/sub/labels.txt")
    assert [file.path for file in listing.files] == ["sub/labels.txt"]
    assert str(listing.ref) == f"hf://org/name@{commit}/sub/labels.txt"
    assert refused("hf://org/name/model.kers", r"org/name has no file 'model\.kers'") == "did you mean model.keras?"


def test_a_renamed_model_is_found_under_its_new_name(hub: HubServer, into: Path) -> None:
    commit = hub.add("old/name", FILES)
    hub.rename("old/name", "new/other")
    listing = fetch(f"hf://old/name@{commit[:7]}", into)
    assert (listing.ref, listing.name) == (Ref("new/other", commit, "hf"), "other")
    assert read(into) == FILES


def test_a_hub_by_its_address(hub: HubServer, logged_in: None, into: Path) -> None:
    with HubServer() as other:
        commit = other.add("org/name", FILES)
        listing = fetch(f"{other.url}/org/name", into)
        assert str(listing.ref) == f"{other.url}/org/name@{commit}"
        assert read(into) == FILES
        assert not [headers for _, _, headers in other.requests if "Authorization" in headers]
        other.add("org/secret", FILES, private=True)
        hint = refused(f"{other.url}/org/secret", f"{other.url} has no model org/secret, or it is private")
        assert f"export HF_ENDPOINT={other.url}" in hint
    assert not hub.requests


# What is refused


def test_unknown_and_private_models(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/secret", FILES, private=True)
    for name in ("org/nothing", "org/secret"):
        hint = refused(f"hf://{name}", f"{hub.url} has no model {name}, or it is private")
        assert hint == "check the name, or hf auth login"
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    assert len(resolve("hf://org/secret").files) == 3
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    hint = refused("hf://org/secret", r"does not know who you are \(401\): Invalid credentials in Authorization header")
    assert hint == "hf auth login"


def test_an_unknown_revision_lists_the_known_ones(hub: HubServer) -> None:
    hub.add("org/name", FILES)
    hub.tag("org/name", "v1")
    assert refused("hf://org/name@v2", f"org/name on {hub.url} has no revision 'v2'") == "did you mean v1?"
    assert refused("hf://org/name@zzz", "has no revision 'zzz'") == "there are: main, v1"


def test_a_gated_model_gives_the_hubs_reason(hub: HubServer, into: Path) -> None:
    hub.add("org/gated", FILES, gated=True)
    with pytest.raises(ZooError, match="org/gated is gated: Access to model org/gated is restricted") as caught:
        fetch("hf://org/gated", into)
    assert caught.value.hint == f"ask for access at {hub.url}/org/gated, then hf auth login"


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (403, r"does not allow it \(403\): no"),
        (409, r"org/name changed on .* meanwhile \(409\): no"),
        (429, r"has had too many requests from here \(429\): no"),
        (503, r"is out of order \(503\): no"),
        (418, r"refuses: looking up hf://org/name failed \(418\): no"),
    ],
)
def test_refusals_carry_the_hubs_words(hub: HubServer, status: int, says: str) -> None:
    hub.refuse = [HubError(status, words="no \x1b[2J\n\n" + "!" * 100_000)]
    refused("hf://org/name", says)
    hub.refuse = [HubError(status, words="no" * 10_000)]
    with pytest.raises(ZooError) as caught:
        resolve("hf://org/name")
    assert len(caught.value.message) < 400


def test_nobody_answers(hub: HubServer) -> None:
    with HubServer() as gone:
        url = gone.url
    assert "check the connection" in refused(f"{url}/org/name", f"{url} cannot be reached: .*refused")
    with pytest.raises(ZooError, match=f"{url} cannot be reached"):
        source.search("name", 3, url)
    assert refused("http://127.0.0.1:99999/org/name", "is no hub's address") == "try https://hub.example.org"


def test_the_hub_goes_away_on_the_way(hub: HubServer, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    with HubServer() as gone:
        gone.add("org/name", FILES)
        listing = resolve(f"{gone.url}/org/name")
    with pytest.raises(ZooError, match=f"{gone.url} cannot be reached: .*refused"):
        source.fetch(listing, listing.files, into, silent)


def test_what_answers_is_no_hub(hub: HubServer) -> None:
    hub.refuse = [HubError(200, words="hello")]
    assert "HF_ENDPOINT" in refused("hf://org/name", "the answer is not a hub's")


def test_offline_is_said(hub: HubServer) -> None:
    program = (
        "from registry.sources.hf.source import HuggingFace\nfrom registry.ref import Ref\n"
        "from registry.errors import ZooError\n"
        "try: HuggingFace().resolve(Ref.parse('hf://org/name'))\n"
        "except ZooError as error: print(error.message, error.hint, sep=' | ')"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == (
        "looking up hf://org/name needs the network, and Hugging Face is set offline (HF_HUB_OFFLINE) | "
        "unset HF_HUB_OFFLINE; what zoo list shows works offline\n"
    )
    assert not hub.requests


def test_paths_out_of_the_folder_are_refused(hub: HubServer) -> None:
    hub.add("org/name", {"../evil": b"x"})
    refused("hf://org/name", r"the hub offers a file that is refused: the path '\.\./evil' leaves the model's folder")


# Downloads


def test_fetched_byte_for_byte_with_progress(hub: HubServer, into: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hub.add("org/name", {**FILES, "empty": b""})
    listing = resolve("hf://org/name")
    steps: list[tuple[str, int, int, str]] = []
    source.fetch(listing, listing.files, into, lambda *step: steps.append(step))
    assert read(into) == {**FILES, "empty": b""}
    assert not (into / ".partial").exists()
    total = sum(map(len, FILES.values()))
    assert steps[-1][:3] == ("download", total, total)
    assert [step[1] for step in steps] == sorted(step[1] for step in steps)
    assert {step[3] for step in steps} == {*FILES, "empty"}
    assert capfd.readouterr() == ("", "")


def test_some_files_only(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    listing = resolve("hf://org/name")
    source.fetch(listing, listing.files[:1], into, silent)
    assert set(read(into)) == {"README.md"}


def test_the_commit_is_fetched_though_the_branch_went_on(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    listing = resolve("hf://org/name@main")
    hub.add("org/name", {"README.md": b"# newer\n"})
    source.fetch(listing, listing.files, into, silent)
    assert read(into) == FILES


def test_a_broken_connection_is_gone_on_with(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    hub.drop_after = 150_000
    source.fetch(listing := resolve("hf://org/name"), listing.files[1:2], into, silent)
    assert read(into) == {"model.keras": LARGE}
    assert ranges(hub) == ["bytes=150000-"]


def interrupt(stage: str, done: int, total: int, note: str = "") -> None:
    if done > 100_000:
        raise KeyboardInterrupt


def test_what_an_interrupted_call_left_is_gone_on_with(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    listing = resolve("hf://org/name")

    with pytest.raises(KeyboardInterrupt):
        source.fetch(listing, listing.files, into, interrupt)
    left = (into / ".partial" / "model.keras").stat().st_size
    assert 90_000 < left < len(LARGE) and not (into / "model.keras").exists()
    hub.requests.clear()
    source.fetch(listing, listing.files, into, silent)
    assert read(into) == FILES
    assert ranges(hub) == [f"bytes={left}-"]
    assert not [path for _, path, _ in hub.requests if path.endswith("README.md")], "what is whole is kept"


def test_a_hub_without_ranges_begins_anew(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    hub.ranges = False
    listing = resolve("hf://org/name@main/model.keras")
    with pytest.raises(KeyboardInterrupt):
        source.fetch(listing, listing.files, into, interrupt)
    steps: list[int] = []
    source.fetch(listing, listing.files, into, lambda stage, done, total, note="": steps.append(done))
    assert len(ranges(hub)) == 1 and steps[1] == 0 and steps[-1] == len(LARGE)
    assert read(into) == {"model.keras": LARGE}


def test_a_file_of_another_size_is_refused(hub: HubServer, into: Path) -> None:
    commit = hub.add("org/name", FILES)
    for content in (LARGE[:-1], LARGE + b"more"):
        listing = resolve("hf://org/name@main/model.keras")
        hub.repos["org/name"].commits[commit]["model.keras"] = content
        with pytest.raises(ZooError, match=r"model\.keras has another size than the hub lists: expected 307200 bytes"):
            source.fetch(listing, listing.files, into, silent)
        assert read(into) == {}
        hub.repos["org/name"].commits[commit]["model.keras"] = LARGE


def test_a_hub_that_fails_on_the_way(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    listing = resolve("hf://org/name")
    hub.refuse = [HubError(503, words="maintenance")]
    with pytest.raises(ZooError, match=r"is out of order \(503\): maintenance") as caught:
        source.fetch(listing, listing.files, into, silent)
    assert caught.value.hint == "try again in a few minutes"
    assert not (into / "README.md").exists()


def test_a_corrupt_file_does_not_match_its_digest(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    hub.corrupt = "model.keras"
    listing = fetch("hf://org/name", into)
    digest = next(file.digest for file in listing.files if file.path == "model.keras")
    assert digest != f"sha256:{hashlib.sha256((into / 'model.keras').read_bytes()).hexdigest()}"


def test_the_users_hugging_face_cache_is_used(hub: HubServer, into: Path) -> None:
    from huggingface_hub import hf_hub_download

    commit = hub.add("org/name", FILES)
    cached = Path(hf_hub_download("org/name", "model.keras", revision=commit, endpoint=hub.url))
    hub.requests.clear()
    fetch("hf://org/name@main/model.keras", into)
    assert read(into) == {"model.keras": LARGE}
    assert [path for method, path, _ in hub.requests] == ["/api/models/org/name/revision/main?blobs=true"]
    cached.resolve().write_bytes(b"damaged" * 10)
    (into / "model.keras").unlink()
    fetch("hf://org/name@main/model.keras", into)
    assert read(into) == {"model.keras": LARGE}


def test_a_folder_that_cannot_be_written(hub: HubServer, into: Path) -> None:
    hub.add("org/name", FILES)
    (into / "sub").write_text("in the way")
    with pytest.raises(ZooError, match=r"the download of hf://org/name@\w+ failed: .*: .*into/sub"):
        fetch("hf://org/name", into)


# Search


def test_search(hub: HubServer) -> None:
    hub.add("org/mobilenet", FILES, downloads=5, tags=["small", "license:mit"], pipeline_tag="image-classification")
    commit = hub.add("other/MobileNet-v2", FILES, downloads=70)
    hub.add("org/resnet", FILES)
    hub.add("org/mobilenet-secret", FILES, private=True)
    found = source.search("mobilenet", 10)
    assert [one.name for one in found] == ["hf://other/MobileNet-v2", "hf://org/mobilenet"]
    assert (found[0].revision, found[0].downloads, found[0].source) == (commit, 70, "hf")
    assert found[0].bytes == sum(map(len, FILES.values())) and found[0].updated == "2026-01-02"
    assert (found[1].task, found[1].license, found[1].tags) == ("image-classification", "mit", ("small",))
    assert [one.name for one in source.search("mobilenet", 1)] == ["hf://other/MobileNet-v2"]
    assert len(source.search("", 10)) == 3
    assert source.search("nothing like it", 10) == []


def test_search_on_another_hub(hub: HubServer) -> None:
    with HubServer() as other:
        other.add("org/name", FILES)
        other.add("org/bad@\x1b", FILES)
        found = source.search("", 5, other.url)
        assert [one.name for one in found] == [f"{other.url}/org/name"]
        assert resolve(found[0].name).name == "name"
    assert not hub.requests


# Publishing


def test_published_and_fetched_back_byte_for_byte(
    hub: HubServer,
    logged_in: None,
    folder: Path,
    into: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    pushed = push(folder, "hf://org/new", tag="v1")
    assert pushed.url == f"{hub.url}/org/new"
    listing = fetch("hf://org/new@v1", into)
    assert listing.ref == pushed.ref
    assert {path: content for path, content in read(into).items() if path != ".gitattributes"} == read(folder)
    assert hub.large == {hashlib.sha256(LARGE).hexdigest(): LARGE}
    assert not hub.repos["org/new"].private
    assert capfd.readouterr() == ("", "")


def test_again_on_a_branch_and_by_address(hub: HubServer, logged_in: None, folder: Path) -> None:
    first = push(folder, "hf://org/name")
    assert push(folder, "hf://org/name").ref == first.ref, "nothing changed: no new commit"
    write(folder, {"README.md": b"# newer\n"})
    draft = push(folder, f"{hub.url}/org/name@draft")
    assert draft.url == f"{hub.url}/org/name/tree/draft"
    assert str(draft.ref) == f"{hub.url}/org/name@{hub.repos['org/name'].branches['draft']}"
    assert resolve("hf://org/name").ref == first.ref


def test_what_a_model_has_no_more_is_gone(hub: HubServer, logged_in: None, folder: Path) -> None:
    write(folder, {"zoo.json": encode(CARD), "model.sig": b"signed"})
    push(folder, "hf://org/name")
    hub.add("org/name", {"picture.png": b"of others"})
    (folder / "sub" / "labels.txt").unlink()
    (folder / "model.sig").unlink()
    push(folder, "hf://org/name")
    paths = {file.path for file in resolve("hf://org/name").files}
    assert paths == {".gitattributes", "README.md", "empty", "model.keras", "picture.png", "zoo.json"}


def test_a_private_repo(hub: HubServer, logged_in: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(folder, "hf://org/secret", private=True)
    assert len(resolve("hf://org/secret").files) == 5
    hub.add("org/open", FILES)
    with pytest.raises(ZooError, match="org/open is there already and everyone can see it"):
        push(folder, "hf://org/open", private=True)
    monkeypatch.delenv("HF_TOKEN")
    refused("hf://org/secret", "has no model org/secret, or it is private")


def test_who_may_not_publish(hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZooError, match=r"does not know who you are \(401\): Invalid username or password") as caught:
        push(folder, "hf://org/new")
    assert caught.value.hint == "hf auth login"
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    with pytest.raises(ZooError, match=r"does not allow it \(403\).*You don't have the rights to write here") as caught:
        push(folder, "hf://org/new")
    assert caught.value.hint == "hf auth login with a token that may do it"
    assert not hub.repos


def test_the_token_goes_to_no_other_hub(
    hub: HubServer, logged_in: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_ENDPOINT")
    hub.add("org/name", FILES)
    with pytest.raises(ZooError, match=r"does not know who you are \(401\)") as caught:
        push(folder, f"{hub.url}/org/name")
    assert caught.value.hint == f"export HF_ENDPOINT={hub.url} and hf auth login: the token goes to that hub only"
    assert hub.requests and not [headers for _, _, headers in hub.requests if "Authorization" in headers]


def test_a_tag_that_is_taken(hub: HubServer, logged_in: None, folder: Path) -> None:
    commit = hub.add("org/name", {"README.md": b"old"})
    hub.tag("org/name", "v1")
    with pytest.raises(ZooError, match="org/name has a tag 'v1' already; nothing was uploaded"):
        push(folder, "hf://org/name", tag="v1")
    assert hub.repos["org/name"].branches == {"main": commit} and not hub.large


def at_the_last_moment(act: Any, folder: Path, **options: Any) -> Pushed:
    """Publish, and do something when all is uploaded and the commit is still to come."""

    def watch(stage: str, done: int, total: int, note: str = "") -> None:
        if done == total and not note:
            act()

    return source.push(folder, CARD, Ref.parse("hf://org/name"), watch=watch, **options)


def test_two_at_once_conflict(hub: HubServer, logged_in: None, folder: Path) -> None:
    hub.add("org/name", {"README.md": b"old"})
    with pytest.raises(ZooError, match=r"org/name changed on .* meanwhile \(412\): A commit has happened") as caught:
        at_the_last_moment(lambda: hub.add("org/name", {"other": b"1"}), folder)
    assert caught.value.hint == "try again"
    head = hub.repos["org/name"].commits[hub.repos["org/name"].branches["main"]]
    assert head == {"README.md": b"old", "other": b"1"}


def test_a_tag_that_is_taken_meanwhile(hub: HubServer, logged_in: None, folder: Path) -> None:
    hub.add("org/name", {"README.md": b"old"})
    with pytest.raises(ZooError, match=r"org/name@\w{12} is published, but without the tag 'v1': Tag reference exists"):
        at_the_last_moment(lambda: hub.tag("org/name", "v1"), folder, tag="v1")


def test_only_branches_of_whole_models(hub: HubServer, logged_in: None, folder: Path) -> None:
    with pytest.raises(ZooError, match="names a commit, which cannot change") as caught:
        push(folder, f"hf://org/name@{'a' * 40}")
    assert caught.value.hint == "try hf://org/name@main"
    with pytest.raises(ZooError, match="names a file; a model is published as a whole") as caught:
        push(folder, "hf://org/name/model.keras")
    assert caught.value.hint == "try hf://org/name"


def test_an_upload_that_fails_leaves_nothing_visible(hub: HubServer, logged_in: None, folder: Path) -> None:
    commit = hub.add("org/name", {"README.md": b"old"})
    upload, hub.large = hub.large, Full()
    with pytest.raises(ZooError, match=r"is out of order \(507\): no space"):
        push(folder, "hf://org/name")
    hub.large = upload
    assert hub.repos["org/name"].branches == {"main": commit}


class Full(dict[str, bytes]):
    """A store without space."""

    def __setitem__(self, key: str, value: bytes) -> None:
        raise HubError(507, words="no space")
