from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import ZooError
from registry.home import Home
from registry.policy import Policy, read


def policy(home: Path, text: str) -> Policy:
    home.mkdir(exist_ok=True)
    (home / "policy.toml").write_text(text, encoding="utf-8")
    return read(Home(home))


def test_without_a_file_nothing_is_forbidden(zoo_home: Path) -> None:
    assert read(Home(zoo_home)) == Policy()
    assert not zoo_home.exists()
    Policy().check_unsafe(True)
    Policy().check_publish(signed=False, unsafe=True)


def test_a_whole_policy(zoo_home: Path) -> None:
    found = policy(
        zoo_home, '[trust]\nrequire-signature = true\npublic-keys = ["keys/a.pub", "/b.pub"]\nallow-unsafe = false'
    )
    assert found == Policy(True, (zoo_home / "keys/a.pub", Path("/b.pub")), True, zoo_home / "policy.toml")


@pytest.mark.parametrize("text", ["", "[trust]", "[trust]\nallow-unsafe = true\nrequire-signature = false", "# none"])
def test_policies_that_forbid_nothing(zoo_home: Path, text: str) -> None:
    assert policy(zoo_home, text) == Policy(path=zoo_home / "policy.toml")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[trust", "is no TOML: Expected ']'", ""),
        ("[trsut]", "has an unknown table 'trsut'", "did you mean trust?"),
        ("[trust]\nrequire-signatures = true", "has an unknown key 'require-signatures'", "require-signature?"),
        (
            "[trust]\nrequire_signature = true",
            "has an unknown key 'require_signature'",
            "did you mean require-signature?",
        ),
        ("[trust]\nallow-unsafe = 'no'", "is wrong at 'allow-unsafe': expected true or false, got 'no'", ""),
        ("[trust]\nrequire-signature = 1", "is wrong at 'require-signature': expected true or false, got 1", ""),
        ("[trust]\npublic-keys = 'a'", "is wrong at 'public-keys': expected a list of paths, got 'a'", ""),
        ("[trust]\npublic-keys = [1]", "expected a list of paths, got [1]", ""),
        ("trust = 3", "is wrong at 'trust': expected a table, [trust], got 3", ""),
        ("[trust]\nrequire-signature = true", "names no public-keys: nothing could be pulled", ""),
    ],
)
def test_a_policy_that_is_not_understood(zoo_home: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ZooError) as caught:
        policy(zoo_home, text)
    assert f"the policy {zoo_home / 'policy.toml'}" in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_policy_that_cannot_be_read(zoo_home: Path) -> None:
    (zoo_home / "policy.toml").mkdir(parents=True)
    with pytest.raises(ZooError, match=r"cannot read the policy .*policy\.toml: .*Is a directory"):
        read(Home(zoo_home))
    (zoo_home / "policy.toml").rmdir()
    (zoo_home / "policy.toml").write_bytes(b"\xff")
    with pytest.raises(ZooError, match=r"cannot read the policy .*: 'utf-8' codec"):
        read(Home(zoo_home))


STRICT = Policy(True, (Path("/k.pub"),), True, Path("/z/policy.toml"))


def test_what_a_strict_policy_says() -> None:
    STRICT.check_unsafe(False)
    STRICT.check_publish(signed=True, unsafe=False)
    with pytest.raises(ZooError, match=r"^the policy /z/policy\.toml forbids --allow-unsafe$"):
        STRICT.check_unsafe(True)
    with pytest.raises(ZooError, match=r"requires a signature$") as caught:
        STRICT.check_publish(signed=False, unsafe=False)
    assert caught.value.hint == "publish it with --sign KEY"
    with pytest.raises(ZooError, match="forbids --allow-unsafe"):
        STRICT.check_publish(signed=True, unsafe=True)
