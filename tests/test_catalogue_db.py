"""The catalogue's database: the same tests on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import itertools
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services import free_port

from registry.card import Card, FileEntry, Lineage, encode, revision_of
from registry.catalogue import Catalogue, Entry, Label
from registry.catalogue.patterns import ALPHABET, to_glob, to_regex
from registry.errors import ZooError

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new catalogue is."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres"))
    return str(tmp_path / "state" / "catalogue.db")


@pytest.fixture
def catalogue(url: str) -> Iterator[Catalogue]:
    """A new catalogue."""
    made = Catalogue(url)
    yield made
    made.close()


def sha(number: int) -> str:
    return f"{number:064x}"


def card(
    name: str = "mine", summary: str = "", *, task: str = "image-classification", tags: tuple[str, ...] = (),
    classes: tuple[str, ...] = (), files: Sequence[int] = (1,), parent: str = "",
) -> Card:  # fmt: skip
    """A card whose files are named by numbers."""
    entries = tuple(FileEntry(f"file-{number}", number, sha(number)) for number in files)
    lineage = Lineage(parent) if parent else None
    return Card(
        name, "keras", "file", task, summary, "apache-2.0", tags, classes=classes, files=entries, lineage=lineage
    )


def names(lines: Sequence[object]) -> list[str]:
    return [line.name for line in lines]  # type: ignore[attr-defined]


# Commits and what they leave


def test_a_commit_is_found_again(catalogue: Catalogue) -> None:
    model = catalogue.commit(card(tags=("a b", "x")), origin="hf://org/mine@abc", created=12.5)
    assert (model.source, model.origin, model.created) == ("local", "hf://org/mine@abc", 12.5)
    for revision in (None, "main", model.revision, model.revision[:7]):
        assert catalogue.find("mine", revision) == model
    assert catalogue.summaries() == [model.summary]
    assert catalogue.by_origin("hf://org/mine@abc") == model
    assert catalogue.by_revision(model.revision[:7]) == [model]
    assert catalogue.count() == 1
    assert catalogue.check() == []


def test_what_is_not_there(catalogue: Catalogue) -> None:
    for _ in range(2):
        assert catalogue.find("nothing") is None
        assert catalogue.find("mine", "abcdef0") is None
        assert catalogue.find("mine", "m%") is None
        assert catalogue.by_origin("hf://org/other@1") is None
        assert catalogue.by_revision("abcdef0") == catalogue.by_revision("") == catalogue.by_revision("abc") == []
        assert catalogue.children(sha(5)) == catalogue.children("abc") == []
        assert catalogue.history("nothing") == catalogue.labels("nothing") == catalogue.search("nothing") == []
        assert catalogue.signatures("nothing", "main") == []
        assert catalogue.manifests("nothing", "main") == []
        assert list(catalogue.all_models("nothing")) == []
        assert catalogue.live([sha(9)]) == set()
        catalogue.commit(card(), update=True)


def test_six_characters_are_not_enough(catalogue: Catalogue) -> None:
    model = catalogue.commit(card())
    assert catalogue.find("mine", model.revision[:6]) is None


def test_history_and_branches(catalogue: Catalogue) -> None:
    first = catalogue.commit(card(), created=1)
    second = catalogue.commit(card(summary="better"), update=True, created=2, origin="hf://org/mine@2")
    trial = catalogue.commit(card(summary="trial"), update=True, branch="trial", created=3)
    third = catalogue.commit(card(summary="best"), update=True, created=4)
    assert catalogue.history("mine") == [
        Entry(first.revision, None, 1, ""),
        Entry(second.revision, first.revision, 2, "hf://org/mine@2"),
        Entry(trial.revision, second.revision, 3, ""),
        Entry(third.revision, second.revision, 4, ""),
    ]
    assert catalogue.labels("mine") == [
        Label("main", "branch", third.revision),
        Label("trial", "branch", trial.revision),
    ]
    assert catalogue.find("mine", "trial") == trial
    assert catalogue.summaries() == [third.summary]


def test_the_same_revision_again_is_no_new_commit(catalogue: Catalogue) -> None:
    model = catalogue.commit(card(), created=1)
    assert catalogue.commit(card(), update=True, created=2) == model
    assert len(catalogue.history("mine")) == 1


def test_a_branch_goes_back_to_an_older_revision(catalogue: Catalogue) -> None:
    old = catalogue.commit(card(summary="old"), text="first")
    new = catalogue.commit(card(summary="new"), text="second", update=True)
    assert catalogue.commit(card(summary="old"), update=True) == old
    assert catalogue.find("mine") == old
    assert catalogue.summaries() == [old.summary]
    assert names(catalogue.search("first")) == ["mine"]
    assert catalogue.search("second") == []
    assert [entry.revision for entry in catalogue.history("mine")] == [old.revision, new.revision]


def test_what_was_not_known_is_added_to_the_same_revision(catalogue: Catalogue) -> None:
    model = catalogue.commit(card())
    again = catalogue.commit(card(), update=True, origin="hf://org/mine@1", manifest=sha(8))
    assert again.origin == "hf://org/mine@1"
    assert catalogue.by_origin("hf://org/mine@1") == again == catalogue.find("mine")
    assert catalogue.manifests("mine", model.revision) == [sha(8)]


def test_a_repo_without_main_is_not_listed(catalogue: Catalogue) -> None:
    model = catalogue.commit(card(), branch="trial")
    assert catalogue.summaries() == catalogue.search("mine") == []
    assert catalogue.find("mine") is None
    assert catalogue.find("mine", "trial") == model
    head = catalogue.commit(card(), update=True)
    assert catalogue.summaries() == [head.summary]
    assert catalogue.check() == []


def test_a_name_of_its_own(catalogue: Catalogue) -> None:
    model = catalogue.commit(card("theirs"), name="org/mine")
    assert (model.name, model.card.name) == ("org/mine", "theirs")
    assert catalogue.find("org/mine") == model
    assert catalogue.find("theirs") is None
    assert names(catalogue.search("theirs")) == ["org/mine"]


def test_the_text_of_a_card_made_elsewhere_is_kept(catalogue: Catalogue) -> None:
    theirs = encode(card()).replace(b'"summary"', b'"later field": 1,\n  "summary"')
    model = catalogue.commit(card(), zoo_json=theirs)
    assert model.revision != catalogue.commit(card(), name="ours").revision
    assert catalogue.find("mine") == model


def test_a_taken_name_is_refused(catalogue: Catalogue) -> None:
    catalogue.commit(card())
    with pytest.raises(ZooError, match="the name 'mine' is taken") as caught:
        catalogue.commit(card(summary="other"), stored=lambda files: pytest.fail("asked for files"))
    assert "--update" in caught.value.hint
    assert len(catalogue.history("mine")) == 1


@pytest.mark.parametrize("change", [{"name": "a--b"}, {"branch": "abcdef0"}, {"branch": "a/b"}])
def test_bad_names_change_nothing(catalogue: Catalogue, change: dict[str, str]) -> None:
    with pytest.raises(ZooError):
        catalogue.commit(card(), **change)  # type: ignore[arg-type]
    assert catalogue.count() == 0


def test_files_are_checked_before_anything_is_inserted(catalogue: Catalogue) -> None:
    def gone(files: Sequence[FileEntry]) -> None:
        seen.extend(files)
        assert catalogue.find("mine") is None
        raise RuntimeError("gone")

    seen: list[FileEntry] = []
    with pytest.raises(RuntimeError, match="gone"):
        catalogue.commit(card(files=(1, 2)), stored=gone)
    assert [file.path for file in seen] == ["file-1", "file-2"]
    assert catalogue.count() == 0
    catalogue.commit(card())
    assert catalogue.count() == 1


def test_an_ambiguous_beginning_names_both(catalogue: Catalogue) -> None:
    seen: dict[str, Card] = {}
    for number in itertools.count():  # two of some 20,000 begin alike
        one = card(summary=str(number))
        start = revision_of(one)[:7]
        if start in seen:
            break
        seen[start] = one
    two = [catalogue.commit(card, update=True).revision for card in (seen[start], one)]
    with pytest.raises(ZooError, match=f"mine has several revisions that begin with '{start}'") as caught:
        catalogue.find("mine", start)
    assert all(revision[:16] in caught.value.hint for revision in two)


def test_children(catalogue: Catalogue) -> None:
    parent = catalogue.commit(card())
    short = catalogue.commit(card("short", parent=f"mine@{parent.revision[:7]}"))
    full = catalogue.commit(card("full", parent=f"hf://org/mine@{parent.revision}"))
    catalogue.commit(card("other", parent=f"mine@{sha(3)}"))
    catalogue.commit(card("path", parent="./model@home.keras"))
    assert catalogue.children(parent.revision) == [short, full]


def test_all_revisions_are_read_in_batches(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.catalogue.lookup.BATCH", 2)
    mine = [catalogue.commit(card(summary=str(n)), update=True) for n in range(3)]
    other = catalogue.commit(card("other"))
    assert list(catalogue.all_models()) == [*mine, other]
    assert list(catalogue.all_models("mine")) == mine


# Tags and signatures


def test_tags_stay_unless_moved(catalogue: Catalogue) -> None:
    first = catalogue.commit(card())
    second = catalogue.commit(card(summary="better"), update=True)
    catalogue.tag("mine", "v1", first.revision[:8])
    catalogue.tag("mine", "v1", first.revision)
    with pytest.raises(ZooError) as caught:
        catalogue.tag("mine", "v1", "main")
    assert caught.value.message == (
        f"mine has a tag 'v1' already: it names {first.revision[:12]}, not {second.revision[:12]}"
    )
    assert "--move" in caught.value.hint
    assert catalogue.find("mine", "v1") == first
    catalogue.tag("mine", "v1", "main", move=True, manifest=sha(6))
    assert catalogue.find("mine", "v1") == second
    assert catalogue.live([sha(6)]) == {sha(6)}
    assert catalogue.labels("mine")[1] == Label("v1", "tag", second.revision)


def test_tags_and_branches_do_not_mix(catalogue: Catalogue) -> None:
    model = catalogue.commit(card())
    catalogue.tag("mine", "v1", "main")
    with pytest.raises(ZooError, match="mine has a branch 'main': it cannot be a tag as well"):
        catalogue.tag("mine", "main", model.revision)
    with pytest.raises(ZooError, match="mine has a tag 'v1': it cannot be a branch as well"):
        catalogue.commit(card(summary="x"), branch="v1", update=True)


def test_tags_of_what_is_not_there(catalogue: Catalogue) -> None:
    model = catalogue.commit(card())
    with pytest.raises(ZooError, match="no model is named 'mime'") as caught:
        catalogue.tag("mime", "v1", "main")
    assert caught.value.hint == "did you mean mine?"
    with pytest.raises(ZooError, match="mine has no revision 'abcdef0'") as caught:
        catalogue.tag("mine", "v1", "abcdef0")
    assert model.revision[:12] in caught.value.hint
    with pytest.raises(ZooError, match="could be taken for a commit"):
        catalogue.tag("mine", "abcdef0", "main")


def test_signatures(catalogue: Catalogue) -> None:
    model = catalogue.commit(card())
    for number in (9, 7, 9):
        catalogue.sign("mine", model.revision, sha(number))
    assert catalogue.signatures("mine", "main") == [sha(7), sha(9)]
    with pytest.raises(ZooError, match="no model is named 'other'"):
        catalogue.sign("other", model.revision, sha(9))


# Removal and garbage


def test_removing_a_repo_tells_what_nobody_needs(catalogue: Catalogue) -> None:
    model = catalogue.commit(card(files=(1, 2)), manifest=sha(5))
    catalogue.commit(card("other", files=(2, 3)), manifest=sha(4))
    catalogue.tag("mine", "v1", "main", manifest=sha(6))
    catalogue.sign("mine", "v1", sha(7))
    held = {model.revision, *map(sha, (1, 5, 6, 7))}
    assert catalogue.live(held | {sha(2), sha(99)}) == held | {sha(2)}
    assert catalogue.remove("mine") == held
    assert catalogue.live(held | {sha(2)}) == {sha(2)}
    assert names(catalogue.summaries()) == names(catalogue.search("image")) == ["other"]
    assert catalogue.labels("mine") == catalogue.history("mine") == catalogue.summaries(tag="mine") == []
    assert catalogue.check() == []
    catalogue.commit(card())


def test_removing_the_head_shows_the_one_before(catalogue: Catalogue) -> None:
    first = catalogue.commit(card(tags=("old",)), text="elephant")
    second = catalogue.commit(card(tags=("new",), files=(2,)), text="giraffe", update=True)
    catalogue.tag("mine", "v1", first.revision)
    catalogue.tag("mine", "v2", second.revision)
    assert catalogue.remove("mine", "main") == {second.revision, sha(2)}
    assert catalogue.summaries() == catalogue.summaries(tag="old") == catalogue.search("eleph") == [first.summary]
    assert catalogue.summaries(tag="new") == catalogue.search("giraffe") == []
    assert catalogue.labels("mine") == [Label("main", "branch", first.revision), Label("v1", "tag", first.revision)]
    assert catalogue.check() == []


def test_removing_from_the_middle_closes_the_gap(catalogue: Catalogue) -> None:
    first, second, third = (catalogue.commit(card(summary=str(n)), update=True, created=n) for n in range(3))
    catalogue.remove("mine", second.revision)
    assert catalogue.history("mine") == [
        Entry(first.revision, None, 0, ""),
        Entry(third.revision, first.revision, 2, ""),
    ]
    assert catalogue.find("mine") == third


def test_removing_the_last_of_a_branch_removes_the_branch(catalogue: Catalogue) -> None:
    catalogue.commit(card())
    trial = catalogue.commit(card(summary="trial"), branch="trial", update=True)
    catalogue.remove("mine", "trial")
    assert names(catalogue.labels("mine")) == ["main"]
    trial = catalogue.commit(card(summary="trial"), branch="trial", update=True)
    catalogue.remove("mine", "main")
    assert catalogue.summaries() == []
    assert names(catalogue.labels("mine")) == ["trial"]
    assert catalogue.check() == []
    assert trial.revision in catalogue.remove("mine", "trial")
    assert catalogue.count() == 0


def test_removing_what_is_not_there(catalogue: Catalogue) -> None:
    with pytest.raises(ZooError, match="no model is named 'mine'"):
        catalogue.remove("mine")
    catalogue.commit(card())
    with pytest.raises(ZooError, match="mine has no revision 'v9'"):
        catalogue.remove("mine", "v9")


def test_nothing_is_committed_while_it_is_held(catalogue: Catalogue, url: str) -> None:
    code = f"from registry.catalogue import Catalogue; Catalogue({url!r}).tag('mine', 'v1', 'main')"
    catalogue.commit(card())
    with catalogue.exclusive():
        other = subprocess.Popen([sys.executable, "-c", code])
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1.5)
        assert catalogue.live([sha(1), sha(2)]) == {sha(1)}
        assert names(catalogue.labels("mine")) == ["main"]
        catalogue.commit(card("second"))
    assert other.wait(20) == 0
    assert names(catalogue.labels("mine")) == ["main", "v1"]
    assert catalogue.count() == 2


# Lists


@pytest.fixture
def zoo(catalogue: Catalogue) -> Catalogue:
    """Five repos whose names, sizes and times are in different orders."""
    catalogue.commit(card("mnist-dnn", tags=("small", "digits"), files=(30,)), created=3)
    catalogue.commit(card("mnist-cnn", tags=("digits",), files=(20, 21)), created=5)
    catalogue.commit(card("Zebra", task="object-detection", tags=("small",), files=(10,)), created=1)
    catalogue.commit(card("org/mnist", task="", files=(5,)), created=4)
    catalogue.commit(card("audio_1", task="audio-classification", files=(50,)), created=2)
    return catalogue


def test_lists_are_sorted(zoo: Catalogue) -> None:
    assert names(zoo.summaries()) == ["Zebra", "audio_1", "mnist-cnn", "mnist-dnn", "org/mnist"]
    assert names(zoo.summaries(sort="updated", limit=3)) == ["mnist-cnn", "org/mnist", "mnist-dnn"]
    assert names(zoo.summaries(sort="size", limit=2)) == ["audio_1", "mnist-cnn"]
    assert names(zoo.summaries(sort="parameters", limit=2)) == ["Zebra", "audio_1"]
    with pytest.raises(ZooError, match="lists are not sorted by 'siz'") as caught:
        zoo.summaries(sort="siz")
    assert caught.value.hint == "did you mean size?"


@pytest.mark.parametrize("few", [0, 2000])
def test_lists_are_filtered(zoo: Catalogue, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.catalogue.listing.FEW", few)  # both ways to sort what has a keyword
    images = "image-classification"
    assert names(zoo.summaries(task=images)) == ["mnist-cnn", "mnist-dnn"]
    assert names(zoo.summaries(task="")) == ["org/mnist"]
    assert names(zoo.summaries(tag="small")) == ["Zebra", "mnist-dnn"]
    assert names(zoo.summaries(tag="small", limit=1)) == ["Zebra"]
    assert names(zoo.summaries(tag="small", sort="updated")) == ["mnist-dnn", "Zebra"]
    assert names(zoo.summaries(tag="digits", task=images, sort="size")) == ["mnist-cnn", "mnist-dnn"]
    assert names(zoo.summaries("m*", tag="digits", task=images, sort="updated", limit=1)) == ["mnist-cnn"]
    assert names(zoo.summaries("*-d*", tag="digits")) == ["mnist-dnn"]
    assert zoo.summaries(tag="sma") == zoo.summaries(tag="small", task="nothing") == zoo.summaries("small") == []


PATTERNS = ["*", "mnist*", "*mnist", "mnist-dnn", "Mnist*", "mnist-?nn", "*[!a-m]", "[Z]*", "[!Z]*", "*_*", "%", "o*/*"]
PATTERNS += [
    "[",
    "[]",
    "[!]",
    "mnist-[a-c]nn",
    "[]-a]*",
    "*.*",
    "***1",
    "\\*",
    "",
    "?*",
    "[a-z]*[0-9]",
    "é*",
    "mnist-[",
    "^m*",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_mean_what_they_mean_in_the_shell(zoo: Catalogue, pattern: str) -> None:
    every = names(zoo.summaries())
    assert names(zoo.summaries(pattern)) == [name for name in every if fnmatchcase(name, pattern)]
    assert names(zoo.summaries(pattern, tag="small")) == [
        name for name in names(zoo.summaries(tag="small")) if fnmatchcase(name, pattern)
    ]


@given(st.text("ab-z*?[]!^.A/", max_size=8), st.text(ALPHABET, min_size=1, max_size=6))
def test_translated_patterns_match_the_same_names(pattern: str, name: str) -> None:
    expected = fnmatchcase(name, pattern)
    glob, regex = to_glob(pattern), to_regex(pattern)
    with sqlite3.connect(":memory:") as database:
        assert bool(glob is not None and database.execute("SELECT ? GLOB ?", (name, glob)).fetchone()[0]) == expected
    assert bool(regex is not None and re.search(regex, name)) == expected


def test_odd_tags_come_and_go(catalogue: Catalogue) -> None:
    odd = ("", "a\nb", "a", "a", "\0", "é\u200b", "b c", "'%_")
    for number in range(3):
        catalogue.commit(card(task="x\0y", tags=odd[number:], summary=str(number)), update=True)
    for tag in odd[2:]:
        assert names(catalogue.summaries(tag=tag)) == ["mine"], tag
    assert names(catalogue.summaries(task="x\0y")) == ["mine"]
    assert catalogue.summaries(tag="a\nb") == catalogue.summaries(tag="%") == []
    catalogue.remove("mine")
    assert all(catalogue.summaries(tag=tag) == [] for tag in odd)


def test_what_no_database_takes_is_not_found(catalogue: Catalogue) -> None:
    catalogue.commit(card())
    for text in ("\udcff", "\0", "mine\0", "\n"):
        assert catalogue.summaries(text) == catalogue.summaries(tag=text) == catalogue.search(f"none{text}") == []
        assert catalogue.find(text) is catalogue.find("mine", text) is catalogue.by_origin(text) is None
        assert catalogue.nearby(text) == ["mine"]


# Search


def test_every_word_begins_a_word_of_the_model(catalogue: Catalogue) -> None:
    catalogue.commit(card("mobilenetv2-flowers", "Recognises Tulips", tags=("edge-device",), classes=("rose", "lily")),
                     text="# Readme\n\nTrained in the *Café*, x_y 1e5")  # fmt: skip
    catalogue.commit(card("other"))
    for query in ("mobilenet", "MOBILENETV2", "flow tul", "tulips recognises", "edge dev", "edge-device", "lil rose",
                  "image class", "apache", "cafe", "CAFÉ", "y x", "1e5", "mobilenetv2-flowers"):  # fmt: skip
        assert "mobilenetv2-flowers" in names(catalogue.search(query)), query
    for query in ("bilenet", "tulips nothing", "", "  ", "*", "'", '"', "&|!", "%", "\0", "OR", "name:other", "b:*"):
        assert catalogue.search(query) == [], query
    assert names(catalogue.search("apache", limit=1)) == ["other"]


def test_what_is_called_so_comes_first(catalogue: Catalogue) -> None:
    catalogue.commit(card("digits"), created=1)
    catalogue.commit(card("digits-large"), created=2)
    catalogue.commit(card("tagged", tags=("digits",)), created=3)
    catalogue.commit(card("digitsnet"), created=4)
    catalogue.commit(card("mentions", "knows digits"), created=5)
    assert names(catalogue.search("digits")) == ["digits", "digits-large", "digitsnet", "tagged", "mentions"]


def test_a_beginning_of_few_and_of_many_words(catalogue: Catalogue) -> None:
    catalogue.load((card(f"model-{number}", f"numbered{number}"), "") for number in range(60))
    for query, count in (("numb", 60), ("numbered", 60), ("numbered5", 11), ("numbered55", 1), ("numbered555", 0)):
        assert len(catalogue.search(query, limit=100)) == count, query


def test_many_hits_do_not_hide_the_name(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.catalogue.search.CANDIDATES", 3)
    for number in range(9):
        catalogue.commit(card(f"digits-{number}" if number else "digits"), created=number)
    assert names(catalogue.search("digits", limit=3)) == ["digits", "digits-8", "digits-7"]


def test_search_follows_the_head(catalogue: Catalogue) -> None:
    catalogue.commit(card(summary="giraffe"))
    catalogue.commit(card(summary="elephant"), update=True)
    assert catalogue.search("giraffe") == []
    assert names(catalogue.search("elephant")) == ["mine"]
    assert catalogue.check() == []


def test_a_long_text_is_cut(catalogue: Catalogue) -> None:
    catalogue.commit(card(summary="summary"), text=" ".join(f"w{n}" for n in range(5000)) + " " + "x" * 5000)
    assert names(catalogue.search("summary w500")) == ["mine"]
    assert catalogue.search("w4999") == []


def test_near_names(catalogue: Catalogue) -> None:
    for name in ("mobilenet-v2", "mobilenet-v1", "audio-mnist", "resnet", "zebra", "mobilenet-x"):
        catalogue.commit(card(name))
    assert sorted(catalogue.nearby("x")) == names(catalogue.summaries())
    for wrong, right in (("mobilnet-v2", "mobilenet-v2"), ("ersnet", "resnet"), ("mnist", "audio-mnist")):
        assert right in catalogue.nearby(wrong, most=5)
    assert len(catalogue.nearby("mobilenet", most=4)) <= 4


# Databases


def test_looking_creates_nothing(url: str, tmp_path: Path) -> None:
    catalogue = Catalogue(url)
    assert catalogue.summaries() == [] and catalogue.find("mine") is None and catalogue.check() == []
    catalogue.close()
    assert list(tmp_path.glob("state")) == []
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_both_databases_at_once(tmp_path: Path, postgres: str) -> None:
    two = (Catalogue(tmp_path / "catalogue.db"), Catalogue(postgres))
    for catalogue in two:
        catalogue.commit(card())
    assert two[0].find("mine") is not None and two[1].find("mine") is not None
    two[1].close()


@pytest.mark.parametrize("url", ["catalogue.db", "postgresql://nobody@127.0.0.1:1/x"])
def test_sqlite_does_without_the_driver_of_postgresql(url: str, tmp_path: Path) -> None:
    code = f"import sys; from registry.catalogue import Catalogue; Catalogue({url!r}); print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(url.startswith("postgresql"))


def test_a_file_that_is_no_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    path.write_bytes(b"this is no database" * 100)
    for use in (Catalogue(path).summaries, lambda: Catalogue(path).commit(card())):
        with pytest.raises(
            ZooError, match=r"the catalogue .*catalogue\.db cannot be used: file is not a database"
        ) as caught:
            use()
        assert caught.value.hint == "zoo doctor --rebuild makes it anew from the stored files"


def test_a_damaged_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = Catalogue(path)
    catalogue.load((card(f"model-{number}"), "") for number in range(300))
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    with pytest.raises(ZooError, match="database disk image is malformed") as caught:
        catalogue.summaries()
    assert caught.value.hint == "zoo doctor --rebuild makes it anew from the stored files"
    with pytest.raises(ZooError, match="cannot be used") as caught:
        catalogue.check()


def test_a_lost_index_row_is_found_by_the_check(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.db")
    catalogue.commit(card())
    with sqlite3.connect(tmp_path / "catalogue.db") as database:
        database.execute("DELETE FROM texts_data WHERE id > 10")
        database.execute("DELETE FROM commits")
    problems = catalogue.check()
    assert any("a row of files refers to a row of commits that is gone" in problem for problem in problems)
    assert any("the full-text index is damaged" in problem for problem in problems)
    assert "'main' of mine names a revision that is not there" in problems


def test_another_programs_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalogue.db") as database:
        database.execute("CREATE TABLE songs (title)")
    with pytest.raises(ZooError, match="it is another program's database, with the tables songs"):
        Catalogue(tmp_path / "catalogue.db").commit(card())


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(ZooError, match="cannot create the folder"):
        Catalogue(tmp_path / "state" / "catalogue.db").commit(card())


def test_a_full_disk(tmp_path: Path) -> None:
    code = f"""
