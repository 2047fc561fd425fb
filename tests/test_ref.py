from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from registry.ref import Ref, check_label, check_name

segments = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,15}[A-Za-z0-9])?", fullmatch=True).filter(
    lambda text: "--" not in text and ".." not in text and not text.endswith(".git")
)
revisions = st.none() | segments
files = st.just("") | st.lists(segments, min_size=1, max_size=3).map("/".join)


def names(*counts: int) -> st.SearchStrategy[str]:
    return st.sampled_from(counts).flatmap(
        lambda count: st.lists(segments, min_size=count, max_size=count).map("/".join)
    )


refs = st.one_of(
    st.builds(Ref, names(1, 2), revisions),
    st.builds(Ref, names(2), revisions, st.just("hf"), files),
    st.builds(Ref, names(1), revisions, st.just("hf")),
    st.builds(Ref, names(2).map("hub.example.org:8000/{}".format), revisions, st.just("https"), files),
    st.builds(Ref, names(4), revisions, st.just("kaggle"), files),
    st.builds(Ref, names(1, 2, 3).map("localhost:5000/{}".format), revisions, st.just("oci")),
    st.builds(Ref, names(2, 3), revisions, st.just("s3")),
    st.builds(Ref, names(1).map("https://tfhub.dev/google/{}/4".format), st.none(), st.just("tfhub")),
)


@given(refs)
def test_printing_and_parsing_are_inverse(ref: Ref) -> None:
    assert Ref.parse(str(ref)) == ref


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_an_error(text: str) -> None:
    try:
        ref = Ref.parse(text)
    except ZooError:
        return
    assert Ref.parse(str(ref)) == ref


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf://org/name@refs-pr-1/a/b.h5", Ref("org/name", "refs-pr-1", "hf", "a/b.h5")),
        ("hf://org/name/file.h5", Ref("org/name", None, "hf", "file.h5")),
        ("hf://gpt2", Ref("gpt2", None, "hf")),
        ("kaggle://google/mobilenet-v2/tensorFlow2/035-96-feature-vector@2",
         Ref("google/mobilenet-v2/tensorFlow2/035-96-feature-vector", "2", "kaggle")),
        ("tfhub://https://tfhub.dev/google/imagenet/mobilenet_v2_035_96/feature_vector/5",
         Ref("https://tfhub.dev/google/imagenet/mobilenet_v2_035_96/feature_vector/5", None, "tfhub")),
        ("oci://localhost:5000/a/b:v1", Ref("localhost:5000/a/b", "v1", "oci")),
        ("oci://host/a@sha256:" + "0" * 64, Ref("host/a", "sha256:" + "0" * 64, "oci")),
        ("http://127.0.0.1:8000/org/name", Ref("127.0.0.1:8000/org/name", None, "http")),
        ("s3://bucket/models/name@v2", Ref("bucket/models/name", "v2", "s3")),
        ("team/digits@v1", Ref("team/digits", "v1")),
    ],
)  # fmt: skip
def test_places(text: str, expected: Ref) -> None:
    assert Ref.parse(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("path", ["./a.keras", "/a/b", "../x", "~/m", "file:a.keras"])
def test_paths(path: str) -> None:
    ref = Ref.parse(path)
    assert ref.source == "file"
    assert Ref.parse(str(ref)) == ref


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no model name: expected 1 to 96 letters, digits, '.', '_' or '-', a letter"),
        ("a b", "got 'a b'"),
        ("-x", "got '-x'"),
        ("a" * 97, "expected 1 to 96"),
        ("a//b", "got ''"),
        ("a/../b", "got '..'"),
        ("name@", "nothing follows the @"),
        ("H F://x", "'H F' is no source's name"),
        ("file:", "names no path"),
        ("a/b/c", "it has 3 segments, expected NAME or OWNER/NAME"),
        ("a--b", "holds '--' or '..' or ends in '.git'"),
        ("a.git", "holds '--' or '..' or ends in '.git'"),
        ("a-", "a letter or digit at both ends; got 'a-'"),
        ("hf://a/b/../c", "leaves the model's folder"),
        ("hf://a/b@", "nothing follows the @"),
        ("kaggle://google/mobilenet", "has 2 of 4 segments"),
        ("https://hub.example.org/name", "has 2 of 3 segments"),
        ("oci://host", "expected a host and a repository"),
        ("oci://host/a:", "nothing follows the :"),
        ("oci://host/../a", "got '..'"),
        ("tfhub://", "names no path"),
    ],
)
def test_bad_references(text: str, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        Ref.parse(text)
    assert message in caught.value.message


def test_new_names_and_labels() -> None:
    assert check_name("my-digits") == "my-digits"
    assert check_name("org/name") == "org/name"
    assert check_label("v1.2") == "v1.2"
    for bad, message in {"a/b": "no name for a tag or branch", "": "no name", "abcdef0": "taken for a commit"}.items():
        with pytest.raises(ZooError, match=message):
            check_label(bad)
    with pytest.raises(ZooError, match="expected 1 to 96 characters, got 97"):
        check_name("a" * 48 + "/" + "b" * 48)
