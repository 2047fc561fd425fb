"""What a user or a team forbids itself: `policy.toml` in `$ZOO_HOME`.

::

    [trust]
    require-signature = true
    public-keys = ["keys/team.pub"]     # relative to the policy file
    allow-unsafe = false                # forbids --allow-unsafe

Every key may be left out. A policy that cannot be understood is an error, never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import ZooError, near
from registry.home import Home

TABLE = "trust"
KEYS = {"require-signature": "true or false", "public-keys": "a list of paths", "allow-unsafe": "true or false"}


@dataclass(frozen=True)
class Policy:
    """A policy; made without arguments, it forbids nothing.

    Attributes:
        require_signature: whether only models that one of `public_keys` signed are pulled, and only signed ones go out.
        public_keys: absolute paths.
        forbid_unsafe: whether `--allow-unsafe` is refused.
        path: the file that says so; None where there is none.
    """

    require_signature: bool = False
    public_keys: tuple[Path, ...] = ()
    forbid_unsafe: bool = False
    path: Path | None = None

    def check_unsafe(self, wanted: bool) -> None:
        """Refuse `--allow-unsafe` where the policy does; raises `ZooError`."""
        if wanted and self.forbid_unsafe:
            raise ZooError(f"the policy {self.path} forbids --allow-unsafe", "choose a format that runs no code")

    def check_publish(self, *, signed: bool, unsafe: bool) -> None:
        """Refuse to publish what nobody under the same policy could pull; raises `ZooError`."""
        self.check_unsafe(unsafe)
        if self.require_signature and not signed:
            raise ZooError(f"the policy {self.path} requires a signature", "publish it with --sign KEY")


def read(home: Home) -> Policy:
    """Read the policy of a home; without a file, nothing is forbidden.

    Raises:
        ZooError: the file cannot be read or understood.
    """
    path = home.policy
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Policy()
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"cannot read the policy {path}: {error}") from error
    import tomllib  # only where there is a policy

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ZooError(f"the policy {path} is no TOML: {error}") from error
    return _policy(document, path)


def _policy(document: Mapping[str, Any], path: Path) -> Policy:
    _check_keys(document, [TABLE], "table", path)
    table = document.get(TABLE, {})
    if not isinstance(table, dict):
        raise _wrong(path, TABLE, "a table, [trust]", table)
    _check_keys(table, KEYS, "key", path)
    required = _truth(table, "require-signature", False, path)
    keys = table.get("public-keys", [])
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        raise _wrong(path, "public-keys", KEYS["public-keys"], keys)
    if required and not keys:
        raise ZooError(f"the policy {path} requires signatures and names no public-keys: nothing could be pulled")
    places = tuple(path.parent.absolute() / Path(key).expanduser() for key in keys)
    return Policy(required, places, not _truth(table, "allow-unsafe", True, path), path)


def _check_keys(table: Mapping[str, Any], known: Any, what: str, path: Path) -> None:
    for name in table:
        if name not in known:
            raise ZooError(f"the policy {path} has an unknown {what} {name!r}", near(name, known))


def _truth(table: Mapping[str, Any], key: str, default: bool, path: Path) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise _wrong(path, key, KEYS[key], value)
    return value


def _wrong(path: Path, key: str, expected: str, got: object) -> ZooError:
    return ZooError(f"the policy {path} is wrong at {key!r}: expected {expected}, got {got!r}")