import resource
from registry.catalogue import Catalogue
from registry.card import Card
from registry.errors import ZooError
catalogue = Catalogue({str(tmp_path / "catalogue.db")!r})
catalogue.commit(Card("a", "keras", "w"))
resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19))
try:
    catalogue.load((Card(f"model-{{number}}", "keras", "w"), "") for number in range(3000))
except ZooError as error:
    print(error.message, error.hint)
print(catalogue.count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.search(
        r"the catalogue .*catalogue\.db cannot be used: (disk I/O error|database or disk is full)", done.stdout
    )
    assert "on a disk with space" in done.stdout
    assert done.stdout.splitlines()[-1] == "1"


@pytest.fixture
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A catalogue in a folder that its reader cannot write to; root reads it as another user."""
    folder = Path(tempfile.mkdtemp(prefix="zoo-read-only-"))
    Catalogue(folder / "catalogue.db").commit(card())
    folder.chmod(0o555)
    (folder / "catalogue.db").chmod(0o444)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


READ = """
import os
from registry.catalogue import Catalogue, changes, lookup, search, sqlite
from registry.card import Card
from registry.errors import ZooError
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)  # the code is loaded, which this user could perhaps not read
catalogue = Catalogue({path!r})
print([line.name for line in catalogue.summaries() + catalogue.search("mine")], catalogue.check())
try:
    catalogue.commit(Card("more", "keras", "w"))
