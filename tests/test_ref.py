from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from registry.ref import Ref, check_name

segments = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
names = st.lists(segments, min_size=1, max_size=3).map("/".join)
sources = st.sampled_from(["", "hf", "kaggle", "tfhub", "oci"])


@given(names, st.none() | segments, sources)
def test_printing_and_parsing_are_inverse(name: str, revision: str | None, source: str) -> None:
    ref = Ref(name, revision, source)
    assert Ref.parse(str(ref)) == ref


@pytest.mark.parametrize("path", ["./a.keras", "/a/b", "../x", "~/m", "file:a.keras"])
def test_paths(path: str) -> None:
    ref = Ref.parse(path)
    assert ref.source == "file"
    assert Ref.parse(str(ref)) == ref


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no model name: expected 1 to 96 letters, digits, '.', '_' or '-', got ''"),
        ("a b", "got 'a b'"),
        ("-x", "got '-x'"),
        ("a" * 97, "expected 1 to 96"),
        ("a//b", "got ''"),
        ("a/../b", "got '..'"),
        ("name@", "nothing follows the @"),
        ("H F://x", "'H F' is no source's name"),
        ("file:", "names no path"),
    ],
)
def test_bad_references(text: str, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        Ref.parse(text)
    assert message in caught.value.message


def test_a_new_name_has_no_slash() -> None:
    assert check_name("my-digits") == "my-digits"
    with pytest.raises(ZooError, match="is no model name"):
        check_name("org/name")
