"""What a hub refuses, in our words: one table from `huggingface_hub`'s exceptions to a message and what to do next."""

from __future__ import annotations

import errno
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from registry.errors import ZooError
from registry.sources.hf.hub import Hub

RETRY = "try again in a few minutes"


@dataclass(frozen=True)
class Row:
    """What a failure means.

    Attributes:
        error: the name of the exception's class or of one of its bases. Names, since the classes of the HTTP library
            are httpx's under huggingface_hub 1 and httpx2's under 2.
        message, hint: filled with the words of `_words`.
        status: a regex that the HTTP status must match; empty for any.
    """

    error: str
    message: str
    hint: str
    status: str = ""


TABLE = (
    Row(
        "OfflineModeIsEnabled",
        "{what} needs the network, and Hugging Face is set offline (HF_HUB_OFFLINE)",
        "unset HF_HUB_OFFLINE; what zoo list shows works offline",
    ),
    Row("GatedRepoError", "{repo} is gated{said}", "ask for access at {page}, then {login}"),
    Row("DisabledRepoError", "{repo} has been disabled{said}", "see {page}"),
    Row("RepositoryNotFoundError", "{endpoint} has no model {repo}, or it is private", "check the name, or {login}"),
    Row("RevisionNotFoundError", "{repo} on {endpoint} has no such revision{said}", "see {page}"),
    Row("EntryNotFoundError", "{repo} on {endpoint} has no such file{said}", "see {page}"),
    Row("HfHubHTTPError", "{endpoint} does not know who you are (401){said}", "{login}", "401"),
    Row("HfHubHTTPError", "{endpoint} does not allow it (403){said}", "{login} with a token that may do it", "403"),
    Row("HfHubHTTPError", "{repo} changed on {endpoint} meanwhile ({status}){said}", "try again", "409|412"),
    Row("HfHubHTTPError", "{endpoint} has had too many requests from here (429){said}", RETRY, "429"),
    Row("HfHubHTTPError", "{endpoint} is out of order ({status}){said}", RETRY, "5.."),
    Row("HfHubHTTPError", "{endpoint} refuses: {what} failed ({status}){said}", "see {page}"),
    Row("TimeoutException", "{endpoint} cannot be reached: no answer in time", "check the connection and try again"),
    Row("HTTPError", "{endpoint} cannot be reached: {error}", "check the connection and the address, and try again"),
    Row("InvalidURL", "{endpoint} cannot be reached: {error}", "check the address"),
    Row("HFValidationError", "{repo} is no model name: {error}", ""),
)  # fmt: skip


@contextmanager
def told(hub: Hub, repo: str, what: str) -> Iterator[None]:
    """Turn the failures of calls into `huggingface_hub` into ours, and keep its own output off the terminal.

    Args:
        hub: whom the calls ask.
        repo: the model asked for; empty for none.
        what: what is being done, the sentence's subject: `the search`.

    Raises:
        ZooError: the calls failed.
    """
    try:
        with quiet():
            yield
    except ZooError:
        raise
    except Exception as error:
        raise explained(_cause(error), hub, repo, what) from error


def explained(error: Exception, hub: Hub, repo: str, what: str) -> ZooError:
    """Say what an exception of `huggingface_hub` means."""
    words = _words(error, hub, repo, what)
    names = class_names(error)
    for row in TABLE:
        if row.error in names and re.fullmatch(row.status or ".*", words["status"]):
            return ZooError(row.message.format(**words), row.hint.format(**words))
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return ZooError(f"{what} failed: {error.strerror}" + (f": {error.filename}" if error.filename else ""))
    return ZooError(
        f"{what} failed: the answer is not a hub's ({type(error).__name__}: {words['error']})",
        f"check that {hub.endpoint} is a hub; HF_ENDPOINT chooses another",
    )


def class_names(error: BaseException) -> set[str]:
    """Name an exception's class and all of its bases."""
    return {kind.__name__ for kind in type(error).__mro__}


def plain(text: object, most: int = 200) -> str:
    """Make one short line of what a stranger wrote: no control characters, at most `most` characters.

    >>> plain("a\\x1b[31m b\\n\\n c")
    'a [31m b c'
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)[: 8 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep `huggingface_hub`'s bars, warnings and log lines off the terminal: we report in our own words."""
    from huggingface_hub import constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # they are, lazily
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    logger = logging.getLogger("huggingface_hub")
    level, bars = logger.level, constants.HF_HUB_DISABLE_PROGRESS_BARS is None and not are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    if bars:
        disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        if bars:
            enable_progress_bars()


def _cause(error: Exception) -> Exception:
    """Find the hub's refusal below the plain error that an upload's failure is wrapped in."""
    while type(error) in (RuntimeError, ValueError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _words(error: Exception, hub: Hub, repo: str, what: str) -> dict[str, str]:
    said = plain(getattr(error, "server_message", None) or "")
    login = "hf auth login"
    if not hub.trusted:
        login = f"export HF_ENDPOINT={hub.endpoint} and {login}: the token goes to that hub only"
    return {
        "what": what,
        "repo": repo or "the hub",
        "endpoint": hub.endpoint,
        "page": f"{hub.endpoint}/{repo}",
        "status": str(getattr(getattr(error, "response", None), "status_code", "")),
        "said": f": {said}" if said else "",
        "error": plain(error) or type(error).__name__,
        "login": login,
    }
