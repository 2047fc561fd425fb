"""Files that are no model at all, whatever their names say: what a download leaves behind when it did not work."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError

HEAD = 512  # bytes
AGAIN = "copy or download it again, and compare its size with the original's"
POINTER = b"version https://git-lfs"  # https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, "The Pointer"
PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")
IN_TEXT = (".json", ".js", ".prototxt", ".pbtxt")  # the formats that are text
STOP = b"."  # how pickles end, of which the oldest are text


def refuse_mistaken(path: Path | str, expected: str) -> None:
    """Refuse a file that is empty, a web page, a pointer of Git LFS or plain text; folders and what is not there pass.

    Args:
        path: the file.
        expected: what it should be, for people.

    Raises:
        ZooError: it is one of these.
    """
    file = Path(path)
    if not file.is_file():
        return
    with file.open("rb") as opened:
        head = opened.read(HEAD)
        opened.seek(max(opened.seek(0, 2) - 1, 0))
        end = opened.read()
    found = mistaken(head, end == STOP or file.name.lower().endswith(IN_TEXT))
    if found is not None:
        what, hint = found
        raise ZooError(f"{path} is {what}; expected {expected}", hint)


def mistaken(head: bytes, may_be_text: bool = False) -> tuple[str, str] | None:
    """Say what a file is that begins so and is no model, and what to do; None where it may be one.

    >>> mistaken(b""), mistaken(b"PK")
    (('empty', "copy or download it again, and compare its size with the original's"), None)
    >>> mistaken(b"<!DOCTYPE html><title>404")[0], mistaken(b"version https://git-lfs.github.com/spec/v1")[1]
    ('a web page', 'fetch the file itself: git lfs pull')
    >>> mistaken(b"see the README"), mistaken(b"see the README", may_be_text=True)
    (('plain text', 'name the file that holds the numbers'), None)
    """
    if not head:
        return "empty", AGAIN
    if head.startswith(POINTER):
        return "a pointer of Git LFS, not the file itself", "fetch the file itself: git lfs pull"
    if head.lstrip().lower().startswith(PAGES):
        return "a web page", "download the file itself, not the page that shows it"
    return None if may_be_text or not _is_text(head) else ("plain text", "name the file that holds the numbers")


def _is_text(head: bytes) -> bool:
    return len(head) > 8 and all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head)
