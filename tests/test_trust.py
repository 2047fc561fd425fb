"""What may come in and go out, and whether bytes are those that were announced."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.digests import check
from registry.errors import ZooError
from registry.sources.remote import RemoteFile
from registry.trust import Kind, check_unpacked, choose, kind_of, refuse_unsafe

KINDS = {
    Kind.WEIGHTS: (
        "model.keras", "a/MODEL.H5", "w.hdf5", "model-00001-of-00002.safetensors", "m.onnx", "saved_model.pb",
        "m.tflite", "a.npz", "a.npy", "model.ckpt.meta", "model.ckpt.index", "model.ckpt.data-00000-of-00001",
        "folder/.meta", "folder/.data-00000-of-00001", "variables/variables.index", "keras_metadata.pb",
        "net.caffemodel", "mean.binaryproto", "group1-shard1of3.bin", "group1-shard1of1", "m.Q4_0.gguf",
        "ggml-model-q4.bin",
    ),
    Kind.DATA: (
        "README.md", "LICENSE", "LICENSE.apache", "Licence.txt", "NOTICE", "config.json", "zoo.json", "model.sig",
        "a.yaml", "a.YML", "labels.csv", "vocab.tsv", "bert.vocab", "spiece.model", "coco.labels", "a.png", "b.JPG",
        "net.prototxt", "net.prototxt.txt", "checkpoint", "assets/words", "x/assets/deep/er",
        "model.safetensors.index.json", "pytorch_model.bin.index.json",
    ),
    Kind.UNSAFE: (
        "m.pkl", "M.PICKLE", "m.pt", "m.pth", "m.pth.tar", "m.ckpt", "m.joblib", "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin", "optimizer.bin", "assets/x.pkl", "license.pkl", "variables/x.pt",
    ),
    Kind.PROGRAM: (
        "make.py", "a.PY", "lib.so", "lib.so.1", "x.sh", "n.ipynb", "a.dll", "LICENSE.py", "assets/x.py", "notice.exe",
        "model.js",
    ),
    Kind.HIDDEN: (".gitattributes", ".git/config", "a/.cache/m.keras", ".DS_Store", ".env", ".hidden.keras"),
    Kind.UNKNOWN: ("flax_model.msgpack", "a.xyz", "noending", "page.html", "m.keras.exe2", "a.zip"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in KINDS.items() for path in paths])
def test_what_a_file_is(kind: Kind, path: str) -> None:
    assert kind_of(path) is kind


def files(*paths: str) -> list[RemoteFile]:
    return [RemoteFile(path, archive=path.endswith(".tar.gz")) for path in paths]


def test_what_is_taken_and_why_others_are_left() -> None:
    listing = files("model.keras", "README.md", "model.pkl", "train.py", ".gitattributes", "x.xyz")
    choice = choose(listing)
    assert [file.path for file in choice.taken] == ["model.keras", "README.md"]
    assert choice.left == {
        "model.pkl": "can run code as it is read (pickle)",
        "train.py": "is a program",
        "x.xyz": "has a format that is not on the list",
    }
    assert [file.path for file in choose(listing, allow_unsafe=True).taken] == ["model.keras", "README.md", "model.pkl"]


def test_only_what_was_asked_for() -> None:
    choice = choose(files("a/model.h5", "model.h5", "README.md", ".git"), include=["a/*", "[x].h5"])
    assert [file.path for file in choice.taken] == ["a/model.h5"]
    assert choice.left == {
        "model.h5": "fits no pattern that was asked for",
        "README.md": "fits no pattern that was asked for",
    }
    assert [file.path for file in choose(files("[x].h5", "y.h5"), include=["[x].h5"]).taken] == ["[x].h5"]
    with pytest.raises(ZooError, match=r"none of the model's 2 files fits b/\* or \*\.pb") as caught:
        choose(files("a/model.h5", "model.h5"), include=["b/*", "*.pb"])
    assert caught.value.hint == "a/model.h5, model.h5"


def test_archives_are_taken_whatever_was_asked_for() -> None:
    choice = choose(files("model.tar.gz", "a.md"), include=["*.keras"])
    assert [file.path for file in choice.taken] == ["model.tar.gz"]


def test_a_model_of_pickles_alone_names_the_way() -> None:
    listing = files("pytorch_model.bin", "config.json", "modeling.py", ".gitattributes")
    with pytest.raises(ZooError) as caught:
        choose(listing)
    assert caught.value.message == (
        "the model has no weights that may be taken: "
        "pytorch_model.bin can run code as it is read (pickle); modeling.py is a program"
    )
    assert caught.value.hint == "if you trust who made pytorch_model.bin: --allow-unsafe"
    assert [file.path for file in choose(listing, allow_unsafe=True).taken] == ["pytorch_model.bin", "config.json"]


def test_nothing_at_all() -> None:
    with pytest.raises(ZooError, match=r"no weights that may be taken: run\.sh is a program") as caught:
        choose(files("run.sh"), allow_unsafe=True)
    assert caught.value.hint == ""
    with pytest.raises(ZooError, match=r"no weights that may be taken$"):
        choose([])


def test_texts_alone_are_a_model() -> None:
    assert choose(files("vocab.txt")).left == {}


@pytest.mark.parametrize(
    "path", ["../x.keras", "/etc/x.keras", "a/../../x.keras", "a\\b.keras", "", "a//b.h5", "a\n.h5"]
)
def test_hostile_paths(path: str) -> None:
    for refused in (
        lambda: choose(files("model.keras", path)),
        lambda: check_unpacked(["model.keras", path], False),
        lambda: refuse_unsafe(["model.keras", path], True),
    ):
        with pytest.raises(ZooError, match=r"the model is refused: the path .* leaves the model's folder"):
            refused()


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.h5", "a.h5"), ("A.h5", "a.h5"), ("m.h5", "m.h5/a.h5"), ("\u00e9.h5", "e\u0301.h5"), ("M.h5", "m.h5/x/a.h5")],
)
def test_paths_that_are_one(one: str, other: str) -> None:
    for pair in ((one, other), (other, one)):
        with pytest.raises(ZooError, match="cannot lie in the same folder"):
            choose(files("z.keras", *pair))


def test_what_came_out_of_an_archive() -> None:
    paths = ["saved_model.pb", "variables/variables.index", "assets/vocab", "assets/run.py", "._x", "w.pkl"]
    assert check_unpacked(paths, False) == {
        "assets/run.py": "is a program", "._x": "is hidden", "w.pkl": "can run code as it is read (pickle)",
    }  # fmt: skip
    assert set(check_unpacked(paths, True)) == {"assets/run.py", "._x"}
    with pytest.raises(ZooError, match=r"no weights that may be taken: w\.pkl can run code"):
        check_unpacked(["w.pkl", "README.md"], False)


def test_publishing() -> None:
    refuse_unsafe(["model.keras", "README.md", "zoo.json", "model.sig", "test.npz", "model.safetensors"], False)
    refuse_unsafe(["w.pkl"], True)
    with pytest.raises(ZooError) as caught:
        refuse_unsafe(["model.keras", "w.pkl"], False)
    assert caught.value.message == "this cannot be published: w.pkl can run code as it is read (pickle)"
    assert caught.value.hint == "if you trust who made w.pkl: --allow-unsafe"
    with pytest.raises(ZooError, match=r"\.env is hidden; a\.py is a program") as caught:
        refuse_unsafe([".env", "a.py", "model.keras"], True)
    assert caught.value.hint == "leave them out"
    with pytest.raises(ZooError, match=r"p4\.py is a program; and 15 more"):
        refuse_unsafe([f"p{n}.py" for n in range(20)], False)


@given(st.lists(st.text(alphabet="aA./é-pyklh5", min_size=1, max_size=12), max_size=6), st.booleans())
def test_what_is_taken_is_always_allowed(paths: list[str], allow_unsafe: bool) -> None:
    try:
        choice = choose(files(*paths), allow_unsafe=allow_unsafe)
    except ZooError:
        return
    good = {Kind.WEIGHTS, Kind.DATA} | ({Kind.UNSAFE} if allow_unsafe else set())
    assert {kind_of(file.path) for file in choice.taken} <= good
    assert {file.path for file in choice.taken}.isdisjoint(choice.left)


CONTENT = b"weights"
DIGESTS = {
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "git-sha1": hashlib.sha1(b"blob 7\0" + CONTENT).hexdigest(),
    "md5": hashlib.md5(CONTENT).hexdigest(),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_digests(file: Path, algorithm: str) -> None:
    digest = DIGESTS[algorithm]
    check(file, f"{algorithm}:{digest}", 7)
    check(file, f"{algorithm}:{digest.upper()}", None)
    check(file, "", None)
    wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    with pytest.raises(ZooError) as caught:
        check(file, f"{algorithm}:{wrong}", 7)
    assert caught.value.message == (
        f"w.bin is not what its source announced: expected {algorithm} {wrong}, got {digest}"
    )


def test_sizes(file: Path) -> None:
    with pytest.raises(ZooError, match=r"w\.bin is not what its source announced: expected 8 bytes, got 7"):
        check(file, "", 8)


@pytest.mark.parametrize(
    ("digest", "message"),
    [
        ("crc32:12345678", "expected one of sha256, git-sha1, md5"),
        ("abc", "'abc' is no digest that can be checked"),
        ("sha256:", "expected 64 hexadecimal digits after sha256:"),
        ("sha256:" + "g" * 64, "expected 64 hexadecimal digits"),
        ("md5:" + "0" * 31, "expected 32 hexadecimal digits"),
    ],
)
def test_no_digest(file: Path, digest: str, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        check(file, digest, None)
    assert message in caught.value.message


def test_gits_own_names(file: Path) -> None:
    file.write_bytes(b"")
    check(file, "git-sha1:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 0)
