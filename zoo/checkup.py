"""`zoo doctor`: looks at everything that a command needs, and says what to do about what is wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from registry import policy
from registry.card import CARD_FILE
from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf
from zoo.output import count, size

EXTRAS = {"kaggle": "kagglehub", "oci": "oras", "postgres": "psycopg", "s3": "s3fs", "sign": "model_signing"}
LITTLE_SPACE = 2**30


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: `ok`, or a `hint` of what to do."""

    name: str
    ok: bool
    found: str
    hint: str = ""


def checkup() -> list[Check]:
    """Look at the home, the catalogue, the stored files, the policy and the extras."""
    shelf = Shelf()

    def made(*checks: Callable[[Shelf], Iterator[Check]]) -> list[Check]:
        return [found for check in checks for found in _safely(check, shelf)]

    catalogue = made(_catalogue)
    stored = made(_files, _leftovers) if all(check.ok for check in catalogue) else []
    return [*made(_home, _space), *catalogue, *stored, *made(_policy, _extras)]


def _safely(check: Callable[[Shelf], Iterator[Check]], shelf: Shelf) -> Iterator[Check]:
    try:
        yield from check(shelf)
    except ZooError as error:
        yield Check(check.__name__.strip("_"), False, error.message, error.hint)


def _home(shelf: Shelf) -> Iterator[Check]:
    root = shelf.home.root
    if not root.exists():
        yield Check("home", True, f"{root} (made when it is needed)")
        return
    writable = root.is_dir() and os.access(root, os.W_OK)
    yield Check(
        "home", writable, str(root) + ("" if writable else " cannot be written"), "set ZOO_HOME to another folder"
    )


def _space(shelf: Shelf) -> Iterator[Check]:
    place = next(path for path in (shelf.home.root, *shelf.home.root.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    yield Check("space", free > LITTLE_SPACE, f"{size(free)} free", "zoo gc; zoo cache list")


def _catalogue(shelf: Shelf) -> Iterator[Check]:
    from registry.collect import is_lost

    problems = shelf.local.catalogue.check()
    if is_lost(shelf.local):
        problems.append("there is none, though there are stored files")
    for problem in problems:
        yield Check("catalogue", False, problem, "zoo doctor --rebuild makes it anew from the stored files")
    if not problems:
        yield Check("catalogue", True, count(shelf.local.catalogue.count(), "model"))


def _files(shelf: Shelf) -> Iterator[Check]:
    """Look whether every file is there with its size, and every card as it was; `zoo verify` reads files' content."""
    missing = [f"{model.ref}: {path}" for model in shelf.local.catalogue.all_models() for path in _broken(shelf, model)]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    found = (
        f"missing or cut short: {', '.join(missing[:3])}{more}"
        if missing
        else f"complete, in {shelf.local.store.where}"
    )
    yield Check("files", not missing, found, "zoo verify --no-replay says how they are had again")


def _broken(shelf: Shelf, model: Model) -> Iterator[str]:
    from registry.blobs import holds
    from registry.damage import stored_card

    if not stored_card(shelf.local, model):
        yield CARD_FILE
    for file in model.card.files:
        if not holds(shelf.local.store, file):
            yield file.path


def _leftovers(shelf: Shelf) -> Iterator[Check]:
    from registry.collect import SharedError, collect

    try:
        dead = collect(shelf.local, dry_run=True)
    except SharedError as error:  # which is no fault
        yield Check("leftovers", True, error.message)
        return
    found = f"{count(dead.blobs, 'file')} with {size(dead.bytes)} that no model needs; zoo gc removes them"
    yield Check("leftovers", True, found if dead.blobs else "none")


def _policy(shelf: Shelf) -> Iterator[Check]:
    trusted = policy.read(shelf.home)
    absent = [str(key) for key in trusted.public_keys if not key.is_file()]
    found = str(trusted.path) if trusted.path else "none: nothing is forbidden"
    yield Check(
        "policy", not absent, f"{found}; no such key: {', '.join(absent)}" if absent else found, "put the keys there"
    )


def _extras(shelf: Shelf) -> Iterator[Check]:
    there = [name for name, module in EXTRAS.items() if find_spec(module)]
    absent = [name for name in EXTRAS if name not in there]
    hint = f"; pip install 'zoo[{','.join(absent)}]' adds the others" if absent else ""
    yield Check("extras", True, (", ".join(there) or "none") + hint)