except ZooError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize("folder_too", [True, False])
def test_a_read_only_catalogue_can_be_read(locked: Path, folder_too: bool) -> None:
    if not folder_too:
        locked.chmod(0o777)
    code = READ.format(path=str(locked / "catalogue.db"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    first, second, *_ = done.stdout.splitlines() or [done.stderr, ""]
    assert first == "['mine', 'mine'] []"
    assert second.startswith(
        f"the catalogue {locked}/catalogue.db cannot be written: the file or its folder is read-only"
    )
    assert "set ZOO_HOME" in second


# A server that fails


def test_a_server_that_is_not_there() -> None:
    url = f"postgresql://me:secret@127.0.0.1:{free_port()}/zoo?connect_timeout=2"
    with pytest.raises(ZooError, match=r"cannot be reached: .*Connection refused") as caught:
        Catalogue(url).summaries()
    assert re.match(r"the catalogue postgresql://me@127\.0\.0\.1:\d+/zoo cannot be reached", caught.value.message)
    assert "secret" not in caught.value.message + caught.value.hint


def test_a_wrong_password_is_not_repeated(postgres: str) -> None:
    import psycopg

    place = postgres.partition("@")[2]
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
    with pytest.raises(ZooError, match=r"cannot be reached: .*database \"nowhere\" does not exist") as caught:
        Catalogue(f"postgresql://guest:p%40ss@{place.partition('/')[0]}/nowhere").summaries()
    assert "p%40ss" not in caught.value.message and "p@ss" not in caught.value.message
    assert "user, password and database" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:sec%ret@host:port/x", "postgresql://me:secret@[::1/x", "postgresql://?port=x&password=secret"],
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ZooError) as caught:
        Catalogue(url).summaries()
    assert "cannot be reached" in caught.value.message
    assert "sec" not in caught.value.message


def test_a_user_who_may_not_write(postgres: str) -> None:
    import psycopg

    owner = Catalogue(postgres)
    owner.commit(card())
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    reader = Catalogue(postgres.replace("zoo@", "reader@"))
    assert names(reader.summaries()) == ["mine"]
    with pytest.raises(ZooError, match="cannot be used: permission denied for table") as caught:
        reader.commit(card("more"))
    assert "may this user" in caught.value.hint
    assert names(reader.search("mine")) == ["mine"]
    for catalogue in (owner, reader):
        catalogue.close()


def test_a_lost_connection_is_opened_again(postgres: str) -> None:
    import psycopg

    catalogue = Catalogue(postgres)
    catalogue.commit(card())
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(ZooError, match="terminating connection"):
        catalogue.summaries()
    assert names(catalogue.summaries()) == ["mine"]
    catalogue.close()
